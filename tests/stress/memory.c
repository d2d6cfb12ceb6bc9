/* The allocator: blocks are made, grow and go, and each keeps its bytes all the while. */
#include "parts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

NOINLINE static void *memory_malloc(size_t size)
{
    BOOK(memory_malloc);
    void *at = malloc(size);
    DONE(malloc, size);
    return at;
}

NOINLINE static void *memory_calloc(size_t size)
{
    BOOK(memory_calloc);
    unsigned char *at = calloc(1, size);
    DONE(calloc, size);
    MUST(at && at[0] == 0 && at[size - 1] == 0 && at[size / 2] == 0);
    return at;
}

NOINLINE static void *memory_aligned(size_t size)
{
    BOOK(memory_aligned);
    void *at = aligned_alloc(256, size);
    DONE(aligned_alloc, size);
    MUST(((uintptr_t)at & 255) == 0);
    return at;
}

NOINLINE static void *memory_realloc(void *at, size_t size)
{
    BOOK(memory_realloc);
    at = realloc(at, size);
    DONE(realloc, size);
    return at;
}

NOINLINE static void memory_free(void *at)
{
    BOOK(memory_free);
    DONE(free, 0);
    free(at);
}

PLAIN static int is_whole(const struct block *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block->at[i] != block->byte)
            return 0;
    return 1;
}

PLAIN static void drop(struct block *block)
{
    if (!block->at)
        return;
    MUST(is_whole(block, block->size));
    memset(block->at, 0xee, block->size);
    memory_free(block->at);
    block->at = NULL;
}

void do_memory(struct dice *dice, struct block *blocks)
{
    for (unsigned i = draw(dice, 40); i > 0; i--) {
        struct block *block = &blocks[draw(dice, BLOCKS)];
        size_t size = 1 + draw(dice, draw(dice, 30) ? 3000 : 200000), old = block->size;
        unsigned how = draw(dice, 5);
        if (how < 3) {
            drop(block);
            block->at = how == 0   ? memory_malloc(size)
                        : how == 1 ? memory_calloc(size)
                                   : memory_aligned(size);
        } else if (how == 3 && block->at) {
            block->at = memory_realloc(block->at, size);
            MUST(block->at && is_whole(block, old < size ? old : size));
        } else {
            drop(block);
            continue;
        }
        if (!block->at) {
            MUST(!"memory");
            continue;
        }
        block->size = size;
        block->byte = (unsigned char)draw(dice, 256);
        memset(block->at, block->byte, size);
    }
}

void drop_all(struct block *blocks)
{
    for (int i = 0; i < BLOCKS; i++)
        drop(&blocks[i]);
}
