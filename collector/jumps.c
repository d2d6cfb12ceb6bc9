/* See jumps.h. */
#include "collector/jumps.h"

#include "collector/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_JUMPS = 1 << 16 };

struct jump {
    uint64_t buffer;
    size_t depth;
};

static void forget_deeper(struct jumps *jumps, size_t depth)
{
    while (jumps->count && jumps->first[jumps->count - 1].depth > depth)
        jumps->count--;
}

void jumps_remember(struct jumps *jumps, uint64_t buffer, size_t depth)
{
    forget_deeper(jumps, depth);
    if (!jumps->first)
        jumps->first = need(malloc(MAX_JUMPS * sizeof *jumps->first));
    const struct jump *last = jumps->count ? &jumps->first[jumps->count - 1] : NULL;
    if (last && last->buffer == buffer && last->depth == depth)
        return;
    if (jumps->count == MAX_JUMPS) {
        jumps->count /= 2;
        memcpy(jumps->first, jumps->first + jumps->count, jumps->count * sizeof *jumps->first);
    }
    jumps->first[jumps->count++] = (struct jump){buffer, depth};
}

size_t jumps_find(struct jumps *jumps, uint64_t buffer, size_t depth)
{
    forget_deeper(jumps, depth);
    for (size_t i = jumps->count; i-- > 0;)
        if (jumps->first[i].buffer == buffer)
            return jumps->first[i].depth;
    return depth;
}

void jumps_free(struct jumps *jumps)
{
    free(jumps->first);
}
