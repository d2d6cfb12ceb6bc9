/* See sampler_mask.h. */
#include "runtime/sampler_mask.h"

#include "base/sys.h"
#include "runtime/process.h"
#include "runtime/sampler.h"

#include <signal.h>

/* Of the signal before it and the one behind it. */
enum { BEFORE = 1, BEHIND = 2, BOTH = BEFORE | BEHIND };

static unsigned char around(uint64_t mask)
{
    return (unsigned char)((mask & SAMPLER_BIT >> 1 ? BEFORE : 0) |
                           (mask & SAMPLER_BIT << 1 ? BEHIND : 0));
}

static uint64_t real_mask(void)
{
    uint64_t mask = 0;
    SYS4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
    return mask;
}

uint64_t sampler_mask_shown(uint64_t mask)
{
    if (sampler_self.belief.settled)
        return mask;
    int blocked = around(mask) == sampler_self.belief.around ? sampler_self.belief.blocked
                                                             : around(mask) == BOTH;
    return blocked ? mask | SAMPLER_BIT : mask & ~SAMPLER_BIT;
}

void sampler_mask_said(uint64_t mask, int blocked)
{
    sampler_self.belief.around = around(mask);
    sampler_self.belief.blocked = blocked != 0;
}

/* A handler on an alternative stack, which forked: there it is blocked for want of room. */
static int is_on_handlers_stack(void)
{
    stack_t there = {.ss_flags = 0};
    SYS2(SYS_sigaltstack, NULL, &there);
    return there.ss_flags & SS_ONSTACK;
}

uint64_t sampler_mask_attached(uint64_t mask)
{
    static const uint64_t glibcs = UINT64_C(3) << 31; /* 32 and 33: no program blocks them */
    if (!sampler_is_on() || mask & glibcs || !(mask & SAMPLER_BIT) || is_on_handlers_stack())
        return mask;
    sampler_mask_said(mask, 1);
    return mask & ~SAMPLER_BIT;
}

uint64_t sampler_mask_settled(uint64_t mask)
{
    mask |= sampler_mask_shown(mask) & SAMPLER_BIT;
    sampler_self.belief.settled = 1;
    return mask;
}

void sampler_mask_settle(void)
{
    if (sampler_has_begun() && !sampler_self.belief.settled)
        sys_signals_restore(sampler_mask_settled(real_mask()));
}

/* Whether there is a difference to make, and it may be made. */
static int differs(void)
{
    return sampler_has_begun() && !process.sealed;
}

uint64_t sampler_mask_hand_on(void)
{
    if (!differs())
        return 0;
    static const uint64_t bit = SAMPLER_BIT;
    static const struct timespec none = {0, 0};
    uint64_t mask = real_mask(), shown = sampler_mask_shown(mask);
    if (mask & ~shown) /* in a handler that it is kept out of: a pending one must not come now */
        SYS4(SYS_rt_sigtimedwait, &bit, NULL, &none, sizeof bit);
    if (mask != shown)
        sys_signals_restore(shown);
    return mask;
}

void sampler_mask_take_back(uint64_t before)
{
    if (differs())
        sys_signals_restore(before);
}
