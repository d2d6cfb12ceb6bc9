/* Recording a program of ours, and what a verb makes of it. */
#ifndef VT_TESTS_VERBS_H
#define VT_TESTS_VERBS_H

#include "tests/support.h"

#include <stdio.h>

static inline void record(const char *options, const char *program, const char *session)
{
    run_ok(shell("'%s' record %s -o %s -- '%s' >book", built_command(), options, session,
                 built_program(program)));
}

/* The outcome of a verb, which has to succeed. */
#define verb(...)                                                                                  \
    ({                                                                                             \
        char line_[1024];                                                                          \
        snprintf(line_, sizeof line_, __VA_ARGS__);                                                \
        struct outcome run_ = shell("'%s' %s", built_command(), line_);                            \
        ck_assert_msg(run_.code == 0, "%s: exit status %d: %s", line_, run_.code, run_.err);       \
        run_;                                                                                      \
    })

/* A string in what it wrote, or "". */
static inline const char *string_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

#endif
