/* The early arena: see early.h. Each block is preceded by its size, so that realloc can copy it. */
#include "preload/early.h"

#include "preload/calls.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

char early_arena[EARLY_BYTES] __attribute__((aligned(4096)));
static _Atomic size_t used;

enum { ALIGNMENT = 16 };

static void *take(size_t alignment, size_t size)
{
    if (alignment < ALIGNMENT)
        alignment = ALIGNMENT;
    if (size > EARLY_BYTES || alignment > EARLY_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    size_t room = ALIGNMENT + alignment + ((size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
    size_t at = atomic_fetch_add(&used, room);
    if (at + room > EARLY_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    uintptr_t start = (uintptr_t)early_arena + at + ALIGNMENT;
    start = (start + alignment - 1) & ~(uintptr_t)(alignment - 1);
    memcpy((void *)(start - sizeof size), &size, sizeof size);
    return (void *)start;
}

size_t early_malloc_usable_size(void *pointer)
{
    size_t size = 0;
    if (pointer && early_owns(pointer))
        memcpy(&size, (char *)pointer - sizeof size, sizeof size);
    return size;
}

void *early_malloc(size_t size)
{
    return take(ALIGNMENT, size);
}

void *early_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return take(ALIGNMENT, bytes); /* the arena is static and never used twice: zeros */
}

void *early_realloc(void *pointer, size_t size)
{
    size_t old = early_malloc_usable_size(pointer);
    void *fresh = take(ALIGNMENT, size);
    if (fresh && old)
        memcpy(fresh, pointer, old < size ? old : size);
    return fresh;
}

void *early_reallocarray(void *pointer, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return early_realloc(pointer, bytes);
}

void early_free(void *pointer)
{
    (void)pointer;
}

void early_free_sized(void *pointer, size_t size)
{
    (void)pointer;
    (void)size;
}

void early_free_aligned_sized(void *pointer, size_t alignment, size_t size)
{
    (void)pointer;
    (void)alignment;
    (void)size;
}

int early_posix_memalign(void **pointer, size_t alignment, size_t size)
{
    void *block = take(alignment, size);
    if (block)
        *pointer = block;
    return block ? 0 : ENOMEM;
}

void *early_aligned_alloc(size_t alignment, size_t size)
{
    return take(alignment, size);
}

void *early_memalign(size_t alignment, size_t size)
{
    return take(alignment, size);
}

void *early_valloc(size_t size)
{
    return take(4096, size);
}

void *early_pvalloc(size_t size)
{
    return take(4096, (size + 4095) & ~(size_t)4095);
}
