/* See sampler.h. All of it by system calls: libc's own may be replaced, or start a thread. */
#include "runtime/sampler.h"

#include "base/sys.h"
#include "runtime/emit.h"
#include "runtime/process.h"
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

__thread int sampler_seems_blocked __attribute__((tls_model("initial-exec")));

static struct {
    _Atomic int on;
    int only_uninstrumented;
    long period_ns;
} sampler;

int sampler_is_on(void)
{
    return atomic_load_explicit(&sampler.on, memory_order_relaxed);
}

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

static void remove_timer(struct thread *thread)
{
    if (thread->timer)
        SYS1(SYS_timer_delete, thread->timer - 1);
    thread->timer = 0;
}

/* Somebody sent the signal, and the program has no handler for it: what would happen without us
 * happens when ours returns. A thread that believes it to be blocked gets what it believes, and
 * keeps it for whoever waits. */
static void pass_on(siginfo_t *info, ucontext_t *context)
{
    struct kernel_action action = {.flags = 0}; /* SIG_DFL */
    sampler_end();
    process_gap(GAP_UNSAMPLED);
    if (sampler_seems_blocked) {
        uint64_t mask;
        memcpy(&mask, &context->uc_sigmask, sizeof mask);
        mask |= SAMPLER_BIT;
        memcpy(&context->uc_sigmask, &mask, sizeof mask);
        sampler_seems_blocked = 0;
    } else {
        SYS4(SYS_rt_sigaction, SAMPLER_SIGNAL, &action, NULL, sizeof action.mask);
    }
    if (info->si_code == SI_TKILL)
        SYS4(SYS_rt_tgsigqueueinfo, sys_getpid(), sys_gettid(), SAMPLER_SIGNAL, info);
    else
        SYS3(SYS_rt_sigqueueinfo, sys_getpid(), SAMPLER_SIGNAL, info);
}

/* Runs where the program was, whatever that was: nothing here waits, and errno is not touched. A
 * fork's child has no timer, but may have its parent's last signal. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
    struct thread *self = thread_self;
    (void)signal;
    if (info->si_code != SI_TIMER && !process.sealed) {
        pass_on(info, context);
        return;
    }
    if (!sampler_is_on() || !self->slot || !self->timer)
        return;
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
}

void sampler_leave_thread(void)
{
    if (thread_self->slot && thread_self->timer) {
        remove_timer(thread_self);
        process_gap(GAP_UNSAMPLED);
    }
}

uint64_t sampler_mask(uint64_t mask)
{
    static const uint64_t glibcs = UINT64_C(3) << 31; /* 32 and 33: no program blocks them */
    if (!sampler_is_on() || mask & glibcs || !(mask & SAMPLER_BIT))
        return mask;
    sampler_seems_blocked = 1;
    return mask & ~SAMPLER_BIT;
}

void sampler_settle_mask(void)
{
    const uint64_t bit = SAMPLER_BIT;
    if (sampler_seems_blocked)
        SYS4(SYS_rt_sigprocmask, SIG_BLOCK, &bit, NULL, sizeof bit);
    sampler_seems_blocked = 0;
}

static int has_small_stack(void)
{
    stack_t there = {.ss_flags = SS_DISABLE};
    SYS2(SYS_sigaltstack, NULL, &there);
    return !(there.ss_flags & SS_DISABLE) && there.ss_size < SAMPLER_STACK;
}

void sampler_attach(struct thread *self)
{
    remove_timer(self);
    if (!sampler_is_on())
        return;
    if (has_small_stack()) {
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
    SYS4(SYS_timer_settime, timer, 0, &times, NULL);
}

void sampler_finish(void)
{
    struct thread *self = thread_self;
    if (self->slot && self->timer)
        sample(self, 0);
}
