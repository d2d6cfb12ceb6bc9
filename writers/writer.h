/* A format: what it does with the parts of a trace. One file per format; the table of them is in
 * formats.c. A writer contains its format and nothing else: errors are the sink's. */
#ifndef VT_WRITERS_WRITER_H
#define VT_WRITERS_WRITER_H

#include "collector/span.h"
#include "collector/walk.h"
#include "writers/sink.h"

struct writer {
    const struct writer_format *format;
    struct sink *sink;
    struct session *session;
    struct image *image;       /* the current one */
    struct thread_view thread; /* the current one */
    void *state;               /* the format's own, state_size bytes, zeroed */
};

struct writer_format {
    const char *name;
    const char *suffix; /* of files, with its dot */
    const char *help;
    size_t state_size;
    int counters; /* has a place for them */
    void (*begin)(struct writer *writer);
    void (*image)(struct writer *writer); /* a new one is current */
    void (*thread)(struct writer *writer);
    void (*span)(struct writer *writer, const struct span *span);
    /* `totals` are complete now */
    void (*end)(struct writer *writer, const struct totals *totals);
};

extern const struct writer_format format_chrome, format_ndjson, format_folded;
extern const struct writer_format *const writer_formats[]; /* NULL-terminated */

/* By name, or NULL. */
const struct writer_format *writer_format_named(const char *name);
/* By a file's suffix, .gz aside; NULL when no format has it. */
const struct writer_format *writer_format_of_file(const char *path);

#endif
