/* What the unwind tables say, remembered by address: a flat table that all threads share.
 *
 * An entry is one 64-bit word, so it is read and written whole, and nobody waits for anybody. An
 * address has 48 bits; times an odd number, modulo 2^48, is a bijection of them. Fifteen bits of
 * the product choose the entry, the other 33 are kept in it (the tag), so a word with the right
 * tag is the right address's. The other 31 bits are the rule; the few that do not fit there are
 * asked for each time.
 *
 * Word: tag 33 | offset / 8, signed 21 | -fp / 8, 6 (0: not saved) | kind 4. Zero: empty. */
#ifndef VT_RUNTIME_RULES_H
#define VT_RUNTIME_RULES_H

#include "runtime/eh_frame.h"

#include <stdint.h>

enum { RULE_ADDRESS_BITS = 48, RULE_INDEX_BITS = 15, RULE_BITS = 31 };

extern uint64_t rules_table[1 << RULE_INDEX_BITS] __attribute__((visibility("hidden")));

/* The product, in the high bits of the word. */
static inline uint64_t rules_hash(uint64_t address)
{
    return (address * UINT64_C(0x9e3779b97f4b)) << (64 - RULE_ADDRESS_BITS);
}

/* The word in the place of the address, which may be another's. */
static inline uint64_t rules_word(uint64_t hash)
{
    return __atomic_load_n(&rules_table[hash >> (64 - RULE_INDEX_BITS)], __ATOMIC_RELAXED);
}

static inline uint64_t rules_tag(uint64_t hash)
{
    return hash << RULE_INDEX_BITS;
}

/* Whether a word is that of the address whose tag this is. */
static inline int rules_match(uint64_t word, uint64_t tag)
{
    return (word ^ tag) >> RULE_BITS == 0;
}

static inline uint32_t rules_kind(uint64_t word)
{
    return word & 15;
}

/* In bytes below the CFA; 0: not saved. */
static inline uint64_t rules_fp(uint64_t word)
{
    return word >> 1 & 0x1f8;
}

static inline int64_t rules_offset(uint64_t word)
{
    return (int64_t)(int32_t)((uint32_t)word << 1) >> 11 << 3;
}

/* The rule at an address below 2^48, from the table or else from the module. */
struct frame_rule rules_find(uint64_t address);

/* All that is remembered is void: a module goes, or came. */
void rules_forget(void);

/* Changes with every rules_forget. */
uint32_t rules_age(void);

#endif
