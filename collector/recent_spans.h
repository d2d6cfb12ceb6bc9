/* The spans of one thread that ended last, each with the depth of the stack that it left. A call
 * that is recorded after a span, but began before it, contains it (calloc in pthread_create, a
 * signal handler in read); so these tell what of a call's time is its own. A ring used as a stack:
 * of very many the oldest are forgotten. Everything here is on the way of each span. */
#ifndef VT_COLLECTOR_RECENT_SPANS_H
#define VT_COLLECTOR_RECENT_SPANS_H

#include <stddef.h>
#include <stdint.h>

enum { RECENT_SPANS = 1024 };

struct recent_spans {
    struct ended_span {
        uint64_t start_ns, duration_ns;
        size_t depth;
    } ring[RECENT_SPANS]; /* newest at next - 1 */
    size_t next, count;
};

static inline const struct ended_span *recent_spans_newest(const struct recent_spans *recent)
{
    return &recent->ring[(recent->next - 1) % RECENT_SPANS];
}

static inline void recent_spans_drop(struct recent_spans *recent)
{
    recent->next--;
    recent->count--;
}

static inline void recent_spans_clear(struct recent_spans *recent)
{
    recent->count = 0;
}

/* A span ended at this depth; those inside it are of no interest any more. */
static inline void recent_spans_add(struct recent_spans *recent, size_t depth, uint64_t start_ns,
                                    uint64_t duration_ns)
{
    while (recent->count && recent_spans_newest(recent)->depth > depth)
        recent_spans_drop(recent);
    recent->ring[recent->next++ % RECENT_SPANS] = (struct ended_span){start_ns, duration_ns, depth};
    recent->count += recent->count < RECENT_SPANS;
}

/* Time of the spans at this depth that began at or after `start_ns`: they lie in a call that began
 * then. They are forgotten: from now on they are part of that call. */
static inline uint64_t recent_spans_take(struct recent_spans *recent, size_t depth,
                                         uint64_t start_ns)
{
    uint64_t contained = 0;
    while (recent->count) {
        const struct ended_span *ended = recent_spans_newest(recent);
        if (ended->depth < depth || (ended->depth == depth && ended->start_ns < start_ns))
            break;
        if (ended->depth == depth)
            contained += ended->duration_ns;
        recent_spans_drop(recent);
    }
    return contained;
}

/* When the last span at this depth ended that is remembered, or 0. */
static inline uint64_t recent_spans_end(const struct recent_spans *recent, size_t depth)
{
    const struct ended_span *ended = recent_spans_newest(recent);
    return recent->count && ended->depth == depth ? ended->start_ns + ended->duration_ns : 0;
}

#endif
