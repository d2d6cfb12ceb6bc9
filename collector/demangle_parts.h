/* What the demanglers share: a text that is cut, never overrun, and Rust's v0 parser, which has a
 * file of its own. Private to demangle*.c.
 *
 * A demangler appends to `text` and returns where the linker's suffix (".cold", or the final '\0')
 * begins in `name`; NULL means "not a name of mine", and what it appended is thrown away. */
#ifndef VT_COLLECTOR_DEMANGLE_PARTS_H
#define VT_COLLECTOR_DEMANGLE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Always NUL-terminated. Once something did not fit it is full: cut at a UTF-8 character's border,
 * and nothing is appended any more. */
struct cut_text {
    char *data;
    size_t length;
    size_t size;
    bool full;
};

void cut_text_append(struct cut_text *text, const char *bytes, size_t length);
/* `scalar` is a Unicode scalar value (is_scalar). */
void cut_text_append_scalar(struct cut_text *text, uint32_t scalar);

static inline bool is_scalar(uint32_t value)
{
    return value < 0xd800 || (value > 0xdfff && value <= 0x10ffff);
}

const char *demangle_rust_v0(const char *name, struct cut_text *text);

/* Decodes an identifier into `scalars`. Returns their number; 0 when it is not well formed, or
 * longer than PUNYCODE_MAX. */
enum { PUNYCODE_MAX = 256 };
uint32_t punycode_decode(const char *bytes, size_t length, uint32_t scalars[PUNYCODE_MAX]);

#endif
