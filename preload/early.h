/* Allocations made while the real allocator is being looked up: dlsym allocates on a failed lookup,
 * and would come back to us for it (H01). A few, small, from a static arena; never given back. */
#ifndef VT_PRELOAD_EARLY_H
#define VT_PRELOAD_EARLY_H

#include <stddef.h>

void *early_malloc(size_t size);
void *early_calloc(size_t count, size_t size);
void *early_realloc(void *pointer, size_t size);
void *early_reallocarray(void *pointer, size_t count, size_t size);
void early_free(void *pointer);
void early_free_sized(void *pointer, size_t size);
void early_free_aligned_sized(void *pointer, size_t alignment, size_t size);
int early_posix_memalign(void **pointer, size_t alignment, size_t size);
void *early_aligned_alloc(size_t alignment, size_t size);
void *early_memalign(size_t alignment, size_t size);
void *early_valloc(size_t size);
void *early_pvalloc(size_t size);
size_t early_malloc_usable_size(void *pointer);

#define EARLY_BYTES (64 << 10)
extern char early_arena[EARLY_BYTES] __attribute__((visibility("hidden")));

static inline int early_owns(const void *pointer)
{
    const char *at = pointer;
    return at >= early_arena && at < early_arena + EARLY_BYTES;
}

#endif
