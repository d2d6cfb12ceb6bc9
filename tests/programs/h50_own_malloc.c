/* A program with an allocator of its own, in the executable: a heap that only grows. With -DHIDDEN
 * it goes by a name that nobody else knows, as one that is linked statically may. CALLS reads make
 * enough events for somebody to be surprised that there is no allocation. */
#define _GNU_SOURCE
#include "book.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CALLS = 1200, HEAP = 1 << 24 };

static char heap[HEAP] __attribute__((aligned(16)));
static size_t used;

static void *take(size_t size)
{
    size_t at = __atomic_fetch_add(&used, (size + 31) / 16 * 16, __ATOMIC_RELAXED);
    if (at + size + 16 > HEAP)
        return NULL;
    *(size_t *)(void *)(heap + at) = size;
    return heap + at + 16;
}

#ifndef HIDDEN
void *malloc(size_t size)
{
    return take(size);
}
void free(void *block)
{
    (void)block;
}
void *calloc(size_t count, size_t size)
{
    return take(count * size); /* never given twice, so zero */
}
void *realloc(void *block, size_t size)
{
    void *grown = take(size);
    if (grown && block) {
        size_t old = *(size_t *)(void *)((char *)block - 16);
        memcpy(grown, block, old < size ? old : size);
    }
    return grown;
}
#endif

int main(void)
{
    char byte;
    int zero = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < CALLS; i++) {
#ifdef HIDDEN
        char *block = take(100);
#else
        char *block = opaque(malloc(100));
#endif
        if (!block || read(zero, &byte, 1) != 1)
            return 1;
        block[0] = byte;
    }
    close(zero);
    book("calls %d\n", CALLS);
    return 0;
}
