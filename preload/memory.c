/* The allocator: the rows of calls/memory.def. Each call goes to the same family's next symbol
 * (H51); nothing is put into or in front of a block. A block is released, for the trace, before
 * free and realloc are called, because behind the call another thread may already have its address
 * (H52). */
#include "preload/early.h"
#include "preload/memory_samples.h"
#include "preload/wrap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

/* When an allocation begins; 0: it is not to be recorded. */
static ALWAYS_INLINE uint64_t begin(size_t size)
{
    if (!process_captures(CATEGORY_MEMORY) ||
        (__builtin_expect(memory_samples_rate, 0) && !memory_samples_draw(size)))
        return 0;
    return clock_tick();
}

/* Bytes of an array; more than any block has when they cannot be told. */
static size_t product(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? PTRDIFF_MAX : bytes;
}

/* Of a sampled block the release must be known for one. */
static ALWAYS_INLINE int is_kept(const void *block)
{
    if (__builtin_expect(!memory_samples_rate, 1) || !block || memory_samples_add(block))
        return 1;
    process_lose(LOSS_NO_PLACE);
    return 0;
}

static ALWAYS_INLINE void allocated(enum call_number number, uint64_t begun, const void *block,
                                    size_t size)
{
    if (begun && is_kept(block))
        call_record(number, begun, (uint64_t)(uintptr_t)block, (uint64_t[]){size}, 1);
}

static ALWAYS_INLINE void releases(enum call_number number, const void *block)
{
    if (block && process_captures(CATEGORY_MEMORY) &&
        (__builtin_expect(!memory_samples_rate, 1) || memory_samples_remove(block)))
        call_note(number, (uint64_t[]){(uint64_t)(uintptr_t)block}, 1);
}

#undef ALLOCATES
#undef ALLOCATOR
#define ALLOCATES(name, parameters, arguments, bytes)                                              \
    EXPORT void *name parameters                                                                   \
    {                                                                                              \
        uint64_t begun = begin(bytes);                                                             \
        void *block = real.name arguments;                                                         \
        allocated(NUMBER_##name, begun, block, bytes);                                             \
        return block;                                                                              \
    }
#define ALLOCATOR(result, flags, type, name, parameters, arguments, fields)
#define NOTE(category, name, fields)
#include "preload/calls/memory.def"

EXPORT int posix_memalign(void **pointer, size_t alignment, size_t size)
{
    uint64_t begun = begin(size);
    int failed = real.posix_memalign(pointer, alignment, size);
    allocated(NUMBER_posix_memalign, begun, failed ? NULL : *pointer, size);
    return failed;
}

/* A block of the early arena moves to the real allocator when it grows. */
static void *reallocate(enum call_number number, void *pointer, size_t count, size_t size)
{
    size_t bytes = product(count, size);
    uint64_t begun = begin(bytes);
    void *block;
    if (early_owns(pointer)) {
        size_t old = early_malloc_usable_size(pointer);
        block = number == NUMBER_realloc ? real.malloc(size) : real.reallocarray(NULL, count, size);
        if (block)
            memcpy(block, pointer, old < bytes ? old : bytes);
    } else {
        releases(NUMBER_realloc_begins, pointer);
        block = number == NUMBER_realloc ? real.realloc(pointer, size)
                                         : real.reallocarray(pointer, count, size);
    }
    if (begun && is_kept(block))
        call_record(number, begun, (uint64_t)(uintptr_t)block,
                    (uint64_t[]){(uint64_t)(uintptr_t)pointer, bytes}, 2);
    return block;
}

EXPORT void *realloc(void *pointer, size_t size)
{
    return reallocate(NUMBER_realloc, pointer, 1, size);
}

/* libc's is a call of realloc, which comes back to us: that is the event. */
EXPORT void *reallocarray(void *pointer, size_t count, size_t size)
{
    if (real.reallocarray_is_libc && !early_owns(pointer))
        return real.reallocarray(pointer, count, size);
    return reallocate(NUMBER_reallocarray, pointer, count, size);
}

EXPORT void free(void *pointer)
{
    if (early_owns(pointer))
        return;
    releases(NUMBER_free, pointer);
    real.free(pointer);
}

/* Where these are missing they are free: the first one that there is, of the block's family. */
EXPORT void free_sized(void *pointer, size_t size)
{
    real_resolve_young();
    if (!real.has_free_sized) {
        free(pointer);
    } else if (!early_owns(pointer)) {
        releases(NUMBER_free_sized, pointer);
        real.free_sized(pointer, size);
    }
}

EXPORT void free_aligned_sized(void *pointer, size_t alignment, size_t size)
{
    real_resolve_young();
    if (!real.has_free_aligned_sized) {
        free(pointer);
    } else if (!early_owns(pointer)) {
        releases(NUMBER_free_aligned_sized, pointer);
        real.free_aligned_sized(pointer, alignment, size);
    }
}

EXPORT size_t malloc_usable_size(void *pointer)
{
    return early_owns(pointer) ? early_malloc_usable_size(pointer)
                               : real.malloc_usable_size(pointer);
}
