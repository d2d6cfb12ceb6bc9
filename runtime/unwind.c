/* See unwind.h. The loop and its one common step are at the end; the steps that are rare, and what
 * is remembered, come before. */
#include "runtime/unwind.h"

#include "base/sys.h"
#include "runtime/rules.h"

#include <errno.h>
#include <sys/uio.h>

enum { PAGE = 4096, PAGES = 4, SIGNALS = 8 };

/* A stack that grows and shrinks around UNWIND_FRAMES would lose its outermost frame at each call,
 * and with it all ids: it is cut to so many frames, and has none added until half are left. */
enum { FRAMES_KEPT = 48, FRAMES_LEAST = UNWIND_FRAMES / 2 };

#define ADDRESS_LOW  UINT64_C(0x1000)
#define ADDRESS_HIGH (UINT64_C(1) << 47)

/* A walk under way. Its frames and reads are `fresh`, innermost first. */
struct walker {
    struct unwind_walk *walk;
    const void *context;
    struct unwind_bounds bounds;
    uint64_t base, span;  /* words at [base, base + span] may be read */
    uint64_t page[PAGES]; /* and those of these pages, as the kernel says */
    uint32_t pages;
    uint32_t frames, reads;
    uint32_t limit;      /* frames */
    uint32_t remembered; /* frames of last time that are not passed yet */
    uint32_t signals;
    uint32_t how;
    uint32_t silent;
    uint32_t unrepeatable; /* it depended on more than it keeps */
};

enum step { STEP_ON, STEP_END, STEP_LOST };

/* ---- memory ---- */

/* What a stack has below its pointer is not read, except within the page: values that were just
 * popped are still said to be there. */
static void know_stack(struct walker *walker, uint64_t sp)
{
    walker->base = 1; /* no aligned word */
    walker->span = 0;
    if (sp < walker->bounds.low || sp >= walker->bounds.high || walker->bounds.high - sp < 16)
        return;
    uint64_t page = sp & ~(uint64_t)(PAGE - 1);
    walker->base = page < walker->bounds.low ? walker->bounds.low : page;
    walker->span = walker->bounds.high - walker->base - 8;
}

static int ask_for_page(struct walker *walker, uint64_t page)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)(uintptr_t)page, 1};
    for (uint32_t i = 0; i < walker->pages && i < PAGES; i++)
        if (walker->page[i] == page)
            return 1;
    if (walker->silent)
        return 0;
    long got = arch_syscall(SYS_process_vm_readv, sys_getpid(), (long)&here, 1, (long)&there, 1, 0);
    if (got == 1)
        walker->page[walker->pages++ % PAGES] = page;
    else if (got != -EFAULT)
        walker->silent = 1; /* we may not ask */
    return got == 1;
}

static int readable(struct walker *walker, uint64_t at)
{
    if (at & 7 || at < ADDRESS_LOW || at >= ADDRESS_HIGH)
        return 0;
    return at - walker->base <= walker->span || ask_for_page(walker, at & ~(uint64_t)(PAGE - 1));
}

static inline uint64_t word_at(uint64_t at)
{
    return *(const volatile uint64_t *)(uintptr_t)at;
}

static int fetch(struct walker *walker, uint64_t at, uint64_t *value)
{
    if (!readable(walker, at))
        return 0;
    *value = word_at(at);
    walker->walk->fresh_read[walker->reads++] = (struct unwind_read){at, *value};
    return 1;
}

/* ---- steps ---- */

static inline uint64_t lookup_address(const struct unwind_state *state)
{
    return state->pc - !state->exact;
}

/* The value that a register had in the frame on top: saved by one of the frames further in, or
 * still what it was at the start. What a replay would have to compare is not kept: see
 * `unrepeatable`. */
static int find_register(struct walker *walker, uint32_t number, uint64_t *value)
{
    const struct unwind_frame *fresh = walker->walk->fresh;
    walker->unrepeatable = 1;
    for (uint32_t i = walker->frames - 1; i-- > 0;) {
        struct frame_rule rule = eh_frame_rule(fresh[i].pc - !fresh[i].exact, number);
        long offset = arch_context_offset(number);
        if (rule.kind == RULE_SIGNAL)
            return offset >= 0 && fetch(walker, fresh[i].sp + (uint64_t)offset, value);
        if (!arch_register_kept(number) || rule.kind == RULE_UNKNOWN)
            return 0;
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
    if (rule->kind == RULE_SAVED) {
        if (!fetch(walker, state->fp, &fp))
            return STEP_LOST;
    } else if (rule->fp != RULE_NOT_SAVED) {
        if (!fetch(walker, cfa + (uint64_t)(int64_t)rule->fp, &fp))
            return STEP_LOST;
    }
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
    know_stack(walker, state->sp);
    return STEP_ON;
}

/* By the frame pointer, if it looks like one: further out, and with a return address beside it that
 * is in a module or, for generated code, in none as the code itself. */
static enum step by_pointer(struct walker *walker, struct unwind_state *state, int foreign)
{
    uint64_t pc, fp, at = state->fp;
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

static enum step by_rule(struct walker *walker, struct unwind_state *state)
{
    struct frame_rule rule = rules_find(lookup_address(state));
    uint64_t offset = (uint64_t)(int64_t)rule.offset, cfa;
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
        return STEP_END;
    default:
        return walker->how == UNWIND_AUTO ? by_pointer(walker, state, rule.kind == RULE_FOREIGN)
                                          : STEP_LOST;
    }
}

static __attribute__((noinline)) enum step step_slowly(struct walker *walker,
                                                       struct unwind_state *state)
{
    enum step step =
        walker->how == UNWIND_POINTERS ? by_pointer(walker, state, 0) : by_rule(walker, state);
    if (step != STEP_ON)
        return step;
    if (state->pc == 0)
        return STEP_END;
    return state->pc < ADDRESS_LOW || state->pc >= ADDRESS_HIGH ? STEP_LOST : STEP_ON;
}

/* ---- what is remembered ---- */

/* How many of the outermost `count` words have changed since, or are further out than one that has:
 * 0 when all are as they were. */
static uint32_t compare(struct walker *walker, uint32_t count)
{
    const struct unwind_read *read = walker->walk->read;
    uint64_t base = walker->base, span = walker->span;
    for (; count > 0; count--) {
        const struct unwind_read *last = &read[count - 1];
        if (last->at - base > span && !readable(walker, last->at))
            break;
        if (word_at(last->at) != last->value)
            break;
    }
    return count;
}

/* Takes the remembered frames from `from` outwards to `to` into the walk, and the reads of all but
 * the last. */
static void copy_frames(struct walker *walker, uint32_t from, uint32_t to)
{
    struct unwind_walk *walk = walker->walk;
    for (uint32_t i = from;; i--) {
        struct unwind_frame *fresh = &walk->fresh[walker->frames++];
        *fresh = walk->frame[i];
        fresh->reads = (uint8_t)walker->reads;
        if (i == to)
            return;
        for (uint32_t k = walk->frame[i].reads; k > walk->frame[i - 1].reads; k--)
            walk->fresh_read[walker->reads++] = walk->read[k - 1];
    }
}

/* The fresh frames become the innermost ones, around which the outermost `outer` stay. A fresh
 * frame's `reads` are those that were made before its own step; a remembered one's are its own and
 * those further out. */
static void settle(struct walker *walker, uint32_t outer, enum unwind_cut cut)
{
    struct unwind_walk *walk = walker->walk;
    uint32_t reads = outer ? walk->frame[outer - 1].reads : 0, all = reads + walker->reads;
    uint32_t depth = outer + walker->frames;
    for (uint32_t i = 0; i < walker->frames; i++) {
        struct unwind_frame *frame = &walk->frame[depth - 1 - i];
        *frame = walk->fresh[i];
        frame->reads = (uint8_t)(all - walk->fresh[i].reads);
    }
    for (uint32_t i = 0; i < walker->reads; i++)
        walk->read[all - 1 - i] = walk->fresh_read[i];
    walk->cut = cut;
    walk->same = walk->same < outer ? walk->same : outer;
    if (walker->unrepeatable) {
        walk->same = 0;
        walk->age = rules_age() - 1;
    }
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    walk->depth = depth;
}

static void state_of(struct unwind_state *state, const struct unwind_frame *frame)
{
    *state = (struct unwind_state){
        .pc = frame->pc, .sp = frame->sp, .fp = frame->fp, .exact = frame->exact};
}

/* The walk has come to the frame that was number `index`. Done (1), or goes on from the frame at
 * which something has changed, or at which remembering ended. */
static __attribute__((noinline)) int replay(struct walker *walker, struct unwind_state *state,
                                            uint32_t index)
{
    struct unwind_walk *walk = walker->walk;
    uint32_t changed = compare(walker, walk->frame[index].reads);
    uint32_t depth = walker->frames + index + 1, last = 0;
    if (changed == 0 && (walk->cut != UNWIND_DEEP || depth >= FRAMES_LEAST)) {
        if (depth <= walker->limit) {
            settle(walker, index + 1, walk->cut);
            return 1;
        }
        if (walker->frames < FRAMES_KEPT)
            copy_frames(walker, index, index + 1 - (FRAMES_KEPT - walker->frames));
        settle(walker, 0, UNWIND_DEEP);
        return 1;
    }
    if (changed > 0)
        for (last = index; last > 0 && walk->frame[last - 1].reads >= changed; last--)
            ;
    else
        walker->limit = FRAMES_KEPT;
    if (walker->frames + index - last + 1 > walker->limit) {
        copy_frames(walker, index, index + 1 - (walker->limit - walker->frames));
        settle(walker, 0, UNWIND_DEEP);
        return 1;
    }
    copy_frames(walker, index, last);
    walker->remembered = last;
    state_of(state, &walk->frame[last]);
    return 0;
}

/* ---- the walk ---- */

static struct walker begin(struct unwind_walk *walk, const struct unwind_state *state,
                           struct unwind_bounds bounds, uint32_t how)
{
    struct walker walker = {.walk = walk,
                            .context = state->context,
                            .bounds = bounds,
                            .limit = UNWIND_FRAMES,
                            .how = how & ~(uint32_t)UNWIND_SILENT,
                            .silent = how & UNWIND_SILENT};
    uint32_t age = rules_age();
    if (walk->age == age && walk->how == how && walk->depth <= UNWIND_FRAMES)
        walker.remembered = walk->depth;
    else
        walk->same = 0;
    walk->age = age;
    walk->how = how;
    walk->depth = 0; /* a handler that jumps out of here leaves nothing half-made */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    know_stack(&walker, state->sp);
    return walker;
}

void unwind(struct unwind_walk *walk, struct unwind_state state, struct unwind_bounds bounds,
            uint32_t how)
{
    struct walker walker = begin(walk, &state, bounds, how);
    enum step step;
    do {
        uint32_t left = walker.remembered;
        while (left > 0 && walk->frame[left - 1].sp < state.sp)
            left--;
        walker.remembered = left;
        const struct unwind_frame *last = &walk->frame[left - 1];
        if (left > 0 && last->sp == state.sp && last->pc == state.pc && last->fp == state.fp &&
            last->exact == state.exact) {
            if (replay(&walker, &state, left - 1))
                return;
        } else if (walker.frames == walker.limit) {
            settle(&walker, 0, UNWIND_DEEP);
            return;
        } else {
            walk->fresh[walker.frames++] = (struct unwind_frame){
                state.pc, state.sp, state.fp, 0, (uint8_t)state.exact, (uint8_t)walker.reads};
        }
        step = step_slowly(&walker, &state);
    } while (step == STEP_ON);
    settle(&walker, 0, step == STEP_END ? UNWIND_WHOLE : UNWIND_LOST);
}

struct unwind_state unwind_interrupted(const void *context)
{
    const char *registers = context;
    struct unwind_state state = {.exact = 1, .context = context};
    if (arch_context_offset(ARCH_DWARF_PC) < 0)
        return state;
    state.pc = *(const uint64_t *)(const void *)(registers + arch_context_offset(ARCH_DWARF_PC));
    state.sp = *(const uint64_t *)(const void *)(registers + arch_context_offset(ARCH_DWARF_SP));
    state.fp = *(const uint64_t *)(const void *)(registers + arch_context_offset(ARCH_DWARF_FP));
    return state;
}

void unwind_forget(void)
{
    rules_forget();
}
