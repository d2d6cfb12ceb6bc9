/* The rows of calls/signals.def: the sampler's signal is the program's when it asks for it, and
 * then nobody is sampled any more. Until then it cannot be blocked, or threads that block all
 * signals, as many servers' do, would have no samples; they are told that it is. Nobody who waits
 * for all signals is given it, and handlers on alternative stacks, where there may be no room for
 * another one, are not interrupted by it. */
#include "preload/signals.h"

#include "base/sys.h"
#include "preload/wrap.h"
#include "runtime/sampler.h"
#include "runtime/sampler_mask.h"
#include "runtime/sampler_stack.h"

#include <stdatomic.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#include "preload/calls/signals.def"

/* Signals, as bits, of whose handlers' masks ours is one without the program's knowledge. */
static _Atomic uint64_t kept_out;

int signals_are_borrowed(void)
{
    return sampler_has_begun() && process_is_borrowed();
}

int signals_name_ours(const sigset_t *set)
{
    static const uint64_t around = SAMPLER_BIT << 1 | SAMPLER_BIT >> 1;
    return is_plausible(set) && (signals_word(set) & (around | SAMPLER_BIT)) == SAMPLER_BIT;
}

/* The same action, whose handler the sampler does not interrupt if it runs on a stack of its own.
 */
static const struct sigaction *keep_out(int signal, const struct sigaction *action,
                                        struct sigaction *copy)
{
    if (!is_plausible(action) || !(action->sa_flags & SA_ONSTACK) || !sampler_is_on() ||
        signals_word(&action->sa_mask) & SAMPLER_BIT)
        return action;
    *copy = *action;
    signals_set_word(&copy->sa_mask, signals_word(&action->sa_mask) | SAMPLER_BIT);
    atomic_fetch_or(&kept_out, UINT64_C(1) << (signal - 1));
    return copy;
}

/* Before an action: whether its handler wants an alternative stack. It must not find ours. */
static void look_for_stack(int signal, const struct sigaction *action)
{
    if (is_plausible(action) && action->sa_flags & SA_ONSTACK && action->sa_handler != SIG_DFL &&
        action->sa_handler != SIG_IGN && signal != SIGKILL && signal != SIGSTOP &&
        !sampler_stack_is_wanted())
        sampler_leave_thread();
}

/* The program's handler, and whether ours is kept out of it. */
static int act(int signal, const struct sigaction *action, struct sigaction *before)
{
    struct sigaction copy;
    if (signal == SAMPLER_SIGNAL && is_plausible(action) && sampler_is_on()) {
        /* the default is what a program believes that it has; many reset all signals */
        if (action->sa_handler == SIG_DFL)
            action = NULL;
        else
            sampler_give_up();
    }
    look_for_stack(signal, action);
    const struct sigaction *given = keep_out(signal, action, &copy);
    int answer = real.sigaction(signal, given, before);
    if (answer == 0 && action && given == action)
        atomic_fetch_and(&kept_out, ~(UINT64_C(1) << (signal - 1)));
    return answer;
}

EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *before)
{
    if (signal <= 0 || signal > 64 || !sampler_has_begun())
        return real.sigaction(signal, action, before);
    uint64_t kept = atomic_load(&kept_out) & UINT64_C(1) << (signal - 1);
    int answer = signals_are_borrowed() ? real.sigaction(signal, action, before)
                                        : act(signal, action, before);
    if (answer != 0 || !before)
        return answer;
    if (kept)
        signals_set_word(&before->sa_mask, signals_word(&before->sa_mask) & ~SAMPLER_BIT);
    if (signal == SAMPLER_SIGNAL && sampler_has((void *)before->sa_handler))
        memset(before, 0, sizeof *before); /* SIG_DFL */
    return answer;
}

void signals_jump(void)
{
    const uint64_t bit = SAMPLER_BIT;
    if ((atomic_load_explicit(&kept_out, memory_order_relaxed) || sampler_self.awaits) &&
        sampler_is_on())
        SYS4(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, sizeof bit);
    sampler_self.awaits = 0;
}

#define SIGNAL(name)                                                                               \
    EXPORT sighandler_t name(int number, sighandler_t handler)                                     \
    {                                                                                              \
        if (number == SAMPLER_SIGNAL && sampler_is_on() && !process_is_borrowed()) {               \
            if (handler == SIG_DFL)                                                                \
                return SIG_DFL;                                                                    \
            sampler_give_up();                                                                     \
        }                                                                                          \
        sighandler_t before = real.name(number, handler);                                          \
        return sampler_has((void *)before) ? SIG_DFL : before;                                     \
    }
SIGNAL(signal)
SIGNAL(ssignal)
SIGNAL(sysv_signal)
SIGNAL(__sysv_signal) /* signal, of strict C */
SIGNAL(sigset)

/* The kernel's mask behind a change. */
static uint64_t changed(uint64_t mask, int how, uint64_t by)
{
    return how == SIG_BLOCK ? mask | by : how == SIG_UNBLOCK ? mask & ~by : by;
}

/* Whether the thread runs on an alternative stack with the signal kept out. */
static int is_kept_out(void)
{
    stack_t there = {.ss_flags = 0};
    uint64_t mask = 0;
    if (!atomic_load_explicit(&kept_out, memory_order_relaxed))
        return 0;
    SYS2(SYS_sigaltstack, NULL, &there);
    if (there.ss_flags & SS_ONSTACK)
        SYS4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
    return (mask & SAMPLER_BIT) != 0;
}

/* What a change asks of the kernel: never to block the signal, nor to let it into where it was kept
 * out. */
static uint64_t really_asked(int how, uint64_t word)
{
    if (how == SIG_BLOCK || !is_kept_out())
        return how == SIG_UNBLOCK ? word : word & ~SAMPLER_BIT;
    return how == SIG_UNBLOCK ? word & ~SAMPLER_BIT : word | SAMPLER_BIT;
}

/* The program is told what it asked for. */
static int seem_to_change(int (*really)(int, const sigset_t *, sigset_t *), int how,
                          const sigset_t *set, sigset_t *before)
{
    sigset_t given, mine;
    int asks = 0;
    if (!before)
        before = &mine;
    if (is_plausible(set)) {
        asks = (signals_word(set) & SAMPLER_BIT) != 0;
        given = *set;
        signals_set_word(&given, really_asked(how, signals_word(set)));
    }
    int answer = really(how, is_plausible(set) ? &given : set, before);
    if (answer != 0)
        return answer;
    uint64_t mask = signals_word(before), seemed = sampler_mask_shown(mask);
    signals_set_word(before, seemed);
    if (set && (asks || how == SIG_SETMASK))
        sampler_mask_said(changed(mask, how, signals_word(&given)), asks && how != SIG_UNBLOCK);
    else if (set)
        sampler_mask_said(changed(mask, how, signals_word(&given)), (seemed & SAMPLER_BIT) != 0);
    return answer;
}

static int change_mask(int (*really)(int, const sigset_t *, sigset_t *), int how,
                       const sigset_t *set, sigset_t *before)
{
    if (!sampler_has_begun() || process_is_borrowed())
        return really(how, set, before);
    if (how != SIG_UNBLOCK && signals_name_ours(set) && sampler_is_on())
        sampler_give_up();
    if (sampler_is_on())
        return seem_to_change(really, how, set, before);
    sampler_mask_settle();
    return really(how, set, before);
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
    return change_mask(real.sigprocmask, how, set, before);
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
    return change_mask(real.pthread_sigmask, how, set, before);
}

EXPORT int sigpending(sigset_t *set)
{
    int answer = real.sigpending(set);
    if (answer == 0 && sampler_is_on())
        signals_set_word(set, signals_word(set) & ~SAMPLER_BIT);
    return answer;
}
