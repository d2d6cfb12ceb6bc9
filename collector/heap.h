/* The heaps of a session: every block of every process from its allocation to its free, in the
 * order in which it happened, across threads. Memory grows with the blocks that are live at one
 * time. */
#ifndef VT_COLLECTOR_HEAP_H
#define VT_COLLECTOR_HEAP_H

#include "collector/allocator.h"
#include "collector/merge.h"

/* What a recorded allocation of `size` bytes stands for: itself, or where only some are recorded
 * (live_header.memory_rate) all that it was drawn from. */
struct heap_weight {
    uint64_t bytes, count;
};
struct heap_weight heap_weigh(const struct image *image, uint64_t size);

struct heap_sum {
    uint32_t pid, image;
    char process[64];
    uint64_t allocations, frees, failed;
    uint64_t allocated; /* bytes asked for, over time */
    uint64_t peak, live, live_blocks;
    uint64_t unknown_frees; /* the allocation was not seen: before the capture, or a fork */
    uint64_t overlaps;      /* at an address that was live: events are missing, or out of order */
};

struct heap_block {
    uint64_t address;          /* 0: none */
    uint64_t size;             /* as asked for; 0: not known */
    struct heap_weight weight; /* what it stands for */
    uint64_t tick;             /* of its allocation */
    uint32_t stack, slot;      /* as in struct merged_record */
};

enum heap_end {
    HEAP_FREED,
    HEAP_MOVED, /* by a realloc, whose new block is taken next */
    HEAP_NEVER, /* the process is at its end, and the block still there */
};

/* Who wants to see each block. */
struct heap_follower {
    void (*taken)(void *data, const struct heap_block *block);
    /* `record` is what ended it; HEAP_NEVER: NULL. */
    void (*released)(void *data, const struct heap_block *block, const struct merged_record *record,
                     enum heap_end end);
    /* It is one of those that were live when the heap was largest: behind all the others. */
    void (*at_peak)(void *data, const struct heap_block *block);
    void *data;
};

/* Follows every block of the image. 0, or -1 and a problem. */
int heap_follow(struct image *image, const struct heap_follower *follower, struct problem *problem);

/* The size of the image's heap over time, as counters of the thread that was given last: a change a
 * millisecond, and what the changes behind it came to. 0, or -1 and a problem. */
int heap_track(struct image *image, const struct visitor *visitor, struct problem *problem);

/* One for each image, in the session's order; free() it. NULL and a problem. */
struct heap_sum *heap_session(struct session *session, size_t *count, struct totals *totals,
                              struct problem *problem);

/* The blocks that are live when the image ends, or when its heap is largest (for the first time).
 * NULL and a problem. */
struct heap_blocks *heap_blocks_at(struct image *image, int peak, struct problem *problem);
void heap_blocks_free(struct heap_blocks *blocks);
/* The bytes that such a block stands for, given where and when (span->tick) it was allocated; else
 * 0. Takes it out: each is found once. */
uint64_t heap_blocks_take(struct heap_blocks *blocks, uint64_t address, uint64_t tick);

#endif
