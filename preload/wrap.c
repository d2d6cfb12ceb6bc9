/* The recording half of every wrapper: see wrap.h. */
#include "preload/wrap.h"

#include "runtime/options.h"
#include "runtime/stack.h"

void call_end(enum call_number number, uint64_t begun, uint64_t result, const uint64_t *fields,
              unsigned count)
{
    call_record(number, begun, result, fields, count);
    if (thread_self->slot)
        __atomic_store_n(&thread_self->slot->now.call, 0, __ATOMIC_RELEASE);
}

/* Waits and locks are told by how long they took; a stack of every one would cost more than the
 * call. */
static int wants_stack(enum call_number number, uint64_t duration, uint64_t result)
{
    const struct definition_call *call = &call_table[number];
    int is_wait = call->category == CATEGORY_WAITS || call->category == CATEGORY_LOCKS;
    int wanted =
        process.stacks >> call->category & 1 && (!is_wait || duration >= process.stack_after);
    if (!wanted && process.stacks & STACKS_FAILED)
        wanted = call->result == RESULT_ERROR     ? result != 0
                 : call->result == RESULT_POINTER ? result == 0
                 : call->result == RESULT_ANSWER  ? 0
                                                  : (int64_t)result < 0;
    return wanted;
}

/* The call may never come back, as a server's waits do not: then this is what is known of it. */
uint32_t call_stack_now(enum call_number number)
{
    return process.stacks >> call_table[number].category & 1 ? stack_here() : 0;
}

/* The stack of the call that began then: it was walked when it began, or is now. */
static uint32_t stack_of(enum call_number number, uint64_t begun)
{
    const struct now_record *now = &thread_self->slot->now;
    int is_in_it = now->call == number + 1 && now->since == begun;
    return is_in_it && now->stack ? now->stack : stack_here();
}

void call_store_with_stack(uint64_t tick, enum call_number number, uint64_t duration,
                           uint64_t result, const uint64_t *fields, unsigned count)
{
    int wanted = wants_stack(number, duration, result) && thread_room(); /* it has a slot then */
    uint32_t stack = wanted ? stack_of(number, tick - duration) : 0;
    call_store(tick, number, duration, result, fields, count, stack);
}

/* An argv as one string, its arguments separated by NULs; long ones are cut. */
uint64_t field_arguments(char *const *arguments)
{
    char joined[1024];
    size_t length = 0;
    if (!is_plausible(arguments))
        return 0;
    for (; is_plausible(*arguments) && length < sizeof joined - 1; arguments++) {
        size_t part = strnlen(*arguments, sizeof joined - 1 - length);
        memcpy(joined + length, *arguments, part);
        length += part;
        joined[length++] = '\0';
    }
    return definitions_string(joined, length ? length - 1 : 0);
}
