/* Reading what a module's tables hold, byte by byte. Past the end, or of what no compiler writes,
 * `bad` is set and zeros come. */
#ifndef VT_RUNTIME_BYTES_H
#define VT_RUNTIME_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at, *end;
    int bad;
};

static inline uint64_t take(struct bytes *bytes, size_t size)
{
    uint64_t value = 0;
    if ((size_t)(bytes->end - bytes->at) < size) {
        bytes->bad = 1;
        bytes->at = bytes->end;
        return 0;
    }
    memcpy(&value, bytes->at, size);
    bytes->at += size;
    return value;
}

/* LEB128 (DWARF 5, 7.6). */
static inline uint64_t take_unsigned(struct bytes *bytes)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = take(bytes, 1);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    bytes->bad = 1;
    return 0;
}

static inline int64_t take_signed(struct bytes *bytes)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = take(bytes, 1);
        value |= (byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (byte & 0x40 && shift + 7 < 64)
            value |= ~UINT64_C(0) << (shift + 7);
        return (int64_t)value;
    }
    bytes->bad = 1;
    return 0;
}

static inline void skip(struct bytes *bytes, uint64_t size)
{
    if ((uint64_t)(bytes->end - bytes->at) < size) {
        bytes->bad = 1;
        bytes->at = bytes->end;
    } else {
        bytes->at += size;
    }
}

#endif
