/* Every call of preload/calls/waits.def and threads.def: see expected.h. Only the first thread's
 * events are told of. */
#define _GNU_SOURCE
#include "expected.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t room);

static const struct timespec none = {0, 0}, some = {0, 1000}, wrong = {0, 1000000000},
                             past = {1, 0}, far = {1l << 40, 0};

static void descriptors(void)
{
    int fds[2];
    struct pollfd one = {3, POLLIN, 0};
    struct epoll_event events[4] = {{.events = EPOLLIN}}, out;
    struct timeval hour = {3600, 0};
    struct timespec minute = {60, 0};
    fd_set reads;
    volatile nfds_t many = 1u << 30;
    CALLS(pipe, 0, (fds), "'flags':'O_RDONLY'");
    learn(3);
    learn(4);
    FAILS(poll, EINVAL, (&one, many, 0), "'count':%lu,'timeout_ms':0", many);
    CALLS(poll, 0, (&one, 1, 3), "'count':1,'timeout_ms':3");
    MOVES(write, 1, (4, "x", 1), "%s,'size':1", descriptor(4));
    CALLS(poll, 1, (&one, 1, -1), "'count':1,'timeout_ms':-1");
    expect(one.revents == POLLIN, "poll: what it says");
    one.revents = 0;
    CALLS(__poll_chk, 1, (&one, 1, 1000, sizeof one), "'count':1,'timeout_ms':1000");
    CALLS(ppoll, 1, (&one, 1, &minute, NULL), "'count':1");
    expect(minute.tv_sec == 60, "ppoll: a timeout that stays");
    CALLS(__ppoll_chk, 1, (&one, 1, NULL, NULL, sizeof one), "'count':1");
    FAILS(ppoll, EINVAL, (&one, 1, &wrong, NULL), "'count':1");
    FD_ZERO(&reads);
    FD_SET(3, &reads);
    CALLS(select, 1, (4, &reads, NULL, NULL, &hour), "'count':4");
    expect(FD_ISSET(3, &reads) && (hour.tv_sec == 3599 || hour.tv_sec == 3600), "select");
    CALLS(pselect, 1, (4, &reads, NULL, NULL, NULL, NULL), "'count':4");
    FAILS(select, EINVAL, (-1, NULL, NULL, NULL, NULL), "'count':-1");
    FD_SET(60, &reads);
    FAILS(pselect, EBADF, (61, &reads, NULL, NULL, &none, NULL), "'count':61");
    CALLS(epoll_create1, 5, (0), "%s", "");
    learn(5);
    expect(epoll_ctl(5, EPOLL_CTL_ADD, 3, events) == 0, "epoll_ctl");
    CALLS(epoll_wait, 1, (5, events, 4, -1), "%s,'count':4,'timeout_ms':-1", descriptor(5));
    expect(events[0].events == EPOLLIN, "epoll_wait: what it says");
    CALLS(epoll_pwait, 1, (5, events, 3, 7, NULL), "%s,'count':3,'timeout_ms':7", descriptor(5));
    CALLS(epoll_pwait2, 1, (5, events, 2, &minute, NULL), "%s,'count':2", descriptor(5));
    FAILS(epoll_wait, EINVAL, (5, events, 0, 7), "%s,'count':0,'timeout_ms':7", descriptor(5));
    FAILS(epoll_pwait, EBADF, (60, events, 1, 7, NULL), "'fd':60,'count':1,'timeout_ms':7");
    FAILS(epoll_pwait2, EINVAL, (3, &out, 1, NULL, NULL), "%s,'count':1", descriptor(3));
    for (int i = 0; i < 3; i++) {
        void *bad = bad_pointers[i];
        FAILS(poll, EFAULT, (bad, 1, 0), "'count':1,'timeout_ms':0");
        FAILS(ppoll, EFAULT, (bad, 1, &none, NULL), "'count':1");
        FAILS(epoll_wait, EFAULT, (5, bad, 1, 0), "%s,'count':1,'timeout_ms':0", descriptor(5));
        FAILS(nanosleep, EFAULT, (bad, NULL), "%s", "");
        FAILS(wait, ECHILD, (bad), "%s", "");
        if (bad)
            FAILS(select, EFAULT, (4, bad, NULL, NULL, NULL), "'count':4");
    }
    for (int fd = 3; fd < 6; fd++)
        shut(fd);
}

static void on_signal(int number)
{
    (void)number;
}

/* A signal that comes over and over: sooner or later in the middle of a call. */
static void ticking(int microseconds)
{
    struct itimerval often = {{0, microseconds}, {0, microseconds}};
    struct sigaction action = {.sa_handler = microseconds ? on_signal : SIG_DFL};
    if (microseconds)
        expect(sigaction(SIGALRM, &action, NULL) == 0, "sigaction");
    expect(setitimer(ITIMER_REAL, &often, NULL) == 0, "setitimer");
    if (!microseconds)
        expect(sigaction(SIGALRM, &action, NULL) == 0, "sigaction");
}

static void time_passes(void)
{
    struct timespec left = {-1, -1}, hour = {3600, 0};
    CALLS(sleep, 0, (0), "'timeout_ms':0");
    CALLS(usleep, 0, (100), "%s", "");
    CALLS(nanosleep, 0, (&some, &left), "%s", "");
    FAILS(nanosleep, EINVAL, (&wrong, NULL), "%s", "");
    TELLS(clock_nanosleep, 0, (CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL), "%s", "");
    TELLS(clock_nanosleep, EINVAL, (999, 0, &some, NULL), "%s", "");
    CALLS(thrd_sleep, 0, (&some, NULL), "%s", "");
    CALLS(sched_yield, 0, (), "%s", "");
    expect(left.tv_sec == -1, "nanosleep: what is left");
    ticking(20000); /* interrupted */
    unsigned seconds = sleep(3600);
    EVENT("sleep", "'timeout_ms':3600000,'result':%u", seconds);
    expect(seconds > 3000 && seconds < 3600, "sleep: what is left");
    FAILS(nanosleep, EINTR, (&hour, &left), "%s", "");
    expect(left.tv_sec > 3000, "nanosleep: what is left");
    TELLS(clock_nanosleep, EINTR, (CLOCK_MONOTONIC, 0, &hour, &left), "%s", "");
    errno = UNTOUCHED;
    expect(thrd_sleep(&hour, &left) == -1, "thrd_sleep");
    EVENT("thrd_sleep", "'result':-1");
    FAILS(usleep, EINTR, (1000000), "%s", "");
    FAILS(pause, EINTR, (), "%s", "");
    FAILS(poll, EINTR, (NULL, 0, -1), "'count':0,'timeout_ms':-1");
    ticking(0);
    alarm(30);
}

static void signals(void)
{
    sigset_t set, empty;
    siginfo_t info;
    int number = 0;
    struct sigaction action = {.sa_handler = on_signal};
    char told[64];
    sigemptyset(&empty);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    expect(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
    expect(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "sigprocmask");
    snprintf(told, sizeof told, "'pid':%d,'signal':'SIGUSR1'", getpid());
    CALLS(kill, 0, (getpid(), SIGUSR1), "%s", told);
    TELLS(sigwait, 0, (&set, &number), "%s", "");
    expect(number == SIGUSR1, "sigwait: which one");
    CALLS(kill, 0, (getpid(), SIGUSR1), "%s", told);
    CALLS(sigwaitinfo, SIGUSR1, (&set, &info), "%s", "");
    expect(info.si_signo == SIGUSR1 && info.si_pid == getpid(), "sigwaitinfo: which one");
    CALLS(kill, 0, (getpid(), SIGUSR1), "%s", told);
    CALLS(sigtimedwait, SIGUSR1, (&set, NULL, &some), "%s", "");
    FAILS(sigtimedwait, EAGAIN, (&set, &info, &none), "%s", "");
    FAILS(sigtimedwait, EINVAL, (&set, &info, &wrong), "%s", "");
    FAILS(sigwaitinfo, EFAULT, (bad_pointers[1], &info), "%s", "");
    expect(sigwait(bad_pointers[1], &number) == EFAULT, "sigwait");
    EVENT("sigwait", "'error':'EFAULT'");
    CALLS(kill, 0, (getpid(), SIGUSR1), "%s", told);
    FAILS(sigsuspend, EINTR, (&empty), "%s", "");
    FAILS(kill, EINVAL, (getpid(), 9999), "'pid':%d,'signal':9999", getpid());
}

/* A child that ends at once, by itself or by a signal. */
static pid_t child(int status, int signal)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (signal)
            kill(getpid(), signal);
        _exit(status);
    }
    EVENT("fork", "'result':%d", pid);
    return pid;
}

static void children(void)
{
    int status = 77;
    struct rusage usage;
    siginfo_t info;
    pid_t pid = child(3, 0);
    CALLS(wait, pid, (&status), "'exit_status':3");
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 3, "wait: the status");
    pid = child(4, 0);
    CALLS(wait, pid, (NULL), "'exit_status':4");
    pid = child(0, SIGKILL);
    CALLS(waitpid, pid, (pid, &status, 0), "'pid':%d,'killed_by':'SIGKILL'", pid);
    expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "waitpid: the status");
    pid = child(255, 0);
    CALLS(wait3, pid, (NULL, 0, &usage), "'exit_status':255");
    pid = child(0, SIGSTOP);
    CALLS(waitpid, pid, (-1, NULL, WUNTRACED), "'pid':-1,'stopped_by':'SIGSTOP'");
    CALLS(kill, 0, (pid, SIGCONT), "'pid':%d,'signal':'SIGCONT'", pid);
    memset(&usage, 0xaa, sizeof usage);
    CALLS(wait4, pid, (pid, &status, 0, &usage), "'pid':%d,'exit_status':0", pid);
    expect(status == 0 && usage.ru_utime.tv_usec < 1000000 && usage.ru_maxrss > 0, "wait4: usage");
    pid = child(9, 0);
    CALLS(waitid, 0, (P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), "'pid':%d,'exit_status':9", pid);
    expect(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 9, "waitid");
    CALLS(waitid, 0, (P_ALL, 0, NULL, WEXITED), "'pid':%d,'exit_status':9", pid);
    pid = child(0, SIGTERM);
    CALLS(waitid, 0, (P_ALL, 0, &info, WEXITED), "'pid':%d,'killed_by':'SIGTERM'", pid);
    expect(info.si_pid == pid && info.si_code == CLD_KILLED, "waitid: killed");
    FAILS(wait, ECHILD, (&status), "%s", "");
    FAILS(waitpid, ECHILD, (-1, &status, 0), "'pid':-1");
    FAILS(waitpid, EINVAL, (-1, &status, 0x12345), "'pid':-1");
    FAILS(wait4, ECHILD, (pid, NULL, 0, NULL), "'pid':%d", pid);
    FAILS(waitid, ECHILD, (P_ALL, 0, &info, WEXITED), "'pid':-1");
    FAILS(waitid, EINVAL, (P_ALL, 0, NULL, 0), "'pid':-1");
    int gate[2]; /* one that still runs */
    CALLS(pipe, 0, (gate), "'flags':'O_RDONLY'");
    learn(3);
    learn(4);
    pid = fork();
    if (pid == 0) {
        char byte;
        close(gate[1]);
        _exit((int)read(gate[0], &byte, 1));
    }
    EVENT("fork", "'result':%d", pid);
    CALLS(waitpid, 0, (-1, &status, WNOHANG), "'pid':-1");
    CALLS(waitid, 0, (P_ALL, 0, &info, WEXITED | WNOHANG), "'pid':-1");
    shut(4);
    FAILS(waitpid, EFAULT, (pid, bad_pointers[1], 0), "'pid':%d", pid);
    FAILS(wait3, ECHILD, (&status, 0, NULL), "%s", "");
    shut(3);
}

static volatile pid_t tid;
static int gate_fds[2];

static void *begins(void *argument)
{
    tid = gettid();
    return argument;
}

/* Lives until the gate is shut. */
static void *stays(void *argument)
{
    char byte;
    tid = gettid();
    return read(gate_fds[0], &byte, 1) == 0 ? argument : NULL;
}

static int begins_c11(void *argument)
{
    tid = gettid();
    sched_yield(); /* an event: it is known by it */
    return *(int *)argument;
}

static void threads(void)
{
    pthread_t thread;
    thrd_t other;
    int seven = 7, code = 0;
    void *back;
    TELLS(pthread_create, 0, (&thread, NULL, begins, &seven), "%s", "");
    expect(pthread_join(thread, &back) == 0, "pthread_join");
    EVENT("pthread_join", "'thread':%d", tid);
    expect(back == &seven, "pthread_join: what came back");
    expect(pipe(gate_fds) == 0, "pipe");
    EVENT("pipe", "'flags':'O_RDONLY','result':0");
    learn(3);
    learn(4);
    tid = 0;
    TELLS(pthread_create, 0, (&thread, NULL, stays, &seven), "%s", "");
    while (!tid)
        continue;
    TELLS(pthread_timedjoin_np, ETIMEDOUT, (thread, &back, &past), "'thread':%d", tid);
    TELLS(pthread_clockjoin_np, EINVAL, (thread, &back, 999, &past), "'thread':%d", tid);
    TELLS(pthread_clockjoin_np, ETIMEDOUT, (thread, &back, CLOCK_MONOTONIC, &past), "'thread':%d",
          tid);
    TELLS(pthread_setname_np, 0, (thread, "a name"), "'thread':%d,'name':'a name'", tid);
    TELLS(pthread_setname_np, ERANGE, (thread, "a name that is too long"),
          "'thread':%d,'name':'a name that is too long'", tid);
    shut(4);
    TELLS(pthread_clockjoin_np, 0, (thread, &back, CLOCK_REALTIME, &far), "'thread':%d", tid);
    expect(back == &seven, "pthread_clockjoin_np: what came back");
    TELLS(pthread_create, 0, (&thread, NULL, begins, NULL), "%s", "");
    expect(pthread_timedjoin_np(thread, NULL, &far) == 0, "pthread_timedjoin_np");
    EVENT("pthread_timedjoin_np", "'thread':%d", tid);
    TELLS(pthread_join, EDEADLK, (pthread_self(), NULL), "'thread':%d", gettid());
    CALLS(thrd_create, thrd_success, (&other, begins_c11, &seven), "%s", "");
    expect(thrd_join(other, &code) == thrd_success && code == 7, "thrd_join");
    EVENT("thrd_join", "'thread':%d,'result':0", tid);
    shut(3);
    CALLS(prctl, 0, (PR_SET_NAME, "renamed", 0, 0, 0), "'name':'renamed'");
    FAILS(prctl, EFAULT, (PR_SET_NAME, bad_pointers[1], 0, 0, 0), "'name':''");
    expect(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1, "prctl"); /* none of the tracer's business */
}

static void system_v(void)
{
    struct {
        long type;
        char text[16];
    } message = {5, "hello"};
    int set = semget(IPC_PRIVATE, 1, 0600), queue = msgget(IPC_PRIVATE, 0600);
    volatile size_t bad_size = (size_t)-1;
    struct sembuf up = {0, 1, 0}, down = {0, -1, IPC_NOWAIT}, waits = {0, -1, 0};
    expect(set >= 0 && queue >= 0, "semget, msgget");
    CALLS(semop, 0, (set, &up, 1), "'count':1");
    CALLS(semop, 0, (set, &down, 1), "'count':1");
    FAILS(semop, EAGAIN, (set, &down, 1), "'count':1");
    FAILS(semop, EFAULT, (set, bad_pointers[1], 1), "'count':1");
    FAILS(semtimedop, EAGAIN, (set, &waits, 1, &some), "'count':1");
    CALLS(semtimedop, 0, (set, &up, 1, NULL), "'count':1");
    CALLS(msgsnd, 0, (queue, &message, 6, 0), "'size':6");
    FAILS(msgsnd, EINVAL, (queue, &message, bad_size, 0), "'size':-1");
    memset(&message, 0, sizeof message);
    CALLS(msgrcv, 6, (queue, &message, sizeof message.text, 0, 0), "'size':16");
    expect(message.type == 5 && strcmp(message.text, "hello") == 0, "msgrcv: what came");
    FAILS(msgrcv, ENOMSG, (queue, &message, 16, 0, IPC_NOWAIT), "'size':16");
    semctl(set, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
}

int main(void)
{
    surface_begin();
    descriptors();
    time_passes();
    signals();
    children();
    threads();
    system_v();
    return 0;
}
