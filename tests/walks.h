/* What the tests of the unwinder alone share: two walks of a thread's stack, and what they compare.
 */
#ifndef VT_TESTS_WALKS_H
#define VT_TESTS_WALKS_H

#include "runtime/unwind.h"

#include "tests/hazards.h"

#include <pthread.h>

#define OPAQUE __attribute__((noinline, noclone))

/* One that remembers, and one that does not. */
static struct unwind_walk kept = {.most = UNWIND_USUAL}, anew = {.most = UNWIND_USUAL};

static inline struct unwind_bounds own_stack(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attributes), 0);
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    return (struct unwind_bounds){(uintptr_t)low, (uintptr_t)low + size};
}

static const struct unwind_bounds unknown = {0, 0};

static inline void forget(struct unwind_walk *walk)
{
    walk->depth = 0;
}

/* Both have the same frames, as far as both go when they are cut for their depth. */
static inline int alike(const struct unwind_walk *one, const struct unwind_walk *two)
{
    uint32_t depth = one->depth < two->depth ? one->depth : two->depth;
    if (one->cut != two->cut || (one->depth != two->depth && one->cut != UNWIND_DEEP))
        return 0;
    for (uint32_t i = 0; i < depth; i++) {
        const struct unwind_frame *a = &one->frame[one->depth - 1 - i];
        const struct unwind_frame *b = &two->frame[two->depth - 1 - i];
        if (a->pc != b->pc || a->sp != b->sp || a->exact != b->exact)
            return 0;
    }
    return 1;
}

/* How many frames a walk may have at the most. */
static const uint32_t depths[] = {UNWIND_LEAST, UNWIND_USUAL, UNWIND_MOST};

#endif
