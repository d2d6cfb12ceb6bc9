/* For instrumented targets, C and C++: every function says that it was entered and how deep, in a
 * journal that is printed at the end as lines "DEPTH NAME". The depth is kept by hand: a cleanup
 * restores it at returns and when exceptions pass; behind a longjmp HERE() does. One thread. */
#ifndef VT_TESTS_JOURNAL_H
#define VT_TESTS_JOURNAL_H

#include <stdio.h>
#include <stdlib.h>

#define QUIET static inline __attribute__((no_instrument_function, unused))

enum { JOURNAL_ENTRIES = 100000 };
static struct {
    int depth;
    const char *name;
} journal[JOURNAL_ENTRIES];
static volatile int journal_count, journal_depth; /* signal handlers write too */

QUIET int journal_enter(const char *name)
{
    if (journal_count == JOURNAL_ENTRIES)
        abort();
    journal[journal_count].depth = journal_depth;
    journal[journal_count].name = name;
    journal_count = journal_count + 1;
    journal_depth = journal_depth + 1;
    return journal_depth - 1;
}

QUIET void journal_leave(int *depth)
{
    journal_depth = *depth;
}

QUIET int journal_print(void)
{
    for (int i = 0; i < journal_count; i++)
        printf("%d %s\n", journal[i].depth, journal[i].name);
    return fflush(stdout);
}

/* First in every function. */
#define CALL_AS(name)                                                                              \
    __attribute__((cleanup(journal_leave), unused)) int depth_here = journal_enter(name)
#define CALL() CALL_AS(__func__)
/* After a jump back into this function. */
#define HERE() (journal_depth = depth_here + 1)

#define NOINLINE static __attribute__((noinline))

#endif
