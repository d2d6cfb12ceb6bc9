/* See rules.h. */
#include "runtime/rules.h"

uint64_t rules_table[1 << RULE_INDEX_BITS];

static uint32_t age;

/* The rule without its tag, or 0: it does not fit. */
static uint64_t pack(const struct frame_rule *rule)
{
    int64_t offset = rule->offset / 8;
    int64_t fp = rule->fp == RULE_NOT_SAVED ? 0 : -(int64_t)rule->fp / 8;
    if (rule->kind == RULE_REGISTER || rule->offset % 8 != 0 || offset != offset << 43 >> 43)
        return 0;
    if (rule->fp != RULE_NOT_SAVED && (rule->fp % 8 != 0 || fp <= 0 || fp > 63))
        return 0;
    return ((uint64_t)offset << 10 & ((UINT64_C(1) << RULE_BITS) - 1)) | (uint64_t)fp << 4 |
           rule->kind;
}

static struct frame_rule unpack(uint64_t word)
{
    uint64_t fp = rules_fp(word);
    return (struct frame_rule){rules_kind(word), 0, (int32_t)rules_offset(word),
                               fp ? -(int32_t)fp : RULE_NOT_SAVED, RULE_NOT_SAVED};
}

struct frame_rule rules_find(uint64_t address)
{
    uint64_t hash = rules_hash(address), word = rules_word(hash);
    if (rules_kind(word) && rules_match(word, rules_tag(hash)))
        return unpack(word);
    uint32_t before = rules_age();
    struct frame_rule rule = eh_frame_rule(address, RULE_NO_REGISTER);
    uint64_t packed = pack(&rule);
    if (packed == 0)
        return rule;
    uint64_t *place = &rules_table[hash >> (64 - RULE_INDEX_BITS)];
    __atomic_store_n(place, rules_tag(hash) | packed, __ATOMIC_SEQ_CST);
    if (before != __atomic_load_n(&age, __ATOMIC_SEQ_CST)) /* pairs with rules_forget */
        __atomic_store_n(place, 0, __ATOMIC_RELAXED);
    return rule;
}

/* Whoever stores after its entry was cleared sees the new age and clears it again. */
void rules_forget(void)
{
    __atomic_fetch_add(&age, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 1 << RULE_INDEX_BITS; i++)
        if (__atomic_load_n(&rules_table[i], __ATOMIC_SEQ_CST))
            __atomic_store_n(&rules_table[i], 0, __ATOMIC_RELAXED);
}

uint32_t rules_age(void)
{
    return __atomic_load_n(&age, __ATOMIC_ACQUIRE);
}
