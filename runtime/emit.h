/* The hot path: writing events. Async-signal-safe, lock-free, allocation-free; touches no errno.
 * An event that finds no room goes to a cold function that attaches, flushes or drops and counts.
 */
#ifndef VT_RUNTIME_EMIT_H
#define VT_RUNTIME_EMIT_H

#include "runtime/clock.h"
#include "runtime/event.h"
#include "runtime/thread.h"

void emit_function_cold(enum event_kind kind, uint64_t address)
    __attribute__((cold, noinline, visibility("hidden")));

/* Loads what says where a record goes: reading the counter holds up what comes behind it, but not
 * what came before. Whether there is room is asked behind it all the same, close to the claim: a
 * handler may fork in between. */
static inline void emit_prepare(const struct thread *self)
{
    __asm__ volatile("" : : "r"(self->epoch));
}

/* A function's entry or exit: one word, and branches that are never taken. When ticks are
 * nanoseconds, function_end is NULL and the cold path reads the right clock. */
static inline void emit_function(enum event_kind kind, const void *function)
{
    struct thread *self = thread_self;
    if (__builtin_expect(clock_forbidden, 0))
        return;
    uint64_t tick = arch_ticks(); /* first: with the room asked for before it, half a ns more */
    if (__builtin_expect(
            (self->next >= self->function_end) | (tick >> EVENT_TICK_BITS != self->epoch), 0)) {
        emit_function_cold(kind, (uint64_t)(uintptr_t)function);
        return;
    }
    uint64_t *at = arch_claim(&self->next, sizeof *at);
    *at = event_function(kind, tick, (uint64_t)(uintptr_t)function);
}

/* Claims a record with `words` payload words, behind a TIME where the epoch changed, and gives
 * where its header goes; the payload goes behind that. The epoch is stored after the claim: a
 * handler that comes in between writes a TIME of its own, and the stream stays readable. */
static inline uint64_t *emit_claim(struct thread *self, uint64_t tick, unsigned words)
{
    uint64_t epoch = tick >> EVENT_TICK_BITS;
    unsigned stale = epoch != self->epoch;
    uint64_t *at = arch_claim(&self->next, (words + 1 + stale) * sizeof *at);
    if (__builtin_expect(stale, 0)) {
        *at++ = event_time(tick);
        __atomic_store_n(&self->epoch, epoch, __ATOMIC_RELEASE);
    }
    if (words)
        __atomic_store_n(at, event_record(EVENT_PENDING, words, 0, 0), __ATOMIC_RELAXED);
    return at;
}

static inline void emit_commit(uint64_t *at, uint64_t header)
{
    /* pairs with the acquire in collector/blocks.c */
    __atomic_store_n(at, header, __ATOMIC_RELEASE);
}

/* Any other record. `tick` is not before that of the thread's previous record. */
void emit_record(unsigned type, uint64_t tick, uint64_t value, const uint64_t *payload,
                 unsigned words);

#endif
