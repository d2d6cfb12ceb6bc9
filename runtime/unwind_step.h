/* The walk under way, between its loop (unwind.c) and the steps that are rare (unwind_step.c). */
#ifndef VT_RUNTIME_UNWIND_STEP_H
#define VT_RUNTIME_UNWIND_STEP_H

#include "runtime/rules.h"
#include "runtime/unwind.h"

enum { STACK_LEAST = 16, UNWIND_PAGES = 4 };

#define ADDRESS_LOW  UINT64_C(0x1000)
#define ADDRESS_HIGH (UINT64_C(1) << 47)

/* How a frame's step was made: RULE_SP or RULE_FP, and how far below the next frame's sp the
 * caller's fp was read (0: it was not), of which the low bits are free; or one of these. */
enum fresh_step {
    STEP_NONE = 0,  /* not at all */
    STEP_OTHER = 4, /* the words that it read are kept, and fp is taken to be needed */
    STEP_KIND = 7,
};

/* A walk under way. */
struct walker {
    struct unwind_walk *walk;
    const void *context;
    struct unwind_bounds bounds;
    uint64_t base, span;    /* words at [base, base + span] may be read */
    uint32_t frames, reads; /* fresh ones */
    uint32_t limit;         /* of frames */
    uint32_t remembered;    /* frames of last time that are not passed yet */
    uint32_t signals;
    uint32_t how, silent;
    uint32_t unrepeatable; /* it depended on more than it keeps */
    uint32_t pages;
    uint64_t page[UNWIND_PAGES]; /* words of these may be read, too, as the kernel says */
};

enum step { STEP_ON, STEP_END, STEP_LOST };

/* Finds out what may be read without asking when the stack pointer is there. */
void unwind_know_stack(struct walker *walker, uint64_t sp);

/* Whether a word may be read; asks the kernel off the known stack. */
int unwind_readable(struct walker *walker, uint64_t at);

/* Any step from the last of the fresh frames; the words that it reads are kept. */
enum step unwind_step(struct walker *walker, struct unwind_state *state);

static inline int on_stack(struct unwind_bounds bounds, uint64_t sp)
{
    return sp >= bounds.low && sp < bounds.high && bounds.high - sp >= STACK_LEAST && sp % 8 == 0;
}

static inline uint64_t word_at(uint64_t at)
{
    return *(const volatile uint64_t *)(uintptr_t)at;
}

static inline uint64_t lookup_address(const struct unwind_state *state)
{
    return state->pc - !state->exact;
}

#endif
