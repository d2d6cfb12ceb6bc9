/* The rows of calls/signals.def: the sampler's signal is the program's when it asks for it, and
 * then nobody is sampled any more. Until then it cannot be blocked, or threads that block all
 * signals, as many servers' do, would have no samples; they are told that it is. */
#include "preload/wrap.h"
#include "runtime/sampler.h"

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#include "preload/calls/signals.def"

static __thread int seems_blocked __attribute__((tls_model("initial-exec")));

static const uint64_t SAMPLER_BIT = UINT64_C(1) << (SAMPLER_SIGNAL - 1);

/* The first word of a set: the kernel's signals. */
static uint64_t word_of(const sigset_t *set)
{
    uint64_t word;
    memcpy(&word, set, sizeof word);
    return word;
}

static void give_up(void)
{
    process_gap(GAP_UNSAMPLED);
    sampler_end();
}

/* The default is what a program believes that it has; many reset all signals before an exec. */
EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *before)
{
    if (signal == SAMPLER_SIGNAL && is_plausible(action) && sampler_is_on()) {
        if (action->sa_handler == SIG_DFL)
            action = NULL;
        else
            give_up();
    }
    int answer = real.sigaction(signal, action, before);
    if (signal == SAMPLER_SIGNAL && answer == 0 && before &&
        sampler_has((void *)before->sa_handler))
        memset(before, 0, sizeof *before); /* SIG_DFL */
    return answer;
}

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    if (number == SAMPLER_SIGNAL && sampler_is_on()) {
        if (handler == SIG_DFL)
            return SIG_DFL;
        give_up();
    }
    sighandler_t before = real.signal(number, handler);
    return sampler_has((void *)before) ? SIG_DFL : before;
}

static int change_mask(int (*really)(int, const sigset_t *, sigset_t *), int how,
                       const sigset_t *set, sigset_t *before)
{
    sigset_t copy;
    if (!sampler_is_on())
        return really(how, set, before);
    int asks = is_plausible(set) && word_of(set) & SAMPLER_BIT, seemed = seems_blocked;
    const sigset_t *given = set;
    if (asks && how != SIG_UNBLOCK) {
        uint64_t word = word_of(set) & ~SAMPLER_BIT;
        copy = *set;
        memcpy(&copy, &word, sizeof word);
        given = &copy;
    }
    int answer = really(how, given, before);
    if (answer != 0)
        return answer;
    if (set && (asks || how == SIG_SETMASK))
        seems_blocked = asks && how != SIG_UNBLOCK;
    if (before && seemed) {
        uint64_t word = word_of(before) | SAMPLER_BIT;
        memcpy(before, &word, sizeof word);
    }
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
