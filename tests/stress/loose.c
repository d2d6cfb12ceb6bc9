/* What cannot be booked exactly: longjmp out of signal handlers, asynchronous cancellation,
 * SIGKILL, and forks inside of handlers. */
#include "parts.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static __thread sigjmp_buf out_of_handler;
static __thread volatile int armed;
static __thread volatile int fork_armed, fork_child;

NOINLINE static void spin(struct dice *dice)
{
    BOOK(spin);
    count_calls((uint64_t)node(dice, 6));
}

PLAIN static void jumps_out(int signal)
{
    (void)signal;
    if (armed) {
        armed = 0;
        siglongjmp(out_of_handler, 1);
    }
}

PLAIN static void do_jump_out(struct dice *dice)
{
    struct dice own = {dice->state};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
    struct itimerspec when = {{0, 0}, {0, 20000 + (long)draw(dice, 200000)}};
    timer_t timer;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    loosely();
    if (sigsetjmp(out_of_handler, 1) == 0) {
        armed = 1;
        timer_settime(timer, 0, &when, NULL);
        for (;;)
            spin(&own);
    }
    timer_delete(timer);
}

PLAIN static void *spins(void *argument)
{
    struct dice dice = {(uint64_t)(uintptr_t)argument};
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;)
        spin(&dice);
    return NULL;
}

PLAIN static void do_cancel_at_once(struct dice *dice)
{
    pthread_t thread;
    loosely();
    if (make_thread(&thread, NULL, spins, (void *)(uintptr_t)draw(dice, 1000)) != 0)
        return;
    usleep(draw(dice, 300));
    MUST(pthread_cancel(thread) == 0);
    MUST(end_thread(thread) == PTHREAD_CANCELED);
}

PLAIN static void do_kill(struct dice *dice)
{
    struct dice own = {dice->state};
    int status = 0;
    loosely();
    pid_t pid = fork();
    if (pid == 0) {
        page_begin();
        limit_life();
        for (;;)
            spin(&own);
    }
    DONE(fork, 0);
    usleep(draw(dice, 500));
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

PLAIN static void forks(int signal)
{
    (void)signal;
    int saved = errno;
    if (fork_armed) {
        fork_armed = 0;
        pid_t pid = _Fork();
        if (pid == 0) {
            page_begin();
            limit_life();
            fork_child = 1;
        } else {
            DONE(_Fork, 0);
            reap(pid);
            fork_child = 2;
        }
    }
    errno = saved;
}

/* The child goes on with what the handler interrupted. */
PLAIN static void do_fork_in_handler(struct dice *dice)
{
    struct dice own = {dice->state};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    struct itimerspec when = {{0, 0}, {0, 20000 + (long)draw(dice, 200000)}};
    timer_t timer;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    loosely();
    fork_child = 0;
    fork_armed = 1;
    timer_settime(timer, 0, &when, NULL);
    while (!fork_child)
        spin(&own);
    if (fork_child == 1)
        _exit(0);
    timer_delete(timer);
}

PLAIN static void handle(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(signal, &action, NULL);
}

void loose_prepare(void)
{
    handle(SIGUSR2, jumps_out);
    handle(SIGPROF, forks);
}

void act_loosely(struct dice *dice)
{
    switch (draw(dice, 4)) {
    case 0:
        do_jump_out(dice);
        break;
    case 1:
        do_cancel_at_once(dice);
        break;
    case 2:
        do_kill(dice);
        break;
    default:
        do_fork_in_handler(dice);
    }
}
