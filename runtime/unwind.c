/* See unwind.h. What is remembered comes first, then the walk; steps other than the common one are
 * in unwind_step.c. */
#include "runtime/unwind_step.h"

/* A stack that grows and shrinks around walk->most would lose its outermost frame at each call, and
 * with it all ids: it is cut to so many frames, and has none added until half are left. */
static inline uint32_t frames_kept(const struct unwind_walk *walk)
{
    return walk->most - walk->most / 4;
}

static inline uint32_t frames_least(const struct unwind_walk *walk)
{
    return walk->most / 2;
}

/* ---- what is remembered ---- */

static inline uint64_t difference(const struct unwind_frame *frame)
{
    return word_at(frame->sp - 8) ^ frame->pc;
}

/* Compares what the steps from the `count` outermost remembered frames have read with what is there
 * now: the return addresses from the inside outwards, then all other words. Returns 0 when all is
 * as it was, else how many frames are outside of a step that has to be made anew, plus one.
 * `asking` is NULL when all of it is in the known stack. */
static inline __attribute__((always_inline)) uint32_t compare(struct unwind_walk *walk,
                                                              uint32_t count, struct walker *asking)
{
    const struct unwind_frame *frame = &walk->frame[count - 1];
    const struct unwind_read *read = &walk->read[frame->reads];
    while (!asking && frame >= walk->frame + 4) { /* four at once */
        if (difference(frame - 1) | difference(frame - 2) | difference(frame - 3) |
            difference(frame - 4))
            break;
        frame -= 4;
    }
    while (frame > walk->frame) {
        frame--;
        uint64_t at = frame->sp - 8;
        if (asking && (frame->exact || !unwind_readable(asking, at))) {
            if (frame->exact)
                continue;
            return (uint32_t)(frame - walk->frame) + 2;
        }
        if (word_at(at) != frame->pc)
            return (uint32_t)(frame - walk->frame) + 2;
    }
    while (read > walk->read) {
        read--;
        if ((asking && !unwind_readable(asking, read->at)) || word_at(read->at) != read->value) {
            while (count > 0 && walk->frame[count - 1].reads > read - walk->read)
                count--;
            return count + 1;
        }
    }
    return 0;
}

/* Of `depth` frames leaves only the innermost `kept`. */
static void drop_outermost(struct unwind_walk *walk, uint32_t depth, uint32_t kept)
{
    uint32_t drop = depth - kept, reads = walk->frame[drop - 1].reads;
    uint32_t all = walk->frame[depth - 1].reads;
    for (uint32_t i = 0; i < kept; i++) {
        struct unwind_frame frame = walk->frame[i + drop];
        frame.reads = (uint16_t)(frame.reads > reads ? frame.reads - reads : 0);
        walk->frame[i] = frame;
    }
    for (uint32_t i = reads; i < all; i++)
        walk->read[i - reads] = walk->read[i];
    walk->same = 0;
    walk->cut = UNWIND_DEEP;
    walk->depth = kept;
}

/* Adds the words that a frame's step depends on, and says whether fp is among them: `needed` is
 * whether what is further out needs it. `kept` are those of the frames up to this one that are kept
 * one by one. */
static inline uint32_t settle_reads(struct unwind_walk *walk, const struct unwind_fresh *fresh,
                                    const struct unwind_frame *outer, uint32_t *reads,
                                    uint32_t *kept, uint32_t needed)
{
    struct unwind_read *read = &walk->read[*reads];
    uint32_t kind = fresh->step & STEP_KIND, saved = fresh->step - kind;
    if (kind == STEP_NONE)
        return 0;
    if (kind != STEP_OTHER) {
        if (saved && needed) {
            *read = (struct unwind_read){outer->sp - saved, outer->fp};
            ++*reads;
        }
        return kind == RULE_FP || (needed && !saved);
    }
    uint32_t count = fresh->reads < *kept ? fresh->reads : *kept;
    for (uint32_t i = 0; i < count; i++) {
        read[i] = walk->fresh_read[--*kept];
        walk->plain &= read[i].at >= fresh->sp && read[i].at + 8 <= walk->high;
    }
    *reads += count;
    return 1;
}

/* So many fresh frames become the innermost ones, around which the outermost `outer` stay. */
static inline __attribute__((always_inline)) void settle(struct unwind_walk *walk, uint32_t outer,
                                                         uint32_t frames, uint32_t kept)
{
    uint32_t reads = outer ? walk->frame[outer - 1].reads : 0;
    uint32_t needed = outer ? walk->frame[outer - 1].needs_fp : 0;
    if (reads > UNWIND_STEP_READS * outer) /* another stack's */
        reads = UNWIND_STEP_READS * outer;
    struct unwind_frame *frame = &walk->frame[outer];
    for (uint32_t i = frames; i-- > 0; frame++) {
        const struct unwind_fresh *fresh = &walk->fresh[i];
        needed = settle_reads(walk, fresh, frame - 1, &reads, &kept, needed);
        frame->pc = fresh->pc;
        frame->sp = fresh->sp;
        frame->fp = fresh->fp;
        frame->exact = fresh->exact;
        frame->needs_fp = (uint8_t)needed;
        frame->reads = (uint16_t)reads;
    }
    walk->same = walk->same < outer ? walk->same : outer;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    walk->depth = outer + frames;
}

static void finish(struct walker *walker, enum unwind_cut cut)
{
    struct unwind_walk *walk = walker->walk;
    walk->cut = cut;
    walk->high = walker->bounds.high;
    walk->plain = walker->signals == 0;
    walk->age -= walker->unrepeatable;
    settle(walk, 0, walker->frames, walker->reads);
}

/* The walk has come to the innermost of the `count` outermost remembered frames: are they all as
 * they were? Then it is done. */
static int join(struct walker *walker, uint32_t count)
{
    struct unwind_walk *walk = walker->walk;
    uint32_t depth = walker->frames + count, changed;
    if (walk->cut == UNWIND_DEEP && depth < frames_least(walk)) {
        walker->limit = frames_kept(walk);
        walker->remembered = 0;
        return 0;
    }
    changed = compare(walk, count, walker);
    if (changed) {
        walker->remembered = changed - 1;
        return 0;
    }
    if (depth > walk->most && walker->frames >= frames_kept(walk)) {
        walk->fresh[walker->frames - 1].step = STEP_NONE;
        finish(walker, UNWIND_DEEP);
        return 1;
    }
    if (depth > walk->most) {
        uint32_t kept = frames_kept(walk) - walker->frames;
        drop_outermost(walk, count, kept);
        count = kept;
    }
    walk->plain &= !walker->signals && walk->high == walker->bounds.high;
    walk->high = walker->bounds.high;
    walk->age -= walker->unrepeatable;
    settle(walk, count, walker->frames, walker->reads);
    return 1;
}

/* ---- the walk ---- */

static inline int is_remembered(const struct unwind_frame *frame, const struct unwind_state *state)
{
    return frame->sp == state->sp && frame->pc == state->pc && frame->exact == state->exact &&
           (frame->fp == state->fp || !frame->needs_fp);
}

/* Of the outermost `count` remembered frames, those that are not further in than the state. */
static inline uint32_t pass(const struct unwind_walk *walk, uint32_t count, uint64_t sp)
{
    while (count > 0 && walk->frame[count - 1].sp < sp)
        count--;
    return count;
}

static inline struct unwind_fresh *push(struct unwind_walk *walk, uint32_t frames,
                                        const struct unwind_state *state)
{
    struct unwind_fresh *fresh = &walk->fresh[frames];
    fresh->pc = state->pc;
    fresh->sp = state->sp;
    fresh->fp = state->fp;
    fresh->exact = (uint8_t)state->exact;
    return fresh;
}

/* The common step: in the known stack, and by a rule that is in the table. */
static inline __attribute__((always_inline)) int
step_quickly(struct unwind_state *state, uint64_t high, struct unwind_fresh *fresh)
{
    uint64_t word;
    if (!rules_get(lookup_address(state), &word) || rules_kind(word) - RULE_SP > RULE_FP - RULE_SP)
        return 0;
    uint64_t cfa = rules_offset(word) + (rules_kind(word) == RULE_FP ? state->fp : state->sp);
    uint64_t size = cfa - state->sp, words = size - 8, saved = rules_fp(word);
    words = words >> 3 | words << 61; /* many, too, when the size is not a number of words */
    if (cfa > high - STACK_LEAST || words > high || size < saved)
        return 0;
    uint64_t pc = word_at(cfa - 8);
    if (pc - ADDRESS_LOW >= ADDRESS_HIGH - ADDRESS_LOW)
        return 0;
    fresh->step = (uint32_t)saved | rules_kind(word);
    if (saved)
        state->fp = word_at(cfa - saved);
    state->pc = pc;
    state->sp = cfa;
    state->exact = 0;
    return 1;
}

/* Whether the rule is one of the common ones. */
static int learn(const struct unwind_state *state)
{
    uint64_t address = lookup_address(state);
    return address >= ADDRESS_LOW && address < ADDRESS_HIGH && rules_find(address).kind <= RULE_FP;
}

/* The whole walk, or what remains to be done when the quick one below has made so many frames. */
static __attribute__((noinline)) void walk_on(struct unwind_walk *walk, struct unwind_state *state,
                                              struct unwind_bounds bounds, uint32_t how,
                                              uint32_t frames, uint32_t remembered)
{
    struct walker walker = {.walk = walk,
                            .context = state->context,
                            .bounds = bounds,
                            .frames = frames,
                            .limit = walk->most,
                            .remembered = remembered,
                            .how = how & ~(uint32_t)UNWIND_SILENT,
                            .silent = how & UNWIND_SILENT};
    enum step step = STEP_ON;
    unwind_know_stack(&walker, state->sp);
    while (step == STEP_ON) {
        uint32_t left = walker.remembered = pass(walk, walker.remembered, state->sp);
        if (left > 0 && is_remembered(&walk->frame[left - 1], state) && join(&walker, left))
            return;
        if (walker.frames == walker.limit) {
            walk->fresh[walker.frames - 1].step = STEP_NONE;
            finish(&walker, UNWIND_DEEP);
            return;
        }
        struct unwind_fresh *fresh = push(walk, walker.frames++, state);
        int known = walker.span && walker.how != UNWIND_POINTERS;
        /* once more with the rule in its place: what this step depends on is kept for long */
        if (!known || (!step_quickly(state, bounds.high, fresh) &&
                       !(learn(state) && step_quickly(state, bounds.high, fresh))))
            step = unwind_step(&walker, state);
    }
    finish(&walker, step == STEP_END ? UNWIND_WHOLE : UNWIND_LOST);
}

/* Common steps only, until a remembered frame is met around which nothing has changed. */
void unwind(struct unwind_walk *walk, const struct unwind_state *start, struct unwind_bounds bounds,
            uint32_t how)
{
    uint32_t age = rules_age(), frames = 0, left = walk->depth;
    struct unwind_state state = *start;
    if (walk->age != age || walk->how != how)
        left = 0;
    int quick = left > 0 && (how & ~(uint32_t)UNWIND_SILENT) != UNWIND_POINTERS && walk->plain &&
                walk->high == bounds.high && on_stack(bounds, state.sp);
    if (quick && is_remembered(&walk->frame[left - 1], &state) && !compare(walk, left, NULL))
        return;
    walk->depth = 0; /* a handler that jumps out of here leaves nothing half-made */
    walk->age = age;
    walk->how = how;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    for (uint32_t least = frames_least(walk); quick && frames < least; frames++) {
        left = pass(walk, left, state.sp);
        if (left > 0 && is_remembered(&walk->frame[left - 1], &state)) {
            uint32_t changed = compare(walk, left, NULL);
            if (changed) {
                left = changed - 1;
            } else if (frames + left <= walk->most &&
                       (walk->cut != UNWIND_DEEP || frames + left >= least)) {
                settle(walk, left, frames, 0);
                return;
            } else {
                break;
            }
        }
        if (!step_quickly(&state, bounds.high, push(walk, frames, &state)))
            break;
    }
    struct unwind_state next = state; /* its address leaves this function, state's does not */
    walk_on(walk, &next, bounds, how, frames, left);
}

void unwind_interrupted(struct unwind_state *state, const void *context)
{
    uint64_t *const words[] = {&state->pc, &state->sp, &state->fp};
    static const unsigned registers[] = {ARCH_DWARF_PC, ARCH_DWARF_SP, ARCH_DWARF_FP};
    for (int i = 0; i < 3; i++) {
        long offset = arch_context_offset(registers[i]);
        const char *at = (const char *)context + offset;
        *words[i] = offset < 0 ? 0 : *(const uint64_t *)(const void *)at;
    }
    state->exact = 1;
    state->context = context;
}

void unwind_forget(void)
{
    rules_forget();
}
