/* An exponential distribution out of uniform bits, without floating point: its exceptions and flags
 * are the program's, also inside of malloc. */
#ifndef VT_PRELOAD_EXPONENTIAL_H
#define VT_PRELOAD_EXPONENTIAL_H

#include <stdint.h>

enum { LOG_BITS = 20, EXPONENTIAL_BITS = 32 };

/* log2(bits), rounded down to a multiple of 2^-LOG_BITS, times 2^LOG_BITS; bits > 0. A digit for
 * each time that the mantissa, squared, comes to two or more. What the 64 bits of it lose doubles
 * with each, too: far less than the last digit. */
static inline uint64_t fixed_log2(uint64_t bits)
{
    unsigned zeros = (unsigned)__builtin_clzll(bits);
    uint64_t mantissa = bits << zeros, log = 63 - zeros;
    for (int i = 0; i < LOG_BITS; i++) {
        uint64_t square = (uint64_t)((unsigned __int128)mantissa * mantissa >> 64);
        uint64_t digit = square >> 63;
        mantissa = square << (1 - digit);
        log = log << 1 | digit;
    }
    return log;
}

/* -ln(u) times 2^EXPONENTIAL_BITS for u = bits / 2^64, too large by less than 2^-LOG_BITS; bits >
 * 0.
 */
static inline uint64_t fixed_exponential(uint64_t bits)
{
    const uint64_t ln2 = 2977044472; /* times 2^EXPONENTIAL_BITS */
    return ((64u << LOG_BITS) - fixed_log2(bits)) * ln2 >> LOG_BITS;
}

#endif
