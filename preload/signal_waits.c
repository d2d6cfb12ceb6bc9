/* Waiting for signals. Nobody who waits for all of them is given the sampler's; one of that number
 * that somebody else sends reaches him as it would without us.
 *
 * A thread that waits in the kernel is not sampled: it needs no CPU time. So meanwhile the signal
 * is blocked, and what the wait brings is looked at. A signalfd is read by anybody at any time: it
 * is made without the signal. */
#include "preload/signals.h"

#include "base/sys.h"
#include "preload/wrap.h"
#include "runtime/sampler.h"
#include "runtime/sampler_mask.h"
#include "runtime/signalfds.h"

#include <sys/signalfd.h>

/* Whether the set has the signal in it while that is the sampler's. */
static int has_ours(const sigset_t *set)
{
    if (!is_plausible(set) || signals_are_borrowed())
        return 0;
    if (signals_name_ours(set) && sampler_is_on())
        sampler_give_up();
    if (!sampler_is_on() && !process.sealed)
        sampler_mask_settle();
    return sampler_is_on() && signals_word(set) & SAMPLER_BIT;
}

enum { SECOND = 1000000000, LONG_TIME = SECOND };

static int64_t nsec_now(void)
{
    struct timespec now = {0, 0};
    sys_clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

/* When a wait of that length is over; what cannot be a length is left to the kernel. */
static int64_t end_of(const struct timespec *timeout)
{
    if (!is_plausible(timeout) || timeout->tv_sec < 0)
        return 0;
    int64_t seconds = timeout->tv_sec < LONG_TIME ? timeout->tv_sec : LONG_TIME;
    return nsec_now() + seconds * SECOND + timeout->tv_nsec;
}

static struct timespec time_until(int64_t end)
{
    int64_t rest = end - nsec_now();
    if (rest < 0)
        rest = 0;
    return (struct timespec){rest / SECOND, rest % SECOND};
}

/* The wait, with the signal blocked. */
static int wait_blocked(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    const uint64_t bit = SAMPLER_BIT;
    uint64_t before = 0;
    SYS4(SYS_rt_sigprocmask, SIG_BLOCK, &bit, &before, sizeof bit);
    sampler_self.awaits = !(before & SAMPLER_BIT);
    int answer = real.sigtimedwait(set, info, timeout);
    if (answer == SAMPLER_SIGNAL && !sampler_sent(info)) {
        sampler_give_up();
        before = sampler_mask_settled(before);
    }
    if (!(before & SAMPLER_BIT))
        SYS4(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, sizeof bit);
    sampler_self.awaits = 0;
    return answer;
}

static int await(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    siginfo_t mine;
    struct timespec left;
    if (!has_ours(set))
        return real.sigtimedwait(set, info, timeout);
    if (!info)
        info = &mine;
    int64_t end = end_of(timeout);
    for (;;) {
        int answer = wait_blocked(set, info, timeout);
        if (answer != SAMPLER_SIGNAL || !sampler_sent(info))
            return answer;
        if (timeout) {
            left = time_until(end);
            timeout = &left;
        }
    }
}

EXPORT int sigwait(const sigset_t *set, int *signal)
{
    siginfo_t info;
    uint64_t begun = process_captures(CATEGORY_WAITS) ? call_begin(NUMBER_sigwait, 0) : 0;
    int answer;
    do
        answer = await(set, &info, NULL);
    while (answer < 0 && errno == EINTR);
    if (answer >= 0)
        *signal = answer;
    answer = answer < 0 ? errno : 0;
    if (begun)
        call_end(NUMBER_sigwait, begun, RESULT_WORD_ERROR(answer), NULL, 0);
    return answer;
}

static ALWAYS_INLINE int waited(enum call_number number, const sigset_t *set, siginfo_t *info,
                                const struct timespec *timeout)
{
    uint64_t begun = process_captures(CATEGORY_WAITS) ? call_begin(number, 0) : 0;
    int answer = await(set, info, timeout);
    if (begun)
        call_end(number, begun, RESULT_WORD_SIGNAL(answer), NULL, 0);
    return answer;
}

EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    return waited(NUMBER_sigwaitinfo, set, info, NULL);
}

EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    return waited(NUMBER_sigtimedwait, set, info, timeout);
}

EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
    sigset_t copy;
    const sigset_t *given = set;
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_signalfd, 0) : 0;
    int strips = has_ours(set);
    if (strips && !signalfds_have_room(fd)) {
        sampler_give_up();
        strips = 0;
    }
    if (strips) {
        copy = *set;
        signals_set_word(&copy, signals_word(set) & ~SAMPLER_BIT);
        given = &copy;
    }
    int answer = real.signalfd(fd, given, flags);
    uint64_t word = RESULT_WORD_FRESH(answer);
    if (answer >= 0 && sampler_is_on() && !signals_are_borrowed())
        signalfds_note(answer, signals_word(set));
    if (strips && !sampler_is_on()) /* ended meanwhile, by somebody who did not see this one */
        signalfds_give_back();
    if (begun) {
        descriptor_learn(answer);
        call_end(NUMBER_signalfd, begun, answer < 0 ? word : descriptor_field(answer), NULL, 0);
    }
    return answer;
}

/* For calls whose mask is theirs alone. */
const sigset_t *signals_for_wait(const sigset_t *mask, sigset_t *copy)
{
    uint64_t now = 0;
    if (!is_plausible(mask) || !sampler_is_on())
        return mask;
    SYS4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, sizeof now);
    *copy = *mask;
    signals_set_word(copy, (signals_word(mask) & ~SAMPLER_BIT) | (now & SAMPLER_BIT));
    return copy;
}
