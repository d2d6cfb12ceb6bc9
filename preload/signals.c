/* The rows of calls/signals.def: the sampler's signal is the program's when it asks for it, and
 * then nobody is sampled any more. Until then it cannot be blocked, or threads that block all
 * signals, as many servers' do, would have no samples; they are told that it is. Nobody who waits
 * for all signals is given it, and handlers on alternative stacks, where there may be no room for
 * another one, are not interrupted by it. */
#include "preload/signals.h"

#include "base/sys.h"
#include "preload/wrap.h"
#include "runtime/sampler.h"

#include <stdatomic.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#include "preload/calls/signals.def"

/* Signals, as bits, of whose handlers' masks ours is one without the program's knowledge. */
static _Atomic uint64_t kept_out;

/* The first word of a set: the kernel's signals. */
static uint64_t word_of(const sigset_t *set)
{
    uint64_t word;
    memcpy(&word, set, sizeof word);
    return word;
}

static void set_word(sigset_t *set, uint64_t word)
{
    memcpy(set, &word, sizeof word);
}

/* Whether the signal is meant, rather than all. */
static int names_it(const sigset_t *set)
{
    static const uint64_t around = SAMPLER_BIT << 1 | SAMPLER_BIT >> 1;
    return is_plausible(set) && (word_of(set) & (around | SAMPLER_BIT)) == SAMPLER_BIT;
}

static void give_up(void)
{
    process_gap(GAP_UNSAMPLED);
    sampler_end();
}

/* The same action, whose handler the sampler does not interrupt if it runs on a stack of its own.
 */
static const struct sigaction *keep_out(int signal, const struct sigaction *action,
                                        struct sigaction *copy)
{
    if (!is_plausible(action) || !(action->sa_flags & SA_ONSTACK) || !sampler_is_on() ||
        word_of(&action->sa_mask) & SAMPLER_BIT)
        return action;
    *copy = *action;
    set_word(&copy->sa_mask, word_of(&action->sa_mask) | SAMPLER_BIT);
    atomic_fetch_or(&kept_out, UINT64_C(1) << (signal - 1));
    return copy;
}

EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *before)
{
    struct sigaction copy;
    if (signal <= 0 || signal > 64)
        return real.sigaction(signal, action, before);
    if (signal == SAMPLER_SIGNAL && is_plausible(action) && sampler_is_on()) {
        /* the default is what a program believes that it has; many reset all signals */
        if (action->sa_handler == SIG_DFL)
            action = NULL;
        else
            give_up();
    }
    uint64_t bit = UINT64_C(1) << (signal - 1), kept = atomic_load(&kept_out) & bit;
    const struct sigaction *given = keep_out(signal, action, &copy);
    int answer = real.sigaction(signal, given, before);
    if (answer != 0)
        return answer;
    if (action && given == action && kept)
        atomic_fetch_and(&kept_out, ~bit);
    if (before && kept)
        set_word(&before->sa_mask, word_of(&before->sa_mask) & ~SAMPLER_BIT);
    if (signal == SAMPLER_SIGNAL && before && sampler_has((void *)before->sa_handler))
        memset(before, 0, sizeof *before); /* SIG_DFL */
    return answer;
}

void signals_jump(void)
{
    const uint64_t bit = SAMPLER_BIT;
    if (atomic_load_explicit(&kept_out, memory_order_relaxed) && sampler_is_on())
        SYS4(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, sizeof bit);
}

#define SIGNAL(name)                                                                               \
    EXPORT sighandler_t name(int number, sighandler_t handler)                                     \
    {                                                                                              \
        if (number == SAMPLER_SIGNAL && sampler_is_on()) {                                         \
            if (handler == SIG_DFL)                                                                \
                return SIG_DFL;                                                                    \
            give_up();                                                                             \
        }                                                                                          \
        sighandler_t before = real.name(number, handler);                                          \
        return sampler_has((void *)before) ? SIG_DFL : before;                                     \
    }
SIGNAL(signal)
SIGNAL(ssignal)
SIGNAL(sysv_signal)
SIGNAL(__sysv_signal) /* signal, of strict C */
SIGNAL(sigset)

EXPORT int sigaltstack(const stack_t *stack, stack_t *before)
{
    if (is_plausible(stack) && !(stack->ss_flags & SS_DISABLE) && stack->ss_size < SAMPLER_STACK &&
        sampler_is_on())
        sampler_leave_thread();
    return real.sigaltstack(stack, before);
}

static int change_mask(int (*really)(int, const sigset_t *, sigset_t *), int how,
                       const sigset_t *set, sigset_t *before)
{
    sigset_t copy;
    if (how != SIG_UNBLOCK && names_it(set) && sampler_is_on())
        give_up();
    if (!sampler_is_on()) {
        sampler_settle_mask();
        return really(how, set, before);
    }
    int asks = is_plausible(set) && word_of(set) & SAMPLER_BIT, seemed = sampler_seems_blocked;
    const sigset_t *given = set;
    if (asks && how != SIG_UNBLOCK) {
        copy = *set;
        set_word(&copy, word_of(set) & ~SAMPLER_BIT);
        given = &copy;
    }
    int answer = really(how, given, before);
    if (answer != 0)
        return answer;
    if (set && (asks || how == SIG_SETMASK))
        sampler_seems_blocked = asks && how != SIG_UNBLOCK;
    if (before && seemed)
        set_word(before, word_of(before) | SAMPLER_BIT);
    return answer;
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
    return change_mask(real.sigprocmask, how, set, before);
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
    return change_mask(real.pthread_sigmask, how, set, before);
}

const sigset_t *signals_without_ours(const sigset_t *set, sigset_t *copy)
{
    if (names_it(set) && sampler_is_on())
        give_up();
    if (!sampler_is_on()) {
        sampler_settle_mask();
    } else if (is_plausible(set) && word_of(set) & SAMPLER_BIT) {
        *copy = *set;
        set_word(copy, word_of(set) & ~SAMPLER_BIT);
        return copy;
    }
    return set;
}

EXPORT int sigwait(const sigset_t *set, int *signal)
{
    sigset_t copy;
    set = signals_without_ours(set, &copy);
    WRAPPED(WAITS, ERROR, int, sigwait, (set, signal), F0())
}

EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    sigset_t copy;
    set = signals_without_ours(set, &copy);
    WRAPPED(WAITS, SIGNAL, int, sigwaitinfo, (set, info), F0())
}

EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    sigset_t copy;
    set = signals_without_ours(set, &copy);
    WRAPPED(WAITS, SIGNAL, int, sigtimedwait, (set, info, timeout), F0())
}

EXPORT int sigpending(sigset_t *set)
{
    int answer = real.sigpending(set);
    if (answer == 0 && sampler_is_on())
        set_word(set, word_of(set) & ~SAMPLER_BIT);
    return answer;
}
