/* The record layout: what the traced process writes and the collector reads. Nothing else crosses.
 *
 * A block is a run of 8-byte words in the host's (little-endian) order. Every record starts with
 * one word:
 *
 *      63 … 50      | 49 48 | 47 … 0
 *      low 14 bits  | kind  | kind 1, 2: the function's address (48-bit user space)
 *      of the tick  |       | kind 3:    14 … 47 inline value, 9 … 13 payload words, 0 … 8 type
 *
 * (The tick is on top so that one shift both places it and drops its upper bits.)
 *
 * A zero word is "nothing here": the tail of an open block, or a record that a signal handler's
 * longjmp abandoned before its store (counted as lost, never misread).
 *
 * Time. A word has the low 14 bits of its tick; the rest, the epoch, comes from the last TIME
 * record of the block, which is written whenever the epoch changes. So a lost record cannot shift
 * the time of those behind it, and the hot path stores nothing but the event.
 *
 * A record of several words is claimed first, then marked PENDING with its length, then filled, and
 * its real header is stored last (release): a reader that meets PENDING skips it and counts it
 * lost. */
#ifndef VT_RUNTIME_EVENT_H
#define VT_RUNTIME_EVENT_H

#include <stdint.h>

enum event_kind {
    EVENT_KIND_NONE = 0,
    EVENT_KIND_ENTER = 1,
    EVENT_KIND_EXIT = 2,
    EVENT_KIND_RECORD = 3,
};

enum {
    EVENT_KIND_SHIFT = 48,
    EVENT_TICK_SHIFT = 50,
    EVENT_TICK_BITS = 14,
    EVENT_TYPE_BITS = 9,
    EVENT_LENGTH_SHIFT = 9,
    EVENT_LENGTH_BITS = 5,
    EVENT_INLINE_SHIFT = 14,
    EVENT_INLINE_BITS = 34,
    EVENT_MAX_PAYLOAD = 31,
};

#define EVENT_ADDRESS_MASK ((UINT64_C(1) << EVENT_KIND_SHIFT) - 1)
#define EVENT_INLINE_MAX   ((UINT64_C(1) << EVENT_INLINE_BITS) - 1)
#define EVENT_CALL_STACK   (UINT64_C(1) << (EVENT_INLINE_BITS - 1))
#define EVENT_CALL_PACKED  (UINT64_C(1) << (EVENT_INLINE_BITS - 2))
#define EVENT_CALL_LONG    (EVENT_CALL_PACKED - 1)
#define EVENT_PACKED_SHIFT 48

/* Types of kind RECORD. Payload words in order; "inline" is the header's own value. */
enum event_type {
    EVENT_PENDING = 0,      /* claimed, not finished: skip its payload words */
    EVENT_TIME = 1,         /* bits 9 … 61: the epoch, tick >> 14; no payload, no low tick bits */
    EVENT_SCOPE_BEGIN = 2,  /* inline: site or name; payload: arguments */
    EVENT_SCOPE_END = 3,    /* inline: site, or 0 */
    EVENT_INSTANT = 4,      /* inline: site or name; payload: arguments */
    EVENT_COUNTER = 5,      /* inline: site or name; payload: one argument */
    EVENT_THREAD_START = 6, /* inline: 0; payload: index of the creating thread + 1, or 0 */
    EVENT_THREAD_END = 7,
    EVENT_SETJMP = 8,  /* payload: address of the jmp_buf */
    EVENT_LONGJMP = 9, /* payload: address of the jmp_buf */
    EVENT_USAGE = 10,  /* what the kernel says of the process; payload: enum usage_field's values */
    EVENT_SAMPLE = 11, /* the thread computes; payload: id of its stack or 0, CPU time in ns since
                          its previous sample, which this one stands for */
    /* EVENT_CALL + n: call number n of the call table (definitions.h). inline: duration in ticks,
     * below EVENT_CALL_LONG, and the flags. The tick is that of the return, or of the entry for
     * calls recorded before they are made (CALL_BEFORE). payload: the result (negative errno when
     * the call failed) unless CALL_BEFORE; the call's fields; with EVENT_CALL_STACK the id of its
     * stack; with EVENT_CALL_LONG as duration the duration. With EVENT_CALL_PACKED, where there is
     * a result, the last field is not among them but in the upper 16 bits of the result's word:
     * most sizes fit there. */
    EVENT_CALL = 32,
};

/* Sums since the process began but for the first two; UINT64_MAX: could not be told. */
#define USAGE_FIELDS(X)                                                                            \
    X(RSS, "resident bytes")                                                                       \
    X(FDS, "open descriptors")                                                                     \
    X(MINOR_FAULTS, "minor page faults")                                                           \
    X(MAJOR_FAULTS, "major page faults")                                                           \
    X(VOLUNTARY, "voluntary context switches")                                                     \
    X(INVOLUNTARY, "involuntary context switches")

enum usage_field {
#define X(NAME, text) USAGE_##NAME,
    USAGE_FIELDS(X)
#undef X
        USAGE_COUNT
};

/* The inline value of scopes, instants and counters is the id of a site, or with this bit the
 * string id of a name; 0 at the end of a scope: whatever is open. */
#define EVENT_INLINE_NAME (UINT64_C(1) << (EVENT_INLINE_BITS - 1))

/* An argument of a scope, instant or counter: two words. */
enum event_argument_type {
    EVENT_ARGUMENT_INTEGER = 1, /* int64_t */
    EVENT_ARGUMENT_DOUBLE = 2,  /* IEEE 754 binary64 */
    EVENT_ARGUMENT_STRING = 3,  /* string id */
};
/* First word: type << 32 | string id of the key. Second word: the value. */

/* What a function event, a call or a scope belongs to: `tag(…)` in filters, VITTE_TRACE_EVENTS at
 * capture, "cat" in Chrome traces. */
#define EVENT_CATEGORIES(X)                                                                        \
    X(FUNCTIONS, "functions", "function", "calls of instrumented functions")                       \
    X(MEMORY, "memory", "memory", "allocations and frees")                                         \
    X(IO, "io", "io", "files, pipes and sockets")                                                  \
    X(WAITS, "waits", "wait", "waiting for descriptors, time, signals, children, threads")         \
    X(THREADS, "threads", "thread", "threads made, their names")                                   \
    X(LOCKS, "locks", "lock", "waiting for locks, and how long they were held")                    \
    X(COUNTERS, "counters", "counter", "memory, descriptors, faults, switches: sampled")           \
    X(MAPS, "maps", "map", "mmap and its kin; only when asked for")                                \
    X(SAMPLES, "samples", "sample", "where threads compute: a stack each millisecond of CPU time") \
    X(PROCESSES, "processes", "process", "forks, execs, exits")                                    \
    X(SCOPES, "scopes", "scope", "the program's own scopes, instants and counters")

enum event_category {
#define X(NAME, option, tag, help) CATEGORY_##NAME,
    EVENT_CATEGORIES(X)
#undef X
        CATEGORY_COUNT
};

static inline enum event_kind event_kind(uint64_t word)
{
    return (enum event_kind)(word >> EVENT_KIND_SHIFT & 3);
}
static inline uint64_t event_function(enum event_kind kind, uint64_t tick, uint64_t address)
{
    return (tick * 4 + (uint64_t)kind) << EVENT_KIND_SHIFT | address;
}

enum { EVENT_EPOCH_LOW_BITS = EVENT_KIND_SHIFT - EVENT_TYPE_BITS };

static inline uint64_t event_time(uint64_t tick)
{
    uint64_t epoch = tick >> EVENT_TICK_BITS;
    uint64_t low = epoch & ((UINT64_C(1) << EVENT_EPOCH_LOW_BITS) - 1);
    return event_function(EVENT_KIND_RECORD, epoch >> EVENT_EPOCH_LOW_BITS,
                          low << EVENT_TYPE_BITS | EVENT_TIME);
}
static inline uint64_t event_time_epoch(uint64_t word)
{
    return word >> EVENT_TICK_SHIFT << EVENT_EPOCH_LOW_BITS |
           (word & EVENT_ADDRESS_MASK) >> EVENT_TYPE_BITS;
}
static inline uint64_t event_record(unsigned type, unsigned words, uint64_t tick, uint64_t value)
{
    return event_function(EVENT_KIND_RECORD, tick,
                          value << EVENT_INLINE_SHIFT | (uint64_t)words << EVENT_LENGTH_SHIFT |
                              type);
}
static inline unsigned event_type(uint64_t word)
{
    return (unsigned)(word & ((1u << EVENT_TYPE_BITS) - 1));
}
static inline unsigned event_length(uint64_t word)
{
    return (unsigned)(word >> EVENT_LENGTH_SHIFT) & EVENT_MAX_PAYLOAD;
}
static inline uint64_t event_inline(uint64_t word)
{
    return word >> EVENT_INLINE_SHIFT & EVENT_INLINE_MAX;
}
static inline uint64_t event_low_tick(uint64_t word)
{
    return word >> EVENT_TICK_SHIFT;
}

#endif
