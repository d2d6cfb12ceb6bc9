/* See sampler.h. All of it by system calls: libc's own may be replaced, or start a thread. */
#include "runtime/sampler.h"

#include "base/sys.h"
#include "runtime/emit.h"
#include "runtime/process.h"
#include "runtime/sampler_mask.h"
#include "runtime/sampler_stack.h"
#include "runtime/signalfds.h"
#include "runtime/stack.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

/* As the kernel has it (struct sigaction of rt_sigaction(2)). */
struct kernel_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static struct {
    _Atomic int on;
    int only_uninstrumented;
    long period_ns;
} sampler;

int sampler_is_on(void)
{
    return atomic_load_explicit(&sampler.on, memory_order_relaxed);
}

int sampler_has_begun(void)
{
    return sampler.period_ns != 0;
}

__thread struct sampler_self sampler_self __attribute__((tls_model("initial-exec")));

static uint64_t cpu_time(void)
{
    struct timespec now = {0, 0};
    sys_clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sample(struct thread *self, uint32_t stack)
{
    uint64_t now = cpu_time();
    const uint64_t payload[] = {stack, now - self->cpu_ns};
    self->cpu_ns = now;
    if (payload[1])
        emit_record(EVENT_SAMPLE, clock_tick(), 0, payload, 2);
}

/* By its thread, or by who ends the sampling. A last signal of the timer's may still be on its way,
 * so the number is kept: the kernel does not give it to another one. */
static void remove_timer(struct thread *thread)
{
    if (atomic_exchange(&thread->is_sampled, 0))
        SYS1(SYS_timer_delete, thread->timer - 1);
}

/* Somebody sent the signal, and the program has no handler for it: what would happen without us
 * happens when ours returns. A thread that believes it to be blocked gets what it believes, and
 * keeps it for whoever waits. If that is so by now and it came nevertheless, then through a mask
 * for the time of a call, as sigsuspend's. */
static void pass_on(siginfo_t *info, ucontext_t *context)
{
    struct kernel_action action = {.flags = 0}; /* SIG_DFL */
    uint64_t mask;
    memcpy(&mask, &context->uc_sigmask, sizeof mask);
    sampler_self.passed_on++;
    if (process_is_borrowed()) {
        mask = sampler_mask_shown(mask);
    } else if (sampler_self.belief.settled) {
        mask = 0;
    } else {
        sampler_give_up();
        mask = sampler_mask_settled(mask);
    }
    if (mask & SAMPLER_BIT)
        memcpy(&context->uc_sigmask, &mask, sizeof mask);
    else
        SYS4(SYS_rt_sigaction, SAMPLER_SIGNAL, &action, NULL, sizeof action.mask);
    if (info->si_code == SI_TKILL)
        SYS4(SYS_rt_tgsigqueueinfo, sys_getpid(), sys_gettid(), SAMPLER_SIGNAL, info);
    else
        SYS3(SYS_rt_sigqueueinfo, sys_getpid(), SAMPLER_SIGNAL, info);
}

int sampler_sent(const siginfo_t *info)
{
    return info->si_code == SI_TIMER && info->si_timerid == thread_self->timer - 1;
}

/* Runs where the program was, whatever that was: nothing here waits, and errno is not touched. No
 * signal interrupts it: a handler of the program's would find a mask and a place in the program
 * that are not the program's, and cancellation frames that it cannot unwind. A fork's child that
 * has done nothing yet has no timer, nor files in which to say that the signal was not ours. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
    struct thread *self = thread_self;
    (void)signal;
    if (!sampler_sent(info) && !process.sealed) {
        if (info->si_code != SI_TIMER || !process_is_wiped())
            pass_on(info, context);
        return;
    }
    int has_stack = sampler_stack_returns(context);
    if (!sampler_is_on() || !self->slot || !atomic_load(&self->is_sampled))
        return;
    if (!has_stack)
        sampler_leave_thread();
    if (sampler.only_uninstrumented && process.live->instrumented)
        remove_timer(self);
    else
        sample(self, stack_interrupted(context));
}

int sampler_has(const void *handler)
{
    return handler == (const void *)on_signal;
}

/* A debugger would stop the program at each sample's signal. */
static int is_debugged(void)
{
    static const char tracer[] = "TracerPid:\t";
    char status[1024];
    long fd = sys_open_high("/proc/self/status", O_RDONLY, 0);
    long length = fd < 0 ? 0 : sys_read(fd, status, sizeof status - 1);
    if (fd >= 0)
        sys_close(fd);
    status[length > 0 ? length : 0] = '\0';
    const char *found = strstr(status, tracer);
    return found && found[strlen(tracer)] != '0';
}

void sampler_begin(uint32_t hz, int only_uninstrumented)
{
    struct kernel_action action = {
        .handler = on_signal,
        .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK | ARCH_SA_RESTORER,
        .restorer = arch_signal_return,
        .mask = ~UINT64_C(0),
    };
    if (is_debugged()) {
        process_gap(GAP_UNSAMPLED);
        return;
    }
    sampler.period_ns = 1000000000 / (long)hz;
    sampler.only_uninstrumented = only_uninstrumented;
    if (SYS4(SYS_rt_sigaction, SAMPLER_SIGNAL, &action, NULL, sizeof action.mask) == 0)
        atomic_store(&sampler.on, 1);
}

void sampler_end(void)
{
    if (!atomic_exchange(&sampler.on, 0))
        return;
    for (uint32_t i = 0; i < process.live->slots && i < SLOT_COUNT; i++)
        remove_timer(&process.threads[i]);
    signalfds_give_back();
}

void sampler_give_up(void)
{
    if (!process_is_wiped())
        process_gap(GAP_UNSAMPLED);
    sampler_end();
}

void sampler_leave_thread(void)
{
    if (thread_self->slot && atomic_load(&thread_self->is_sampled)) {
        remove_timer(thread_self);
        process_gap(GAP_UNSAMPLED);
    }
}

void sampler_attach(struct thread *self)
{
    remove_timer(self);
    if (!sampler_is_on())
        return;
    if (!sampler_stack_attach(self)) {
        process_gap(GAP_UNSAMPLED);
        return;
    }
    self->cpu_ns = cpu_time();
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SAMPLER_SIGNAL};
    event._sigev_un._tid = (int)self->owner;
    struct itimerspec times = {{0, sampler.period_ns}, {0, sampler.period_ns}};
    int timer;
    if (SYS3(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) {
        /* the kernel has no room for another signal (RLIMIT_SIGPENDING) */
        process_gap(GAP_UNSAMPLED);
        return;
    }
    self->timer = timer + 1;
    atomic_store(&self->is_sampled, 1);
    SYS4(SYS_timer_settime, timer, 0, &times, NULL);
    if (!sampler_is_on()) /* somebody who ended it meanwhile may not have seen this timer */
        remove_timer(self);
}

void sampler_finish(void)
{
    struct thread *self = thread_self;
    if (self->slot && atomic_load(&self->is_sampled))
        sample(self, 0);
}
