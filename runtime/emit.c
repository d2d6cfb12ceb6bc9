/* Writing records, and the cold half of function events: see emit.h and event.h. */
#include "runtime/emit.h"

#include "runtime/process.h"

/* The epoch is stored after the record is claimed: a handler that comes in between writes a TIME of
 * its own, and the stream stays readable. */
static void put(struct thread *self, uint64_t tick, uint64_t header, const uint64_t *payload,
                unsigned words)
{
    uint64_t epoch = tick >> EVENT_TICK_BITS;
    unsigned stale = epoch != self->epoch;
    uint64_t *at = arch_claim(&self->next, (words + 1 + stale) * sizeof *at);
    if (stale)
        *at++ = event_time(tick);
    if (words) {
        __atomic_store_n(at, event_record(EVENT_PENDING, words, 0, 0), __ATOMIC_RELAXED);
        for (unsigned i = 0; i < words; i++)
            at[i + 1] = payload[i];
    }
    /* pairs with the acquire in collector/blocks.c */
    __atomic_store_n(at, header, __ATOMIC_RELEASE);
    if (stale)
        self->epoch = epoch;
}

void emit_record(unsigned type, uint64_t tick, uint64_t value, const uint64_t *payload,
                 unsigned words)
{
    struct thread *self = thread_room();
    if (self)
        put(self, tick, event_record(type, words, tick, value), payload, words);
}

void emit_function_cold(enum event_kind kind, uint64_t address)
{
    if (!process_captures(CATEGORY_FUNCTIONS))
        return;
    struct thread *self = thread_room();
    if (!self)
        return;
    uint64_t tick = clock_tick();
    if (!process.live->instrumented)
        process.live->instrumented = 1;
    put(self, tick, event_function(kind, tick, address), NULL, 0);
}
