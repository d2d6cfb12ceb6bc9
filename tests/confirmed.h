/* The book that instrumented/confirm.c and check_crash.c share: a mapped file. What a thread has
 * done it confirms here, after the fact, so whatever stands in it must be in the trace, however the
 * program ends. */
#ifndef VT_TESTS_CONFIRMED_H
#define VT_TESTS_CONFIRMED_H

#include <stdint.h>

enum { WORKERS = 3, BLOCK_CALLS = 16 };

struct worker {
    uint64_t calls; /* of inner(), finished; a multiple of BLOCK_CALLS */
    uint64_t depth; /* of deeper(), entered and not left */
    uint32_t pid, tid;
};

struct confirmed {
    struct worker workers[WORKERS]; /* 0 and 1: threads of the root; 2: its child */
    uint64_t limit;                 /* set by the test: storms wait before more calls than that */
    uint32_t go_on;                 /* set by the test: do the rest and end */
};

#define CONFIRM(place, value) __atomic_store_n(&(place), value, __ATOMIC_RELEASE)
#define CONFIRMED(place)      __atomic_load_n(&(place), __ATOMIC_ACQUIRE)

#endif
