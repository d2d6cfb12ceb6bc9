/* What calls of the allocator mean: preload/calls/memory.def. */
#ifndef VT_COLLECTOR_ALLOCATOR_H
#define VT_COLLECTOR_ALLOCATOR_H

#include "collector/span.h"

enum allocator_role {
    ALLOCATOR_NONE,
    ALLOCATOR_ALLOCATES,
    ALLOCATOR_REALLOCATES,
    ALLOCATOR_MOVES, /* recorded before a realloc: it releases its block, unless it fails */
    ALLOCATOR_RELEASES,
};

enum allocator_role allocator_role_of(const struct image_call *call);
/* Which word of an event's payload is the size that was asked for; 0: none is. The first one is the
 * block. */
unsigned allocator_size_at(enum allocator_role role);

/* How many bytes the span asked for and got a block of (its result); 0: it is no allocation. */
uint64_t allocator_gave(const struct span *span);
/* The block that the span released, or 0. */
uint64_t allocator_took(const struct span *span);
/* The block that a realloc left as it was because it failed, or 0. */
uint64_t allocator_left(const struct span *span);

/* The function that asked for memory, given the stack of the allocation: its innermost frame that
 * does not merely pass a request on, as operator new does. 0 for an id that is none. */
int allocator_caller(struct image *image, uint32_t stack, uint64_t tick, struct image_frame *frame);

#endif
