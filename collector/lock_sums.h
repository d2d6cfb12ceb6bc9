/* Locks that somebody waited for: how long, for whom, and what was done while they were held. */
#ifndef VT_COLLECTOR_LOCK_SUMS_H
#define VT_COLLECTOR_LOCK_SUMS_H

#include "collector/span.h"

struct lock_sum {
    uint32_t pid;
    uint64_t address;
    const char *kind; /* "mutex", "rwlock", … */
    uint64_t waits, waited_ns, longest_ns;
    uint64_t holds, held_ns,
        longest_held_ns; /* of the first one from the wait on: preload/locks.c */
    /* inside these holds; of one with millions of such calls, the last 4 194 303 */
    uint64_t allocations, io_calls, io_ns;
    uint64_t not_kept; /* waits and holds that the places below leave out: an image had too many */
    /* Who waited, who had it meanwhile: stacks, or functions where there are no stacks, those that
     * account for most of the time first, as lines for a report. Owned by the sums. */
    char *text;
};

struct lock_sums;

struct lock_sums *lock_sums_new(void);
void lock_sums_free(struct lock_sums *sums);
/* A visitor that adds what it sees. */
struct visitor lock_sums_visitor(struct lock_sums *sums);

/* Owned by the sums, in no order. */
struct lock_sum *lock_sums_all(struct lock_sums *sums, size_t *count);

#endif
