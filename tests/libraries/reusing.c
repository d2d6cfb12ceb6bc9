/* An allocator that gives a block away at once: free puts it where the next malloc takes it from,
 * and does not come back before another thread has it, or nobody wants it for a while. So does
 * realloc, which always moves. What is recorded of them after the call comes too late. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCK = 4096, BLOCKS = 4096, PATIENCE = 3000 };

static _Alignas(BLOCK) char memory[BLOCKS][BLOCK];
static atomic_int takes[BLOCKS]; /* how often each was given out */
static uint16_t unused[BLOCKS];  /* a stack, under the lock */
static int depth, fresh;
static atomic_flag lock = ATOMIC_FLAG_INIT;

static void enter(void)
{
    for (int i = 1; atomic_flag_test_and_set_explicit(&lock, memory_order_acquire); i++)
        if (i % 1000 == 0)
            sched_yield(); /* its owner may wait for a processor */
}

static void leave(void)
{
    atomic_flag_clear_explicit(&lock, memory_order_release);
}

static int is_small(const void *block)
{
    return (const char *)block >= memory[0] && (const char *)block < memory[0] + sizeof memory;
}

/* Large blocks are not what this is about: a mapping each, with its size in front, never given
 * back. */
static void *map(size_t size)
{
    char *pages = size < SIZE_MAX / 2 ? mmap(NULL, size + BLOCK, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                      : MAP_FAILED;
    if (pages == MAP_FAILED)
        return NULL;
    memcpy(pages, &size, sizeof size);
    return pages + BLOCK;
}

static size_t size_of(const void *block)
{
    size_t size = BLOCK;
    if (!is_small(block))
        memcpy(&size, (const char *)block - BLOCK, sizeof size);
    return size;
}

static void *take(size_t size)
{
    int number = -1;
    if (size > BLOCK)
        return map(size);
    enter();
    if (depth > 0)
        number = unused[--depth];
    else if (fresh < BLOCKS)
        number = fresh++;
    leave();
    if (number < 0) {
        errno = ENOMEM;
        return NULL;
    }
    takes[number]++;
    return memory[number];
}

static void give(void *block)
{
    if (!is_small(block))
        return;
    int number = (int)(((char *)block - memory[0]) / BLOCK), before = takes[number];
    enter();
    unused[depth++] = (uint16_t)number;
    leave();
    for (volatile int i = 0; i < PATIENCE && takes[number] == before; i++)
        ;
}

void *malloc(size_t size)
{
    return take(size);
}

void *calloc(size_t number, size_t size)
{
    void *block = take(number * size);
    return block ? memset(block, 0, number * size) : NULL;
}

void *realloc(void *block, size_t size)
{
    void *moved = take(size);
    if (block && moved) {
        size_t old = size_of(block);
        memcpy(moved, block, old < size ? old : size);
        give(block);
    }
    return moved;
}

void free(void *block)
{
    if (block)
        give(block);
}

void *memalign(size_t alignment, size_t size)
{
    return alignment <= BLOCK ? take(size) : NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

size_t malloc_usable_size(void *block)
{
    return block ? size_of(block) : 0;
}
