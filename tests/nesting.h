/* Whether the spans of a thread nest: given in the order in which they end, with their depth, as
 * the JSON event stream does. Needs one pair of times a level and no memory that grows with the
 * spans. */
#ifndef VT_TESTS_NESTING_H
#define VT_TESTS_NESTING_H

#include "tests/lines.h"

enum { NESTING_LEVELS = 1 << 20, NESTING_SIBLINGS = 64 };

struct sibling {
    uint64_t start, dur;
};

/* What has ended at a level since the last span one level up ended. */
struct level {
    uint64_t first, last; /* from the first one's start to the last one's end */
    uint64_t total;       /* their durations, but of those that lie in another one */
    unsigned count, kept; /* of siblings: all of them (0: nothing has ended here), in the ring */
    struct sibling siblings[NESTING_SIBLINGS]; /* the latest */
};

struct nesting {
    uint64_t pid, tid;
    struct level *levels;
    uint64_t deepest; /* no level below this one has anything */
    uint64_t spans;
};

static inline void nesting_begin(struct nesting *nesting)
{
    memset(nesting, 0, sizeof *nesting);
    nesting->levels = calloc(NESTING_LEVELS, sizeof *nesting->levels);
    ck_assert_ptr_nonnull(nesting->levels);
}

/* At the end of a thread everything that has ended must have had the parent that its depth
 * promises. */
static inline void nesting_thread_ends(struct nesting *nesting)
{
    for (uint64_t i = 1; i <= nesting->deepest; i++)
        if (nesting->levels[i].count)
            ck_abort_msg("thread %lu: spans at depth %lu without a parent",
                         (unsigned long)nesting->tid, (unsigned long)i);
    memset(nesting->levels, 0, (nesting->deepest + 1) * sizeof *nesting->levels);
    nesting->deepest = 0;
}

/* A call of libc is written when it returns and has the depth of what ended inside it: of calloc in
 * pthread_create, of a signal handler in read. Their time; they are one with it from now on. */
static inline uint64_t nesting_contained(struct level *level, const struct line *line)
{
    uint64_t contained = 0;
    while (level->kept) {
        struct sibling *latest = &level->siblings[(level->count - 1) % NESTING_SIBLINGS];
        if (latest->start < line->ts)
            break;
        contained += latest->dur;
        level->count--;
        level->kept--;
    }
    return contained;
}

static inline void nesting_span(struct nesting *nesting, const struct line *line)
{
    uint64_t start = line->ts, end = line->ts + line->dur;
    int is_call = !slice_is(line->tag, "function") && !slice_is(line->tag, "scope");
    if (line->tid != nesting->tid || line->pid != nesting->pid)
        nesting_thread_ends(nesting);
    nesting->pid = line->pid;
    nesting->tid = line->tid;
    if (line->aside) /* a lock that was held: it nests with nothing */
        return;
    ck_assert_uint_lt(line->depth + 2, NESTING_LEVELS);
    struct level *own = &nesting->levels[line->depth], *inside = own + 1;
    uint64_t contained = is_call && own->count ? nesting_contained(own, line) : inside->total;
    int forgotten = own->count && !own->kept; /* more inside of the call than the ring remembers */
    if (inside->count && (is_call || inside->first < start || inside->last > end))
        ck_abort_msg("does not contain its children, %lu … %lu: %.*s", (unsigned long)inside->first,
                     (unsigned long)inside->last, (int)line->length, line->text);
    if (!forgotten && (contained > line->dur || line->self != line->dur - contained))
        ck_abort_msg("self time is not what the %lu ns inside it leave: %.*s",
                     (unsigned long)contained, (int)line->length, line->text);
    if (own->count && !forgotten) {
        const struct sibling *latest = &own->siblings[(own->count - 1) % NESTING_SIBLINGS];
        if (start < latest->start + latest->dur)
            ck_abort_msg("overlaps its elder sibling of %lu: %.*s", (unsigned long)latest->start,
                         (int)line->length, line->text);
    }
    if (own[2].count)
        ck_abort_msg("a grandchild ended without its parent: %.*s", (int)line->length, line->text);
    if (own->count == 0 || start < own->first)
        own->first = start;
    own->last = end;
    own->total += line->dur - (is_call ? contained : 0);
    own->siblings[own->count++ % NESTING_SIBLINGS] = (struct sibling){start, line->dur};
    own->kept += own->kept < NESTING_SIBLINGS;
    inside->total = inside->count = inside->kept = 0;
    nesting->deepest = line->depth > nesting->deepest ? line->depth : nesting->deepest;
    nesting->spans++;
}

static inline void nesting_end(struct nesting *nesting)
{
    nesting_thread_ends(nesting);
    free(nesting->levels);
}

#endif
