/* A format: what it does with the parts of a trace. One file per format; the table of them is in
 * formats.c. A writer contains its format and nothing else: errors are the sink's. */
#ifndef VT_WRITERS_WRITER_H
#define VT_WRITERS_WRITER_H

#include "collector/stacks.h"
#include "writers/sink.h"

struct writer {
    const struct writer_format *format;
    struct sink *sink;
    struct session *session;
    struct image *image;       /* the current one */
    struct thread_view thread; /* the current one */
    void *state;               /* the format's own, state_size bytes, zeroed */
    /* for formats of stacks: */
    struct stacks *stacks;
    struct session *other; /* what the session is compared with, or NULL */
    const struct totals *other_totals;
    int is_flame; /* the outermost frame lies below, not on top */
};

/* Of a format of stacks only `end` is called, when the tree is complete. */
struct writer_format {
    const char *name;
    const char *suffix; /* of files, with its dot */
    const char *help;
    size_t state_size;
    int counters; /* has a place for them */
    int stacks;   /* is made of the tree of all stacks */
    void (*begin)(struct writer *writer);
    void (*image)(struct writer *writer); /* a new one is current */
    void (*thread)(struct writer *writer);
    void (*span)(struct writer *writer, const struct span *span);
    /* `totals` are complete now */
    void (*end)(struct writer *writer, const struct totals *totals);
    /* Gives back what the state owns, also when the trace came to nothing; may be NULL. */
    void (*release)(struct writer *writer);
};

extern const struct writer_format format_chrome, format_ndjson, format_folded, format_flamegraph,
    format_vitte_profile;
extern const struct writer_format *const writer_formats[]; /* NULL-terminated */

/* By name, or NULL. */
const struct writer_format *writer_format_named(const char *name);
/* By a file's suffix, .gz aside; NULL when no format has it. */
const struct writer_format *writer_format_of_file(const char *path);

#endif
