/* Options: see options.h. Runs before main and inside somebody's process: reads, never allocates.
 */
#include "runtime/options.h"

#include <string.h>

const char *const option_variables[OPTION_COUNT] = {
#define OPTION(NAME, variable, argument, help) [OPTION_##NAME] = variable,
#include "runtime/options.def"
#undef OPTION
};

const char *environment_value(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

const char *option_value(char *const *environment, enum capture_option option)
{
    return environment_value(environment, option_variables[option]);
}

static int is_word(const char *at, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(at, word, length) == 0;
}

unsigned categories_parse(const char *list, const char **unknown)
{
    static const char *const names[CATEGORY_COUNT] = {
#define X(NAME, option, tag, help) option,
        EVENT_CATEGORIES(X)
#undef X
    };
    unsigned mask = 0;
    if (!list)
        return CATEGORIES_DEFAULT;
    while (*list) {
        size_t length = strcspn(list, ",");
        unsigned bit = is_word(list, length, "all") ? CATEGORIES_ALL : 0;
        for (unsigned i = 0; i < CATEGORY_COUNT; i++)
            if (is_word(list, length, names[i]))
                bit = 1u << i;
        if (!bit && length > 0 && unknown && !*unknown)
            *unknown = list;
        mask |= bit;
        list += length;
        list += *list == ',';
    }
    return mask;
}
