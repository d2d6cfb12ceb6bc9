/* Appending to a bounded buffer without libc: for paths and the manifest in the traced process, and
 * for hot JSON in ours. A text that overflows stays terminated and remembers it (text_overflowed):
 * a truncated path is never used. */
#ifndef VT_BASE_TEXT_H
#define VT_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *data;
    size_t length; /* what was wanted; the buffer holds at most capacity - 1 of it */
    size_t capacity;
};

static inline struct text text_on(char *buffer, size_t capacity)
{
    buffer[0] = '\0';
    return (struct text){buffer, 0, capacity};
}
static inline int text_overflowed(const struct text *text)
{
    return text->length >= text->capacity;
}

void text_bytes(struct text *text, const char *bytes, size_t length);
void text_string(struct text *text, const char *string);
void text_number(struct text *text, uint64_t number);
void text_hex(struct text *text, uint64_t number);
/* Reads the decimal number at `*at` and goes behind it; 0 where there is none. */
uint64_t text_read_number(const char **at);

/* A JSON string with its quotes. Bytes that are not UTF-8 are written as U+FFFD. */
void text_json(struct text *text, const char *bytes, size_t length);

/* Number of bytes of the well-formed UTF-8 sequence at `bytes`, 0 when it is not one (RFC 3629). */
unsigned text_utf8_length(const char *bytes, size_t available);

#endif
