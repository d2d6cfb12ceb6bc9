/* What a program must not notice of the sampler, whose signal is 53. Prints what it found.
 *   signals_unseen handler: what interrupts the sampler's handler
 *   signals_unseen timer: a timer of the program's with this signal kills a child
 *   signals_unseen restored: masks that siglongjmp brings back
 *   signals_unseen vfork: what a vfork's child does with signals
 *   signals_unseen launch: the masks of programs that are started with all signals blocked
 *   signals_unseen asks: whether the signal and its neighbour are blocked
 *   signals_unseen clears: a handler on an alternative stack asks for its mask, and waits
 *   signals_unseen waits HOW: a signal that was sent reaches who waits for all by sigwait,
 *     sigwaitinfo, sigtimedwait, signalfd or read
 *   signals_unseen interrupted: other signals' handlers interrupt these waits as ever
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLER_SIGNAL = 53, NEIGHBOUR = 52 };

static sigset_t all;

static double cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void compute(double seconds)
{
    for (double end = cpu() + seconds; cpu() < end;)
        for (volatile int i = 0; i < 10000; i++)
            ;
}

static int is_blocked(int signal)
{
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, signal);
}

static void asks(void)
{
    printf("blocked %d\n", is_blocked(SAMPLER_SIGNAL) + 10 * is_blocked(NEIGHBOUR));
    fflush(stdout);
}

/* The kernel's answer: all signals but the two that cannot be blocked. */
static void handler(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action;
    syscall(SYS_rt_sigaction, SAMPLER_SIGNAL, NULL, &action, sizeof action.mask);
    uint64_t never = UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1);
    printf("may_interrupt %d\n", __builtin_popcountll(~(action.mask | never)));
}

static void timer(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SAMPLER_SIGNAL};
        timer_t made;
        timer_create(CLOCK_MONOTONIC, &event, &made);
        timer_settime(made, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL);
        pause();
        _exit(0);
    }
    waitpid(child, &status, 0);
    printf("killed_by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static void restored(void)
{
    static sigjmp_buf open, closed;
    sigset_t before;
    static volatile int closed_again;
    if (sigsetjmp(open, 1) == 0) {
        sigprocmask(SIG_BLOCK, &all, &before);
        if (sigsetjmp(closed, 1) == 0)
            siglongjmp(open, 1);
        printf("behind_closed %d\n", is_blocked(SAMPLER_SIGNAL) + is_blocked(NEIGHBOUR));
        return;
    }
    printf("behind_open %d\n", is_blocked(SAMPLER_SIGNAL) + is_blocked(NEIGHBOUR));
    if (!closed_again++)
        siglongjmp(closed, 1);
}

/* As shells and launchers do; the parent has its mask and is sampled as before. */
static void lend(void)
{
    sigset_t before;
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t child = vfork();
    if (child == 0) {
        for (int i = 1; i < NSIG; i++)
            signal(i, SIG_DFL);
        signal(SAMPLER_SIGNAL, SIG_IGN);
        sigprocmask(SIG_SETMASK, &before, NULL);
        _exit(is_blocked(NEIGHBOUR));
    }
    waitpid(child, NULL, 0);
    asks();
    sigprocmask(SIG_SETMASK, &before, NULL);
    compute(0.1);
}

static void launch(char **argv)
{
    char *const arguments[] = {argv[0], "asks", NULL};
    sigset_t before;
    pid_t child;
    sigprocmask(SIG_BLOCK, &all, &before);
    execl("/there/is/none", "none", (char *)NULL);
    posix_spawn(&child, argv[0], NULL, NULL, arguments, environ);
    waitpid(child, NULL, 0);
    if ((child = vfork()) == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        execv(argv[0], arguments);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    asks();
    fflush(stdout);
    /* the kernel's own words, of a program without us */
    execle("/bin/grep", "grep", "SigBlk", "/proc/self/status", (char *)NULL, (char *[]){NULL});
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*what)(void);
    } parts[] = {{"handler", handler},
                 {"timer", timer},
                 {"restored", restored},
                 {"vfork", lend},
                 {"asks", asks}};
    sigfillset(&all);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            parts[i].what();
    if (strcmp(argv[1], "launch") == 0)
        launch(argv);
    (void)argc;
    return 0;
}
