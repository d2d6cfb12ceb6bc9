/* What a program does with signals while its threads are sampled, and whether it notices. The
 * sampler's signal is 53.
 *   signals_kept masks: a thread that blocks all signals and computes
 *   signals_kept polls: how many calls that no handler restarts were interrupted
 *   signals_kept takes: the program handles the signal itself
 *   signals_kept resets: it gives all signals their defaults, as before an exec
 *   signals_kept strict: the same, as programs of strict C do it
 *   signals_kept waits: threads that wait for all signals after computing
 *   signals_kept sends: the program waits for the signal, which it sends itself
 *   signals_kept stacks BYTES: a handler that computes on an alternative stack
 *   signals_kept nests: handlers on a stack above the thread's own interrupt calls, and make some
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLER_SIGNAL = 53 };

static double cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((noinline)) void compute(double seconds)
{
    for (double end = cpu() + seconds; cpu() < end;)
        for (volatile int i = 0; i < 100000; i++)
            ;
}

static void *block_all(void *unused)
{
    sigset_t all, before, now;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf("was_blocked %d\n", sigismember(&before, SAMPLER_SIGNAL));
    printf("is_blocked %d\n", sigismember(&now, SAMPLER_SIGNAL) && sigismember(&now, SIGTERM));
    compute(0.5);
    pthread_sigmask(SIG_SETMASK, &before, &now);
    printf("stayed_blocked %d\n", sigismember(&now, SAMPLER_SIGNAL));
    return unused;
}

static void masks(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, block_all, NULL);
    pthread_join(thread, NULL);
}

static void polls(void)
{
    long interrupted = 0, calls = 0;
    struct timespec none = {0, 1};
    for (double end = cpu() + 1; cpu() < end; calls += 2) {
        interrupted += poll(NULL, 0, 0) < 0 && errno == EINTR;
        interrupted += nanosleep(&none, NULL) < 0 && errno == EINTR;
        for (volatile int i = 0; i < 10000; i++)
            ;
    }
    printf("interrupted %ld\n", interrupted);
    printf("polled %d\n", calls > 0);
}

static volatile sig_atomic_t handled;
static void handle(int signal)
{
    (void)signal;
    handled++;
}

static void takes(void)
{
    struct sigaction before, action = {.sa_handler = handle};
    compute(0.1);
    sigaction(SAMPLER_SIGNAL, NULL, &before);
    printf("was_default %d\n", before.sa_handler == SIG_DFL);
    sigaction(SAMPLER_SIGNAL, &action, &before);
    printf("still_default %d\n", before.sa_handler == SIG_DFL);
    compute(0.3);
    printf("foreign %d\n", (int)handled);
    raise(SAMPLER_SIGNAL);
    printf("own %d\n", (int)handled);
    printf("is_mine %d\n", signal(SAMPLER_SIGNAL, SIG_DFL) == handle);
}

static void resets(void)
{
    struct sigaction before, action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigaction(SAMPLER_SIGNAL, &action, &before);
    printf("was_default %d\n", before.sa_handler == SIG_DFL);
    printf("is_default %d\n", signal(SAMPLER_SIGNAL, SIG_DFL) == SIG_DFL);
    compute(0.3);
}

/* What <signal.h> makes of signal() there. */
sighandler_t __sysv_signal(int number, sighandler_t handler);

static void strict(void)
{
    compute(0.05);
    printf("was_default %d\n", __sysv_signal(SAMPLER_SIGNAL, handle) == SIG_DFL);
    compute(0.1);
    printf("foreign %d\n", (int)handled);
    raise(SAMPLER_SIGNAL);
    printf("own %d\n", (int)handled);
}

static int foreign, inherited;

static void *wait_for_all(void *unused)
{
    struct timespec none = {0, 0};
    struct signalfd_siginfo got;
    sigset_t all, now;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    inherited += sigismember(&now, SAMPLER_SIGNAL);
    int fd = signalfd(-1, &all, SFD_NONBLOCK);
    for (int i = 0; i < 5; i++) {
        compute(0.02);
        foreign += sigtimedwait(&all, NULL, &none) > 0;
        compute(0.02);
        foreign += read(fd, &got, sizeof got) > 0;
        compute(0.02);
        sigpending(&now);
        foreign += sigismember(&now, SAMPLER_SIGNAL);
    }
    close(fd);
    return unused;
}

static void waits(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_create(&thread, NULL, wait_for_all, NULL);
    pthread_join(thread, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setsigmask_np(&attributes, &all);
    pthread_create(&thread, &attributes, wait_for_all, NULL);
    pthread_join(thread, NULL);
    printf("foreign %d\n", foreign);
    printf("inherited %d\n", inherited);
}

static void sends(void)
{
    struct timespec second = {1, 0};
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    compute(0.05);
    sigqueue(getpid(), SAMPLER_SIGNAL, (union sigval){.sival_int = 7});
    siginfo_t info = {.si_code = 0};
    printf("waited_for %d\n", sigtimedwait(&all, &info, &second));
    printf("value %d\n", info.si_value.sival_int);
}

enum { AROUND = 65536, FILL = 0x5a };

static void compute_on_stack(int signal)
{
    volatile char used[1000];
    used[0] = (char)signal;
    compute(0.2);
}

static void stacks(size_t size)
{
    static char memory[2 * AROUND];
    long changed = 0;
    memset(memory, FILL, sizeof memory);
    sigaltstack(&(stack_t){.ss_sp = memory + AROUND, .ss_size = size}, NULL);
    compute(0.1);
    struct sigaction before, action = {.sa_handler = compute_on_stack, .sa_flags = SA_ONSTACK};
    if (size >= 8192) {
        sigaction(SIGUSR1, &action, NULL);
        sigaction(SIGUSR1, NULL, &before);
        printf("mask_changed %d\n", sigismember(&before.sa_mask, SAMPLER_SIGNAL));
        raise(SIGUSR1);
    }
    for (int i = 0; i < AROUND; i++)
        changed += memory[i] != FILL;
    printf("changed %ld\n", changed);
}

static volatile long nested;

__attribute__((noinline)) static int descend(int depth)
{
    volatile int below = 0;
    if (depth > 0)
        below = descend(depth - 1);
    else
        free(malloc(24));
    return below + 1;
}

static void allocate_deeply(int signal)
{
    descend(1 + (int)(nested++ % 50));
    (void)signal;
}

static void *be_interrupted(void *above)
{
    sigaltstack(&(stack_t){.ss_sp = above, .ss_size = 65536}, NULL);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    event._sigev_un._tid = gettid();
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &(struct itimerspec){{0, 20000}, {0, 20000}}, NULL);
    for (int i = 0; i < 150000; i++)
        descend(i * 7 % 55);
    timer_delete(timer);
    return NULL;
}

static void nests(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    struct sigaction action = {.sa_handler = allocate_deeply, .sa_flags = SA_ONSTACK | SA_RESTART};
    char *memory = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaction(SIGUSR1, &action, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, memory, 1 << 20);
    pthread_create(&thread, &attributes, be_interrupted, memory + (4 << 20));
    pthread_join(thread, NULL);
    printf("nested %ld\n", nested);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*what)(void);
    } all[] = {{"masks", masks}, {"polls", polls}, {"takes", takes}, {"strict", strict},
               {"waits", waits}, {"sends", sends}, {"nests", nests}, {"resets", resets}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(argv[1], all[i].name) == 0)
            all[i].what();
    if (argc > 2)
        stacks((size_t)atol(argv[2]));
    return 0;
}
