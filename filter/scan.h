/* Words and numbers of an expression: pure functions over text that know nothing of the parser, so
 * parse.c is left with the grammar. No allocation. Private to filter/. */
#ifndef VT_FILTER_SCAN_H
#define VT_FILTER_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SCAN_LONGEST_QUOTE = 24 }; /* bytes of the user's text that a message repeats */

static inline bool scan_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes beyond ASCII count as letters: the µ of µs is made of them. */
static inline size_t scan_word_length(const char *word)
{
    size_t n = 0;
    while ((word[n] >= 'a' && word[n] <= 'z') || (word[n] >= 'A' && word[n] <= 'Z') ||
           (word[n] >= '0' && word[n] <= '9') || word[n] == '_' || (unsigned char)word[n] >= 0x80)
        n++;
    return n;
}

/* As much of a word as a message repeats, cut between two characters. */
static inline int scan_quote_length(const char *word)
{
    size_t n = scan_word_length(word);
    if (n <= SCAN_LONGEST_QUOTE)
        return (int)n;
    for (n = SCAN_LONGEST_QUOTE; n > 0 && ((unsigned char)word[n] & 0xC0) == 0x80; n--)
        ;
    return (int)n;
}

static inline bool scan_is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static inline bool scan_is_connective(const char *word, size_t length)
{
    return scan_is_word(word, length, "and") || scan_is_word(word, length, "or") ||
           scan_is_word(word, length, "not");
}

/* False when it does not fit. */
static inline bool scan_number(const char *digits, size_t length, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < length; i++) {
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(digits[i] - '0'), number))
            return false;
    }
    return true;
}

/* The decimals of a number of units, in ns; false when that is no whole number of them. */
static inline bool scan_decimals(const char *digits, size_t length, uint64_t unit, uint64_t *ns)
{
    *ns = 0;
    for (size_t i = 0; i < length; i++) {
        uint64_t tenfold = (uint64_t)(digits[i] - '0') * unit;
        if (digits[i] != '0' && (unit == 0 || tenfold % 10 != 0))
            return false;
        *ns += tenfold / 10;
        unit /= 10; /* from 1 ns, or the 6 ns of m, to 0: no later digit can be whole */
    }
    return true;
}

#endif
