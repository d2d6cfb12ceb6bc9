/* What the unwind tables say, remembered by address: a flat table that all threads share.
 *
 * An entry is one 64-bit word, so it is read and written whole, and nobody waits for anybody. The
 * low 15 bits of an address choose the entry, its other 33 are kept there (the tag), so a word with
 * the right tag is the right address's. What is left of the word is the rule; the few rules that do
 * not fit are asked for each time. Code addresses are spread well enough as they are, and a
 * multiplication would be a fifth of what a step costs.
 *
 * Word: tag 33 | unused 4 | -fp / 8, 6 (0: not saved) | |offset| / 8, 18 | kind 3. Zero: empty. */
#ifndef VT_RUNTIME_RULES_H
#define VT_RUNTIME_RULES_H

#include "runtime/eh_frame.h"

#include <stdint.h>

enum { RULE_INDEX_BITS = 15, RULE_BITS = 31 };

extern uint32_t rules_forgotten __attribute__((visibility("hidden")));
extern uint64_t rules_table[1 << RULE_INDEX_BITS] __attribute__((visibility("hidden")));

static inline uint64_t *rules_place(uint64_t address)
{
    return &rules_table[address & ((1 << RULE_INDEX_BITS) - 1)];
}

static inline uint64_t rules_tag(uint64_t address)
{
    return address >> RULE_INDEX_BITS;
}

/* The word in the place of the address; whether it is the address's own. */
static inline int rules_get(uint64_t address, uint64_t *word)
{
    *word = __atomic_load_n(rules_place(address), __ATOMIC_RELAXED);
    return *word >> RULE_BITS == rules_tag(address);
}

static inline uint32_t rules_kind(uint64_t word)
{
    return word & 7;
}

/* In bytes. */
static inline uint64_t rules_offset(uint64_t word)
{
    return word & 0x1ffff8;
}

/* In bytes below the CFA; 0: not saved. */
static inline uint64_t rules_fp(uint64_t word)
{
    return word >> 18 & 0x1f8;
}

/* The rule at an address below 2^48, from the table or else from the module. */
struct frame_rule rules_find(uint64_t address);

/* All that is remembered is void: a module goes, or came. */
void rules_forget(void);

/* Changes with every rules_forget. */
static inline uint32_t rules_age(void)
{
    return __atomic_load_n(&rules_forgotten, __ATOMIC_ACQUIRE);
}

#endif
