/* The compiled form of a filter: a flat list of ops that work on one boolean, "the result so far".
 *
 * GLOB and COMPARE set it, NOT turns it round, and the two SKIPs jump over the right-hand side of
 * an "or" / "and" that is already decided. Jumps only go forward, so a run needs no stack and
 * always ends. `a or not b and c` is
 *
 *     0 GLOB a    1 SKIP_IF_TRUE 6    2 GLOB b    3 NOT    4 SKIP_IF_FALSE 6    5 GLOB c
 *
 * parse.c writes programs, match.c runs them; after that nobody changes one. Private to filter/. */
#ifndef VT_FILTER_PROGRAM_H
#define VT_FILTER_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

enum filter_code {
    FILTER_GLOB,         /* result = field matches pattern */
    FILTER_COMPARE,      /* result = field comparison number */
    FILTER_NOT,          /* result = not result */
    FILTER_SKIP_IF_TRUE, /* go on at target if the result holds … */
    FILTER_SKIP_IF_FALSE /* … or if it does not */
};

enum filter_field {
    FILTER_MODULE, /* text, for GLOB */
    FILTER_MODULE_FILE,
    FILTER_FUNCTION,
    FILTER_TAG,
    FILTER_THREAD,
    FILTER_PROCESS,
    FILTER_TID, /* numbers, for COMPARE */
    FILTER_PID,
    FILTER_DURATION
};

enum filter_comparison {
    FILTER_EQUAL,
    FILTER_UNEQUAL,
    FILTER_LESS,
    FILTER_AT_MOST,
    FILTER_MORE,
    FILTER_AT_LEAST
};

struct filter_op {
    enum filter_code code;
    enum filter_field field;
    enum filter_comparison comparison;
    union {
        const char *pattern; /* in filter.text; a '[' in it has its ']', a '\' has its character */
        uint64_t number;
        size_t target; /* an index in ops, larger than this op's own, at most count */
    };
};

struct filter {
    char *text; /* a copy of the expression, cut into NUL-terminated patterns */
    struct filter_op *ops;
    size_t count, room;
};

#endif
