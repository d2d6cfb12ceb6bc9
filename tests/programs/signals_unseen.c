/* What a program must not notice of the sampler, whose signal is 53. Prints what it found.
 *   signals_unseen handler: what interrupts the sampler's handler
 *   signals_unseen timer: a timer of the program's with this signal kills a child
 *   signals_unseen restored: masks that siglongjmp brings back
 *   signals_unseen vfork: what a vfork's child does with signals
 *   signals_unseen launch: the masks of programs that are started with all signals blocked
 *   signals_unseen asks: whether the signal and its neighbour are blocked
 *   signals_unseen clears: a handler on an alternative stack asks for its mask, and waits
 *   signals_unseen waits HOW: the signal, when somebody sends it, reaches who waits for all by
 *     sigwait, sigwaitinfo, sigtimedwait, or a signalfd and read, poll, ppoll, epoll, select
 *   signals_unseen rings: the kernel's timers of a process that asked for an io_uring
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
    /* the kernel's own words, of programs without us */
    environ = (char *[]){NULL};
    system("exec grep SigBlk /proc/self/status");
    pclose(popen("exec grep SigBlk /proc/self/status", "w"));
    execle("/bin/grep", "grep", "SigBlk", "/proc/self/status", (char *)NULL, (char *[]){NULL});
}

static void rings(void)
{
    char line[256];
    int timers = 0;
    compute(0.1);
    syscall(SYS_io_uring_setup, 0, NULL); /* which fails, or is not there at all */
    FILE *file = fopen("/proc/self/timers", "r");
    while (fgets(line, sizeof line, file))
        timers += strncmp(line, "ID:", 3) == 0;
    fclose(file);
    printf("timers %d\n", timers);
}

/* ---- waits ---- */

static pid_t waiter;
static volatile sig_atomic_t handled;

static void count(int signal)
{
    (void)signal;
    handled++;
}

static int sleeps(pid_t thread)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    FILE *file = fopen(path, "r");
    if (fscanf(file, "%*d %*s %c", &state) != 1)
        abort();
    fclose(file);
    return state == 'S';
}

static void *send_when_it_sleeps(void *signal)
{
    while (!sleeps(waiter))
        sched_yield();
    kill(getpid(), (int)(intptr_t)signal);
    return NULL;
}

static pthread_t send(int signal)
{
    pthread_t sender;
    waiter = gettid();
    pthread_create(&sender, NULL, send_when_it_sleeps, (void *)(intptr_t)signal);
    return sender;
}

static const struct timespec ten_seconds = {10, 0};

static int by_sigwait(void)
{
    int signal, failed = sigwait(&all, &signal);
    return failed ? -failed : signal;
}

static int by_sigwaitinfo(void)
{
    return sigwaitinfo(&all, NULL);
}

static int by_sigtimedwait(void)
{
    siginfo_t info = {.si_pid = 0};
    int answer = sigtimedwait(&all, &info, &ten_seconds);
    return info.si_pid == getpid() ? answer : -1;
}

static int read_from(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : -1;
}

static int by_read(void)
{
    return read_from(signalfd(-1, &all, 0));
}

static int by_poll(void)
{
    struct pollfd one = {signalfd(-1, &all, 0), POLLIN, 0};
    return poll(&one, 1, 10000) == 1 ? read_from(one.fd) : -1;
}

static int by_ppoll(void)
{
    struct pollfd one = {signalfd(-1, &all, 0), POLLIN, 0};
    return ppoll(&one, 1, &ten_seconds, &all) == 1 ? read_from(one.fd) : -1;
}

static int by_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int fd = signalfd(-1, &all, 0), set = epoll_create1(0);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    return epoll_wait(set, &event, 1, 10000) == 1 ? read_from(fd) : -1;
}

static int by_select(void)
{
    struct timeval timeout = {10, 0};
    int fd = signalfd(-1, &all, 0);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return select(fd + 1, &set, NULL, NULL, &timeout) == 1 ? read_from(fd) : -1;
}

static void waits(const char *how)
{
    static const struct {
        const char *name;
        int (*what)(void);
    } ways[] = {{"sigwait", by_sigwait}, {"sigwaitinfo", by_sigwaitinfo},
                {"read", by_read},       {"sigtimedwait", by_sigtimedwait},
                {"poll", by_poll},       {"ppoll", by_ppoll},
                {"epoll", by_epoll},     {"select", by_select}};
    sigprocmask(SIG_BLOCK, &all, NULL);
    compute(0.05);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(how, ways[i].name) == 0) {
            pthread_t sender = send(SAMPLER_SIGNAL);
            printf("got %d\n", ways[i].what());
            pthread_join(sender, NULL);
        }
    asks();
}

/* Only of a signal's handler that is not blocked; sigwait goes on. */
static void *send_two(void *unused)
{
    send_when_it_sleeps((void *)(intptr_t)SIGUSR1);
    while (handled < 2)
        sched_yield();
    return send_when_it_sleeps((void *)(intptr_t)SIGUSR2), unused;
}

static void interrupted(void)
{
    pthread_t sender;
    int signal = 0;
    waiter = gettid();
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = count}, NULL);
    sigprocmask(SIG_BLOCK, &all, NULL);
    sigdelset(&all, SIGUSR1);
    sender = send(SIGUSR1);
    sigprocmask(SIG_SETMASK, &all, NULL);
    printf("interrupted %d\n", sigwaitinfo(&all, NULL) == -1 && errno == EINTR);
    pthread_join(sender, NULL);
    pthread_create(&sender, NULL, send_two, NULL);
    printf("sigwait %d\n", sigwait(&all, &signal));
    printf("signal_is_second %d\n", signal == SIGUSR2);
    pthread_join(sender, NULL);
    printf("is_unblocked %d\n", !is_blocked(SIGUSR1));
}

/* The sampler's signal is pending, as the handler has computed. */
static void wait_cleared(int signal)
{
    static const struct timespec moment = {0, 1000000};
    sigset_t none;
    uint64_t real = 0;
    struct epoll_event event;
    int early = 0, set = epoll_create1(0);
    compute(0.05);
    printf("blocked %d\n", is_blocked(SAMPLER_SIGNAL));
    sigemptyset(&none);
    sigaddset(&none, signal);
    early += ppoll(NULL, 0, &moment, &none) != 0;
    early += pselect(0, NULL, NULL, NULL, &moment, &none) != 0;
    early += epoll_pwait(set, &event, 1, 1, &none) != 0;
    early += epoll_pwait2(set, &event, 1, &moment, &none) != 0;
    printf("early %d\n", early);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &real, sizeof real);
    printf("kept_out %d\n", (int)(real >> (SAMPLER_SIGNAL - 1) & 1));
    fflush(stdout);
    if (fork() == 0) {
        sigprocmask(SIG_SETMASK, NULL, &none);
        syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &real, sizeof real);
        printf("child_shown %d\n", sigismember(&none, SAMPLER_SIGNAL));
        printf("child_kept_out %d\n", (int)(real >> (SAMPLER_SIGNAL - 1) & 1));
        fflush(stdout);
        execle("/bin/grep", "grep", "SigBlk", "/proc/self/status", (char *)NULL, (char *[]){NULL});
    }
    wait(NULL);
}

static void clears(void)
{
    static char memory[65536];
    struct sigaction action = {.sa_handler = wait_cleared, .sa_flags = SA_ONSTACK};
    sigaltstack(&(stack_t){.ss_sp = memory, .ss_size = sizeof memory}, NULL);
    sigaction(SIGUSR1, &action, NULL);
    compute(0.05);
    raise(SIGUSR1);
    compute(0.05);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*what)(void);
    } parts[] = {{"handler", handler},   {"timer", timer},
                 {"restored", restored}, {"vfork", lend},
                 {"asks", asks},         {"clears", clears},
                 {"rings", rings},       {"interrupted", interrupted}};
    sigfillset(&all);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            parts[i].what();
    if (strcmp(argv[1], "launch") == 0)
        launch(argv);
    if (argc > 2)
        waits(argv[2]);
    return 0;
}
