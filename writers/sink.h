/* Where a format's bytes go: a file that appears under its name only when it is whole, standard
 * output, either of them compressed. Errors stick: writers write on and learn nothing; sink_close
 * says what happened first, and an incomplete file is not left behind. */
#ifndef VT_WRITERS_SINK_H
#define VT_WRITERS_SINK_H

#include "collector/problem.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sink;

/* `path` "-" is standard output. A path that ends in .gz is compressed. NULL and a problem when the
 * file cannot be made. */
struct sink *sink_open(const char *path, struct problem *problem);
/* Writes out and renames. 0, or -1 and a problem. `discard`: something else failed, leave nothing.
 */
int sink_close(struct sink *sink, int discard, struct problem *problem);

enum { SINK_ROOM = 64 << 10 }; /* the most that one sink_room may ask for */

struct sink_buffer {
    char *at, *end;
};

/* At least `size` bytes to write to; sink_wrote says how far. */
char *sink_flush(struct sink *sink) __attribute__((cold));
static inline char *sink_room(struct sink *sink, size_t size)
{
    struct sink_buffer *buffer = (struct sink_buffer *)(void *)sink;
    return (size_t)(buffer->end - buffer->at) >= size ? buffer->at : sink_flush(sink);
}
static inline void sink_wrote(struct sink *sink, char *end)
{
    ((struct sink_buffer *)(void *)sink)->at = end;
}

/* Any number of bytes. */
void sink_bytes(struct sink *sink, const char *bytes, size_t size);
void sink_string(struct sink *sink, const char *string);
void sink_number(struct sink *sink, uint64_t number);
/* A JSON string with its quotes. */
void sink_json(struct sink *sink, const char *bytes, size_t size);

/* ---- appending to memory that has room ---- */

static inline char *put_bytes(char *at, const char *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}
#define PUT(at, literal) put_bytes(at, literal, sizeof literal - 1)

/* Decimal; at most 20 bytes. */
char *put_number(char *at, uint64_t number);
/* Nanoseconds as microseconds with three decimals; at most 22 bytes. */
char *put_microseconds(char *at, uint64_t nsec);

#endif
