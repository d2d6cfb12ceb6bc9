/* Steps from a frame to its caller, all kinds: see unwind_step.h. */
#include "runtime/unwind_step.h"

#include "base/sys.h"

#include <errno.h>

enum { PAGE = 4096, SIGNALS = 8 };

/* ---- memory ---- */

/* What a stack has below its pointer is not read, except within the page: values that were just
 * popped are still said to be there. */
void unwind_know_stack(struct walker *walker, uint64_t sp)
{
    walker->base = 1; /* no aligned word */
    walker->span = 0;
    if (!on_stack(walker->bounds, sp))
        return;
    uint64_t page = sp & ~(uint64_t)(PAGE - 1);
    walker->base = page < walker->bounds.low ? walker->bounds.low : page;
    walker->span = walker->bounds.high - walker->base - 8;
}

static int ask_for_page(struct walker *walker, uint64_t page)
{
    char byte;
    for (uint32_t i = 0; i < walker->pages && i < UNWIND_PAGES; i++)
        if (walker->page[i] == page)
            return 1;
    if (walker->silent)
        return 0;
    long got = sys_peek(page, &byte, 1);
    if (got == 1)
        walker->page[walker->pages++ % UNWIND_PAGES] = page;
    else if (got != -EFAULT)
        walker->silent = 1; /* we may not ask */
    return got == 1;
}

int unwind_readable(struct walker *walker, uint64_t at)
{
    if (at & 7 || at < ADDRESS_LOW || at >= ADDRESS_HIGH)
        return 0;
    return at - walker->base <= walker->span || ask_for_page(walker, at & ~(uint64_t)(PAGE - 1));
}

/* A word on which the walk depends. */
static int fetch(struct walker *walker, uint64_t at, uint64_t *value)
{
    if (!unwind_readable(walker, at))
        return 0;
    *value = word_at(at);
    walker->walk->fresh_read[walker->reads++] = (struct unwind_read){at, *value};
    return 1;
}

/* ---- steps ---- */

/* The value that a register had in the frame on top: saved by one of the frames further in, or
 * still what it was at the start. What a replay would have to compare is not kept: see
 * `unrepeatable`. */
static int find_register(struct walker *walker, uint32_t number, uint64_t *value)
{
    const struct unwind_fresh *fresh = walker->walk->fresh;
    walker->unrepeatable = 1;
    for (uint32_t i = walker->frames - 1; i-- > 0;) {
        struct frame_rule rule = eh_frame_rule(fresh[i].pc - !fresh[i].exact, number);
        long offset = arch_context_offset(number);
        if (rule.kind == RULE_SIGNAL)
            return offset >= 0 && fetch(walker, fresh[i].sp + (uint64_t)offset, value);
        if (!arch_register_kept(number) || rule.kind == RULE_UNKNOWN)
            return 0;
        if (rule.other == RULE_AT_FP)
            return fetch(walker, fresh[i].fp, value);
        if (rule.other != RULE_NOT_SAVED)
            return fetch(walker, fresh[i + 1].sp + (uint64_t)(int64_t)rule.other, value);
    }
    long offset = arch_context_offset(number);
    if (!walker->context || offset < 0)
        return 0;
    *value = *(const uint64_t *)(const void *)((const char *)walker->context + offset);
    return 1;
}

static enum step to_caller(struct walker *walker, struct unwind_state *state, uint64_t cfa,
                           const struct frame_rule *rule)
{
    uint64_t pc, fp = state->fp;
    if (cfa <= state->sp || !fetch(walker, cfa - 8, &pc))
        return STEP_LOST;
    uint64_t at = rule->fp == RULE_AT_FP ? state->fp : cfa + (uint64_t)(int64_t)rule->fp;
    if (rule->fp != RULE_NOT_SAVED && !fetch(walker, at, &fp))
        return STEP_LOST;
    *state = (struct unwind_state){.pc = pc, .sp = cfa, .fp = fp};
    return STEP_ON;
}

static enum step to_interrupted(struct walker *walker, struct unwind_state *state)
{
    uint64_t at = state->sp;
    if (++walker->signals > SIGNALS ||
        !fetch(walker, at + (uint64_t)arch_context_offset(ARCH_DWARF_PC), &state->pc) ||
        !fetch(walker, at + (uint64_t)arch_context_offset(ARCH_DWARF_SP), &state->sp) ||
        !fetch(walker, at + (uint64_t)arch_context_offset(ARCH_DWARF_FP), &state->fp))
        return STEP_LOST;
    state->exact = 1;
    unwind_know_stack(walker, state->sp);
    return STEP_ON;
}

/* By the frame pointer, if it looks like one: further out, and with a return address beside it that
 * is in a module or, for generated code, in none as the code itself. Where all code keeps frame
 * pointers, a zero is the end. */
static enum step by_pointer(struct walker *walker, struct unwind_state *state, int foreign)
{
    uint64_t pc, fp, at = state->fp;
    if (at == 0 && (walker->how == UNWIND_POINTERS || !ARCH_FRAME_RULES))
        return STEP_END;
    if (!ARCH_FRAME_POINTERS || at < state->sp)
        return STEP_LOST;
    if (!fetch(walker, at, &fp) || !fetch(walker, at + 8, &pc))
        return STEP_LOST;
    if (pc == 0)
        return STEP_END;
    if (pc < ADDRESS_LOW || pc >= ADDRESS_HIGH)
        return STEP_LOST;
    if (!foreign && rules_find(pc - 1).kind == RULE_FOREIGN)
        return STEP_LOST;
    *state = (struct unwind_state){.pc = pc, .sp = at + 16, .fp = fp};
    return STEP_ON;
}

/* Where a signal interrupted code of which nothing is said, it may just have been called, or need
 * no frame: then the word at the stack pointer is a return address. */
static enum step by_guess(struct walker *walker, struct unwind_state *state)
{
    uint64_t pc, sp = state->sp;
    if (state->exact && fetch(walker, sp, &pc) && pc > ADDRESS_LOW && pc < ADDRESS_HIGH &&
        rules_find(pc - 1).kind < RULE_UNKNOWN) {
        *state = (struct unwind_state){.pc = pc, .sp = sp + 8, .fp = state->fp};
        return STEP_ON;
    }
    return by_pointer(walker, state, 0);
}

static enum step by_rule(struct walker *walker, struct unwind_state *state)
{
    struct frame_rule rule = rules_find(lookup_address(state));
    uint64_t offset = (uint64_t)(int64_t)rule.offset, cfa;
    if (walker->how == UNWIND_POINTERS)
        return by_pointer(walker, state, rule.kind == RULE_FOREIGN);
    switch (rule.kind) {
    case RULE_SP:
        return to_caller(walker, state, state->sp + offset, &rule);
    case RULE_FP:
        return to_caller(walker, state, state->fp + offset, &rule);
    case RULE_SAVED:
        return fetch(walker, state->fp + offset, &cfa) ? to_caller(walker, state, cfa, &rule)
                                                       : STEP_LOST;
    case RULE_REGISTER:
        return find_register(walker, rule.base, &cfa)
                   ? to_caller(walker, state, cfa + offset, &rule)
                   : STEP_LOST;
    case RULE_SIGNAL:
        return to_interrupted(walker, state);
    case RULE_END:
        walker->walk->fresh[walker->frames - 1].step = STEP_NONE;
        return STEP_END;
    case RULE_UNKNOWN:
        return walker->how == UNWIND_AUTO ? by_guess(walker, state) : STEP_LOST;
    default:
        return walker->how == UNWIND_AUTO ? by_pointer(walker, state, 1) : STEP_LOST;
    }
}

enum step unwind_step(struct walker *walker, struct unwind_state *state)
{
    struct unwind_fresh *fresh = &walker->walk->fresh[walker->frames - 1];
    uint32_t before = walker->reads;
    enum step step = STEP_LOST;
    fresh->step = STEP_OTHER;
    if (state->pc >= ADDRESS_LOW && state->pc < ADDRESS_HIGH && state->sp % 8 == 0)
        step = by_rule(walker, state);
    fresh->reads = (uint16_t)(walker->reads - before);
    if (step == STEP_ON && state->pc == 0)
        return STEP_END;
    return step;
}
