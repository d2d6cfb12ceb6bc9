/* Rust's flavour of punycode (RFC 3492), the form that identifiers outside ASCII take in v0 names:
 * '_' stands for the '-' before the encoded part. Bounded by PUNYCODE_MAX; refuses what is not well
 * formed. */
#include "collector/demangle_parts.h"

#include <string.h>

/* One generalised variable-length integer of RFC 3492, lowest digit first. `*at` is NULL after an
 * error. */
static uint32_t read_delta(const char **at, const char *end, uint32_t bias)
{
    uint64_t delta = 0, weight = 1;
    for (uint32_t k = 36; *at < end; k += 36) {
        char c = *(*at)++;
        uint32_t digit = c >= 'a' && c <= 'z'   ? (uint32_t)(c - 'a')
                         : c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 26
                                                : 36;
        uint32_t threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        delta += digit * weight;
        if (digit == 36 || delta > UINT32_MAX)
            break;
        if (digit < threshold)
            return (uint32_t)delta;
        weight *= 36 - threshold;
        if (weight > UINT32_MAX)
            break;
    }
    *at = NULL;
    return 0;
}

static uint32_t next_bias(uint32_t delta, uint32_t count, bool first)
{
    uint32_t k = 0;
    delta /= first ? 700 : 2;
    for (delta += delta / count; delta > 35 * 26 / 2; k += 36)
        delta /= 35;
    return k + 36 * delta / (delta + 38);
}

uint32_t punycode_decode(const char *bytes, size_t length, uint32_t scalars[PUNYCODE_MAX])
{
    const char *end = bytes + length, *underscore = memrchr(bytes, '_', length);
    const char *at = underscore ? underscore + 1 : bytes;
    uint32_t count = 0, scalar = 0x80, bias = 72;
    uint64_t where = 0;
    for (const char *c = bytes; underscore && c < underscore; c++) {
        if (count == PUNYCODE_MAX)
            return 0;
        scalars[count++] = (unsigned char)*c;
    }
    if (at == end)
        return 0;
    for (bool first = true; at < end; first = false) {
        uint32_t delta = read_delta(&at, end, bias);
        if (!at || count == PUNYCODE_MAX)
            return 0;
        where += delta;
        count++;
        if (where / count > 0x10ffff - scalar)
            return 0;
        scalar += (uint32_t)(where / count);
        where %= count;
        if (!is_scalar(scalar))
            return 0;
        memmove(scalars + where + 1, scalars + where, (count - 1 - where) * sizeof *scalars);
        scalars[where++] = scalar;
        bias = next_bias(delta, count, first);
    }
    return count;
}
