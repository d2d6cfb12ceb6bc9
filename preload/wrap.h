/* What every wrapper does around the real call: say that the thread is in it, time it, record it.
 * Nothing is held across the real call, errno passes through, and a cancelled or longjmp'ed call
 * leaves nothing behind but its `now` record, which the thread's next call replaces. */
#ifndef VT_PRELOAD_WRAP_H
#define VT_PRELOAD_WRAP_H

#include "preload/calls.h"
#include "preload/descriptors.h"
#include "runtime/clock.h"
#include "runtime/emit.h"
#include "runtime/process.h"
#include "runtime/usage.h"

#include <errno.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Inside a wrapper, also by way of an inline function. */
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define CALLER        __builtin_return_address(0)

/* One payload word per field kind, from the expression in the row. */
static inline uint64_t field_number(int64_t value)
{
    return (uint64_t)value;
}
/* A pointer that cannot be one is the program's affair: the kernel answers it with EFAULT. */
static inline int is_plausible(const void *pointer)
{
    return (uintptr_t)pointer - 4096 < (UINT64_C(1) << 47) - 4096;
}
static inline uint64_t field_string(const char *string)
{
    return is_plausible(string) ? definitions_string(string, strlen(string)) : 0;
}
uint64_t field_arguments(char *const *arguments);

/* The descriptor of a stream, -1 for one that has none (fmemopen); errno is the program's. */
int stream_descriptor(FILE *stream);

/* The result's word of a call that read nothing: 0 at the end of the stream, else the error. */
uint64_t nothing_came(FILE *stream);

#define VALUE_FD(fd)         descriptor_field(fd)
#define VALUE_TARGET_FD(fd)  descriptor_field(fd)
#define VALUE_STREAM(stream) descriptor_field(stream_descriptor(stream))
#define VALUE_BYTES(size)    (uint64_t)(size)
#define VALUE_POINTER(p)     (uint64_t)(p)
#define VALUE_LOCK(p)        (uint64_t)(uintptr_t)(p)
#define VALUE_CONDITION(p)   (uint64_t)(uintptr_t)(p)
#define VALUE_CODE(p)        (uint64_t)(uintptr_t)(p)
#define VALUE_PATH(path)     field_string(path)
#define VALUE_TARGET(path)   field_string(path)
#define VALUE_NAME(name)     field_string(name)
#define VALUE_SERVICE(name)  field_string(name)
#define VALUE_COMMAND(name)  field_string(name)
#define VALUE_FLAGS(flags)   field_number(flags)
#define VALUE_OFFSET(offset) field_number(offset)
#define VALUE_NUMBER(number) field_number(number)
#define VALUE_COUNT(number)  (uint64_t)(number)
#define VALUE_TIMEOUT(time)  field_number(time)
#define VALUE_SIGNAL(signal) field_number(signal)
#define VALUE_STATUS(status) field_number(status)
#define VALUE_REQUEST(code)  (uint64_t)(code)
#define VALUE_FAMILY(family) field_number(family)
#define VALUE_HOLDER(tid)    (uint64_t)(tid)
#define VALUE_WAITERS(count) (uint64_t)(count)
#define VALUE_LEVEL(number)  field_number(number)
#define VALUE_OPTION(number) field_number(number)
#define VALUE_PID(pid)       field_number(pid)
#define VALUE_THREAD(handle) (uint64_t)(handle)
#define VALUE_ARGUMENTS(a)   field_arguments(a)
#define VALUE_SOCKET_TYPE    field_number

#define F0()                    NULL, 0
#define F1(a, ea)               (uint64_t[]){VALUE_##a(ea)}, 1
#define F2(a, ea, b, eb)        (uint64_t[]){VALUE_##a(ea), VALUE_##b(eb)}, 2
#define F3(a, ea, b, eb, c, ec) (uint64_t[]){VALUE_##a(ea), VALUE_##b(eb), VALUE_##c(ec)}, 3

/* The result's word. Reads errno, so nothing that changes it may come between it and the call; a
 * descriptor has got its name before. */
#define ERROR_WORD             ((uint64_t) - (int64_t)errno)
#define RESULT_WORD_NUMBER(r)  ((r) == -1 ? ERROR_WORD : (uint64_t)(r))
#define RESULT_WORD_BYTES(r)   ((r) < 0 ? ERROR_WORD : (uint64_t)(r))
#define RESULT_WORD_LINE(r)    ((r) < 0 ? nothing_came(stream) : (uint64_t)(r))
#define RESULT_WORD_FD(r)      ((r) == -1 ? ERROR_WORD : descriptor_field(r))
#define RESULT_WORD_FRESH(r)   RESULT_WORD_FD(r)
#define RESULT_WORD_SIGNAL(r)  RESULT_WORD_NUMBER(r)
#define RESULT_WORD_ERROR(r)   (uint64_t)(r)
#define RESULT_WORD_ANSWER(r)  (uint64_t)(r)
#define RESULT_WORD_BARRIER(r) (uint64_t)(r)
#define RESULT_WORD_OBJECT(r)  ((r) ? 0 : ERROR_WORD)
#define RESULT_WORD_MAPPED(r)  ((r) == MAP_FAILED ? ERROR_WORD : (uint64_t)(uintptr_t)(r))
#define RESULT_WORD_POINTER(r) (uint64_t)(uintptr_t)(r)

/* Id of the stack of a call that begins, for onlookers, or 0: what was asked for. */
uint32_t call_stack_now(enum call_number number);

/* Marks what the thread is doing, and returns the tick at which it began; 0 when the event would
 * have no place: then record nothing, not even a definition. */
static ALWAYS_INLINE uint64_t call_begin(enum call_number number, uint64_t first)
{
    struct thread *self = thread_room();
    if (!self)
        return 0;
    struct now_record *now = &self->slot->now;
    uint64_t tick = clock_tick();
    now->since = tick;
    now->first = first;
    now->caller = (uint64_t)(uintptr_t)CALLER;
    if (__builtin_expect(process.stacks, 0))
        now->stack = call_stack_now(number);
    __atomic_store_n(&now->call, number + 1, __ATOMIC_RELEASE); /* acquire in the reader */
    return tick;
}

/* Records a call's result and fields, with the id of its stack if that is not 0. */
static ALWAYS_INLINE void call_store(uint64_t tick, enum call_number number, uint64_t duration,
                                     uint64_t result, const uint64_t *fields, unsigned count,
                                     uint32_t stack)
{
    uint64_t flags = stack ? EVENT_CALL_STACK : 0;
    if (count && !(result >> EVENT_PACKED_SHIFT | fields[count - 1] >> (64 - EVENT_PACKED_SHIFT))) {
        result |= fields[--count] << EVENT_PACKED_SHIFT;
        flags |= EVENT_CALL_PACKED;
    }
    unsigned is_long = duration >= EVENT_CALL_LONG, words = 1 + count + !!stack + is_long;
    struct thread *self = thread_room();
    if (!self)
        return;
    uint64_t *at = emit_claim(self, tick, words);
    at[1] = result;
    for (unsigned i = 0; i < count; i++)
        at[2 + i] = fields[i];
    if (stack)
        at[2 + count] = stack;
    if (__builtin_expect(is_long, 0)) {
        at[words] = duration;
        duration = EVENT_CALL_LONG;
    }
    emit_commit(at, event_record(EVENT_CALL + number, words, tick, duration | flags));
    usage_look(tick);
}

/* The same, with its stack if that was asked for. */
void call_store_with_stack(uint64_t tick, enum call_number number, uint64_t duration,
                           uint64_t result, const uint64_t *fields, unsigned count);

/* Records a call, or a span, that ended at `tick`: `fields` as in its row. */
static ALWAYS_INLINE void call_record_at(uint64_t tick, enum call_number number, uint64_t begun,
                                         uint64_t result, const uint64_t *fields, unsigned count)
{
    if (__builtin_expect(process.stacks, 0))
        call_store_with_stack(tick, number, tick - begun, result, fields, count);
    else
        call_store(tick, number, tick - begun, result, fields, count, 0);
}

/* Records a call that is over by now. */
static ALWAYS_INLINE void call_record(enum call_number number, uint64_t begun, uint64_t result,
                                      const uint64_t *fields, unsigned count)
{
    emit_prepare(thread_self);
    call_record_at(clock_tick(), number, begun, result, fields, count);
}

/* The same, and says that the thread left it. */
void call_end(enum call_number number, uint64_t begun, uint64_t result, const uint64_t *fields,
              unsigned count);

/* Records a CALL_BEFORE row. */
static ALWAYS_INLINE void call_note(enum call_number number, const uint64_t *fields, unsigned count)
{
    emit_prepare(thread_self);
    uint64_t tick = clock_tick();
    struct thread *self = thread_room();
    if (!self)
        return;
    uint64_t *at = emit_claim(self, tick, count);
    for (unsigned i = 0; i < count; i++)
        at[1 + i] = fields[i];
    emit_commit(at, event_record(EVENT_CALL + number, count, tick, 0));
}

/* What else an answer means: a descriptor that was opened has the row's `path`. */
#define SETTLE_FD(answer)      descriptor_opened(answer, path)
#define SETTLE_FRESH(answer)   descriptor_learn(answer)
#define SETTLE_BYTES(answer)   (void)0
#define SETTLE_LINE(answer)    (void)0
#define SETTLE_NUMBER(answer)  (void)0
#define SETTLE_ERROR(answer)   (void)0
#define SETTLE_ANSWER(answer)  (void)0
#define SETTLE_OBJECT(answer)  (void)0
#define SETTLE_SIGNAL(answer)  (void)0
#define SETTLE_BARRIER(answer) (void)0
#define SETTLE_MAPPED(answer)  (void)0

/* A generated wrapper, and its inside for one by hand. */
#define WRAP(category, result, type, name, parameters, arguments, ...)                             \
    EXPORT type name parameters                                                                    \
    {                                                                                              \
        WRAPPED(category, result, type, name, arguments, __VA_ARGS__)                              \
    }
#define WRAPPED(category, result, type, name, arguments, ...)                                      \
    WRAPPED_BY(ONCE, category, result, type, name, arguments, __VA_ARGS__)
#define ONCE(type, name, arguments) type answer = real.name arguments

/* The same with another way to make the call. */
#define WRAPPED_BY(makes, category, result, type, name, arguments, ...)                            \
    uint64_t fields[CALL_FIELDS];                                                                  \
    unsigned count_of_fields = 0;                                                                  \
    uint64_t begun = process_captures(CATEGORY_##category) ? call_begin(NUMBER_##name, 0) : 0;     \
    if (begun)                                                                                     \
        count_of_fields = call_fields(fields, __VA_ARGS__);                                        \
    makes(type, name, arguments);                                                                  \
    if (begun) {                                                                                   \
        SETTLE_##result(answer);                                                                   \
        uint64_t word = RESULT_WORD_##result(answer);                                              \
        call_end(NUMBER_##name, begun, word, fields, count_of_fields);                             \
    }                                                                                              \
    return answer;

/* Keeps a call's fields, which are known before it is made, and shows the first one to onlookers.
 */
static inline unsigned call_fields(uint64_t *fields, const uint64_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fields[i] = values[i];
    if (count &&
        thread_self->slot) /* in a child that a handler has just forked there may be none */
        thread_self->slot->now.first = fields[0];
    return count;
}

#endif
