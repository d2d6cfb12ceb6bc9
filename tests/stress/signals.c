/* Signals that come in between all the time, and handlers that make calls. */
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static __thread int echo[2] = {-1, -1}; /* a pipe for the handler */

NOINLINE static void in_handler(int depth)
{
    BOOK(in_handler);
    if (depth)
        in_handler(depth - 1);
}

NOINLINE static void on_timer(int signal)
{
    BOOK(on_timer);
    int saved = errno;
    char byte = 'e';
    errno = 815 + signal;
    in_handler(3);
    MUST(errno == 815 + signal);
    if (echo[0] >= 0) {
        MUST(io_write(echo[1], &byte, 1) == 1);
        byte = 0;
        MUST(io_read(echo[0], &byte, 1) == 1 && byte == 'e');
        MUST(errno == 815 + signal);
    }
    errno = saved;
}

void forget_echo(void)
{
    echo[0] = echo[1] = -1;
}

PLAIN static void handle(int signal, int flags)
{
    struct sigaction action = {.sa_handler = on_timer, .sa_flags = flags};
    sigaddset(&action.sa_mask, SIGUSR2); /* nobody jumps out of it, or is forked inside */
    sigaddset(&action.sa_mask, SIGPROF);
    MUST(sigaction(signal, &action, NULL) == 0);
}

void signals_prepare(void)
{
    handle(SIGUSR1, SA_RESTART | SA_ONSTACK);
    handle(SIGALRM, 0);
}

void timer_begin(struct timers *timers, struct dice *dice)
{
    enum { STACK = 16384 };
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    long period = 300000 + (long)draw(dice, 3000) * 1000;
    struct itimerspec when = {{0, period}, {0, period}};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    timers->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = timers->stack, .ss_size = STACK};
    int ends[2];
    MUST(timers->stack != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
    MUST(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    echo[0] = ends[0];
    echo[1] = ends[1];
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timers->timer) == 0);
    MUST(timer_settime(timers->timer, 0, &when, NULL) == 0);
}

void timer_end(struct timers *timers)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    int ends[2] = {echo[0], echo[1]};
    timer_delete(timers->timer);
    forget_echo();
    let_go(ends[0]);
    let_go(ends[1]);
    sigaltstack(&none, NULL);
    munmap(timers->stack, 16384);
}
