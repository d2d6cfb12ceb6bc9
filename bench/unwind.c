/* Stacks taken by our unwinder and by libunwind's unw_backtrace, in turn.
 *   unwind DEPTH KIND ROUNDS   KIND: same (always the same stack), leaf (the two innermost callers
 * change from stack to stack), none (nothing is remembered of the last one). Prints a line for each
 * round: nanoseconds of ours, of theirs (what the calls around them take is taken off), and frames.
 * Fails when the two are not the same stacks. */
#define _GNU_SOURCE
#define UNW_LOCAL_ONLY
#include "runtime/unwind.h"

#include <libunwind.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WALKS = 20000, LEAVES = 4 };

static struct unwind_walk walk = {.most = UNWIND_USUAL};
static struct unwind_bounds bounds;
static void *theirs[UNWIND_USUAL];
static int their_depth, rounds;
static void (*take)(void);

#define OPAQUE __attribute__((noinline, noclone))

OPAQUE static void take_ours(void)
{
    struct unwind_state here;
    unwind_here(&here);
    unwind(&walk, &here, bounds, UNWIND_AUTO);
    walk.same = walk.depth;
}

OPAQUE static void take_ours_anew(void)
{
    walk.depth = 0;
    take_ours();
    __asm__ volatile("");
}

OPAQUE static void take_theirs(void)
{
    their_depth = unw_backtrace(theirs, UNWIND_USUAL);
}

OPAQUE static void take_nothing(void)
{
    __asm__ volatile("");
}

/* Leaves with frames of their own shapes, each called from its own place. */
#define LEAF(name, words)                                                                          \
    OPAQUE static void name(void)                                                                  \
    {                                                                                              \
        volatile long local[words];                                                                \
        local[0] = 0;                                                                              \
        take();                                                                                    \
        local[words - 1] = local[0];                                                               \
    }
LEAF(leaf_a, 2)
LEAF(leaf_b, 6)
LEAF(leaf_c, 2)
LEAF(leaf_d, 20)

OPAQUE static void call_leaf(int which)
{
    if (which == 0)
        leaf_a();
    else if (which == 1)
        leaf_b();
    else if (which == 2)
        leaf_c();
    else
        leaf_d();
    __asm__ volatile("");
}

static double time_walks(void (*how)(void), int leaves)
{
    struct timespec start, end;
    take = how;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < WALKS; i++)
        call_leaf(i % leaves);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
           WALKS;
}

/* From the second frame on: the first is where each of the two was called. */
static void check_the_same(void)
{
    for (int i = 1; i < their_depth; i++)
        if (walk.frame[walk.depth - 1 - (unsigned)i].pc != (uint64_t)(uintptr_t)theirs[i])
            abort();
    if (their_depth != (int)walk.depth)
        abort();
}

OPAQUE static void measure(const char *kind)
{
    int leaves = strcmp(kind, "leaf") == 0 ? LEAVES : 1;
    void (*ours)(void) = strcmp(kind, "none") == 0 ? take_ours_anew : take_ours;
    for (int i = -1; i < rounds; i++) {
        void (*const each[])(void) = {take_nothing, ours, take_theirs};
        double time[3];
        for (int k = 0; k < 3; k++)
            time[k] = time_walks(each[k], leaves);
        if (ours == take_ours)
            check_the_same();
        if (i >= 0)
            printf("%.2f %.2f %u\n", time[1] - time[0], time[2] - time[0], walk.depth);
    }
}

/* So many frames from here to the leaf's callee, and those of main and libc around them. */
OPAQUE static void descend(int frames, const char *kind)
{
    volatile long local[4];
    local[0] = frames;
    if (frames > 1)
        descend(frames - 1, kind);
    else
        measure(kind);
    local[1] = local[0];
}

int main(int argc, char **argv)
{
    enum { AROUND = 8 }; /* _start … main, measure, time_walks, call_leaf, the leaf, take */
    pthread_attr_t attributes;
    void *low;
    size_t size;
    if (argc != 4 || atoi(argv[1]) < AROUND)
        return 2;
    rounds = atoi(argv[3]);
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    bounds = (struct unwind_bounds){(uintptr_t)low, (uintptr_t)low + size};
    int frames = atoi(argv[1]) - AROUND;
    if (frames > 0)
        descend(frames, argv[2]);
    else
        measure(argv[2]);
    return 0;
}
