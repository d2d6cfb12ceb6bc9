/* Writing records, and the cold half of function events: see emit.h and event.h. */
#include "runtime/emit.h"

#include "runtime/process.h"

void emit_record(unsigned type, uint64_t tick, uint64_t value, const uint64_t *payload,
                 unsigned words)
{
    struct thread *self = thread_room();
    if (!self)
        return;
    uint64_t *at = emit_claim(self, tick, words);
    for (unsigned i = 0; i < words; i++)
        at[1 + i] = payload[i];
    emit_commit(at, event_record(type, words, tick, value));
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
    emit_commit(emit_claim(self, tick, 0), event_function(kind, tick, address));
}
