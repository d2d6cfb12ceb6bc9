/* Reading and printing the pieces of a Rust v0 name: characters, numbers, identifiers,
 * back-references. Private to demangle_rust_v0.c, which knows what they mean.
 *
 * Errors stick in `bad`, after which nothing is read or printed any more. Hostile names are bounded
 * in three ways. Nesting ends at DEPTH_MAX. A back-reference points strictly backwards, and is
 * followed only while its text is wanted: not within what is hidden, and not once the text is full.
 * STEPS_MAX is for those that print little: after it the text counts as full. */
#ifndef VT_COLLECTOR_DEMANGLE_RUST_READER_H
#define VT_COLLECTOR_DEMANGLE_RUST_READER_H

#include "collector/demangle_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 500, STEPS_MAX = 1 << 16 };

struct reader {
    const char *name; /* after "_R": back-references count from here */
    size_t length;
    size_t at;
    struct cut_text *text;
    unsigned depth;
    unsigned steps;
    unsigned hidden;    /* > 0: within something that is parsed but not shown */
    uint64_t lifetimes; /* bound by the `for<…>`s around */
    bool bad;
};

static inline bool quiet(const struct reader *r)
{
    return r->bad || r->hidden || r->text->full;
}

static inline void put_bytes(struct reader *r, const char *bytes, size_t length)
{
    if (!quiet(r))
        cut_text_append(r->text, bytes, length);
}

static inline void put(struct reader *r, const char *string)
{
    put_bytes(r, string, strlen(string));
}

static inline void put_number(struct reader *r, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    put(r, digits);
}

/* '\0' at the end and after an error. */
static inline char peek(const struct reader *r)
{
    return r->bad || r->at >= r->length ? '\0' : r->name[r->at];
}

static inline bool take(struct reader *r, char wanted)
{
    if (peek(r) != wanted)
        return false;
    r->at++;
    return true;
}

static inline char next(struct reader *r)
{
    char c = peek(r);
    if (c)
        r->at++;
    else
        r->bad = true;
    return c;
}

static inline bool enter(struct reader *r)
{
    if (++r->steps > STEPS_MAX)
        r->text->full = true;
    if (++r->depth > DEPTH_MAX)
        r->bad = true;
    return !r->bad;
}

static inline void leave(struct reader *r)
{
    r->depth--;
}

static inline unsigned base62_digit(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10
           : c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A') + 36
                                  : 62;
}

static inline uint64_t base62(struct reader *r)
{
    uint64_t value = 0;
    if (take(r, '_'))
        return 0;
    while (!take(r, '_')) {
        unsigned digit = base62_digit(next(r));
        if (digit == 62 || value > (UINT64_MAX - 2 - digit) / 62) {
            r->bad = true;
            return 0;
        }
        value = value * 62 + digit;
    }
    return value + 1;
}

/* Disambiguators and binders: 0 when the tag is not there. */
static inline uint64_t optional_base62(struct reader *r, char tag)
{
    return take(r, tag) ? base62(r) + 1 : 0;
}

struct identifier {
    const char *bytes;
    size_t length;
    bool punycode;
};

static inline struct identifier identifier(struct reader *r)
{
    struct identifier id = {"", 0, take(r, 'u')};
    size_t length = base62_digit(next(r));
    if (length > 9)
        r->bad = true;
    while (length && peek(r) >= '0' && peek(r) <= '9' && length <= r->length)
        length = length * 10 + base62_digit(next(r));
    take(r, '_');
    if (r->bad || length > r->length - r->at) {
        r->bad = true;
        return id;
    }
    id.bytes = r->name + r->at;
    id.length = length;
    r->at += length;
    return id;
}

/* After a 'B'. True: the parser now stands at the target; when that is read, the caller goes back
 * to `back`. False: its text is not wanted. */
static inline bool jump(struct reader *r, size_t *back)
{
    size_t here = r->at - 1;
    uint64_t target = base62(r);
    if (target >= here)
        r->bad = true;
    if (quiet(r))
        return false;
    *back = r->at;
    r->at = (size_t)target;
    return true;
}

#endif
