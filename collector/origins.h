/* Where a session's memory came from: the blocks of all its processes, summed up by the stack, the
 * function or the module that allocated them, or by their size. */
#ifndef VT_COLLECTOR_ORIGINS_H
#define VT_COLLECTOR_ORIGINS_H

#include "collector/heap.h"

enum origin_kind { ORIGIN_STACK, ORIGIN_FUNCTION, ORIGIN_MODULE, ORIGIN_SIZE };

struct origin {
    const char *text; /* the stack's frames, innermost first, each with its line end; or a name */
    uint64_t allocations, allocated;
    uint64_t peak;              /* bytes live when the heap of their process was largest */
    uint64_t live, live_blocks; /* never freed */
    uint64_t temporary;         /* freed before the thread's next allocation */
    uint64_t frees, lived_ns;   /* of those that were freed, and how long they lived in all */
};

/* One for each that occurs, in no order; free() it. NULL and a problem. Texts live as long as the
 * session. */
struct origin *origins_of(struct session *session, enum origin_kind kind, size_t *count,
                          struct problem *problem);

#endif
