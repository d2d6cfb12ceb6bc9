/* See rules.h. */
#include "runtime/rules.h"

uint64_t rules_table[1 << RULE_INDEX_BITS];

uint32_t rules_forgotten;

/* The rule without its tag, or 0: it does not fit. The offsets of RULE_SAVED are below the frame
 * pointer, where the caller's is, too; all others are above what they are relative to. */
static uint64_t pack(const struct frame_rule *rule)
{
    int64_t offset = rule->kind == RULE_SAVED ? -(int64_t)rule->offset : rule->offset;
    int64_t fp = rule->fp == RULE_NOT_SAVED ? 0 : -(int64_t)rule->fp;
    if (rule->kind == RULE_REGISTER || offset < 0 || offset > 0x1ffff8 || offset % 8 != 0)
        return 0;
    if (rule->kind == RULE_SAVED)
        return rule->fp == RULE_AT_FP ? (uint64_t)offset | RULE_SAVED : 0;
    if (rule->fp != RULE_NOT_SAVED && (fp <= 0 || fp > 0x1f8 || fp % 8 != 0))
        return 0;
    return (uint64_t)fp << 18 | (uint64_t)offset | rule->kind;
}

static struct frame_rule unpack(uint64_t word)
{
    int32_t fp = (int32_t)rules_fp(word), offset = (int32_t)rules_offset(word);
    struct frame_rule rule = {rules_kind(word), 0, offset, fp ? -fp : RULE_NOT_SAVED,
                              RULE_NOT_SAVED};
    if (rule.kind == RULE_SAVED) {
        rule.offset = -offset;
        rule.fp = RULE_AT_FP;
    }
    return rule;
}

struct frame_rule rules_find(uint64_t address)
{
    uint64_t word, *place = rules_place(address);
    if (rules_get(address, &word) && rules_kind(word))
        return unpack(word);
    uint32_t before = rules_age();
    struct frame_rule rule = eh_frame_rule(address, RULE_NO_REGISTER);
    uint64_t packed = pack(&rule);
    if (packed == 0)
        return rule;
    __atomic_store_n(place, rules_tag(address) << RULE_BITS | packed, __ATOMIC_SEQ_CST);
    if (before != __atomic_load_n(&rules_forgotten, __ATOMIC_SEQ_CST)) /* pairs with rules_forget */
        __atomic_store_n(place, 0, __ATOMIC_RELAXED);
    return rule;
}

/* Whoever stores after its entry was cleared sees the new age and clears it again. */
void rules_forget(void)
{
    __atomic_fetch_add(&rules_forgotten, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 1 << RULE_INDEX_BITS; i++)
        if (__atomic_load_n(&rules_table[i], __ATOMIC_SEQ_CST))
            __atomic_store_n(&rules_table[i], 0, __ATOMIC_RELAXED);
}
