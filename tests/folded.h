/* Folded stacks of a session and their weights. */
#ifndef VT_TESTS_FOLDED_H
#define VT_TESTS_FOLDED_H

#include "tests/hazards.h"

/* Folded stacks of x.vtrace by a weight. */
static inline char *folded(const char *weight)
{
    struct outcome run =
        shell("'%s' export -q -f folded --weight %s -o - x.vtrace", built_command(), weight);
    assert_fine(&run);
    char *text = strdup(run.out);
    outcome_free(&run);
    return text;
}

/* Sum of the weights of the stacks whose text up to the weight contains `part`. */
static inline double weight_of(const char *stacks, const char *part)
{
    double sum = 0;
    for (const char *line = stacks; *line; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *space = end;
        while (*space != ' ')
            space--;
        const char *found = strstr(line, part);
        if (found && found + strlen(part) <= space)
            sum += atof(space + 1);
    }
    return sum;
}

#endif
