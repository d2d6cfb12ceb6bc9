/* Where a session's memory came from: the blocks of all its processes, summed up by the stack, the
 * function or the module that allocated them, or by their size. */
#ifndef VT_COLLECTOR_ORIGINS_H
#define VT_COLLECTOR_ORIGINS_H

#include "collector/heap.h"
#include "collector/sums.h"

enum origin_kind { ORIGIN_STACK, ORIGIN_FUNCTION, ORIGIN_MODULE, ORIGIN_SIZE };

/* By name ("stack", …), or -1. */
int origin_named(const char *name);

/* Their sums' values. */
enum origin_value {
    ORIGIN_ALLOCATIONS,
    ORIGIN_ALLOCATED,
    ORIGIN_PEAK, /* bytes live when the heap of their process was largest */
    ORIGIN_LIVE, /* bytes never freed */
    ORIGIN_LIVE_BLOCKS,
    ORIGIN_TEMPORARY, /* freed before the thread's next allocation */
    ORIGIN_FREES,
    ORIGIN_LIVED, /* how long those that were freed lived, in all, in ns */
};

/* The sums of a session; sums_free() them. NULL and a problem. */
struct sums *origins_of(struct session *session, enum origin_kind kind, struct problem *problem);

/* What the id of a stack means, for sums_end_image: `data` points to an origin_kind. Functions and
 * modules are those of the innermost frame that is not an allocator. */
sums_text origin_text;

#endif
