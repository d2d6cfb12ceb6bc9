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

/* A function's entry or exit: one word, two branches that are never taken. When ticks are
 * nanoseconds, function_end is NULL and the cold path reads the right clock. */
static inline void emit_function(enum event_kind kind, const void *function)
{
    struct thread *self = thread_self;
    if (__builtin_expect(self->next >= self->function_end, 0)) {
        emit_function_cold(kind, (uint64_t)(uintptr_t)function); /* there may be no counter (H47) */
        return;
    }
    uint64_t tick = arch_ticks();
    if (__builtin_expect(tick >> EVENT_TICK_BITS != self->epoch, 0)) {
        emit_function_cold(kind, (uint64_t)(uintptr_t)function);
        return;
    }
    uint64_t *at = arch_claim(&self->next, sizeof *at);
    *at = event_function(kind, tick, (uint64_t)(uintptr_t)function);
}

/* Any other record. `tick` is not before that of the thread's previous record. */
void emit_record(unsigned type, uint64_t tick, uint64_t value, const uint64_t *payload,
                 unsigned words);

#endif
