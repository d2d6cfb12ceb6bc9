/* storm BURST TIMERS: the signals of one or two timers come as fast as they can while main makes
 * calls; their handler, which the other timer's signal interrupts too, makes calls of the same
 * kinds, and now and then BURST calls of a function. Ends when 4000 signals have come. Prints how
 * many calls of each kind were made. */
#define _GNU_SOURCE
#include "../programs/book.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define PLAIN __attribute__((no_instrument_function))

enum { SIGNALS = 4000, BURST_EVERY = 8 };

static atomic_long signals, in_main, in_handler, reads, writes, opens, closes, blocks;
static int zero_fd, burst;

__attribute__((noinline)) static void main_calls(void)
{
    in_main++;
}

__attribute__((noinline)) static void handler_calls(void)
{
    in_handler++;
}

PLAIN static void handle(int signal)
{
    int saved = errno, count = signals++ % BURST_EVERY == 0 ? burst : 3;
    (void)signal;
    for (int i = 0; i < count; i++)
        handler_calls();
    int fd = open("/dev/null", O_WRONLY);
    opens++;
    writes += write(fd, "x", 1) == 1;
    closes += close(fd) == 0;
    errno = saved;
}

PLAIN static void work(void)
{
    char bytes[8];
    for (int i = 0; i < 60; i++)
        main_calls();
    reads += read(zero_fd, bytes, sizeof bytes) == sizeof bytes;
    for (int i = 0; i < 30; i++) {
        free(opaque(malloc(100)));
        blocks++;
    }
}

PLAIN static timer_t start(int signal, long interval)
{
    struct sigaction action = {.sa_handler = handle}; /* and no SA_RESTART */
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    struct itimerspec often = {{0, interval}, {0, interval}};
    timer_t timer;
    sigaction(signal, &action, NULL);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &often, NULL);
    return timer;
}

PLAIN int main(int argc, char **argv)
{
    burst = argc > 1 ? atoi(argv[1]) : 3;
    zero_fd = open("/dev/zero", O_RDONLY);
    opens++;
    int timers = argc > 2 ? atoi(argv[2]) : 1;
    timer_t made[2];
    for (int i = 0; i < timers && i < 2; i++)
        made[i] = start(SIGRTMIN + i, 30000 + 7000 * i);
    while (signals < SIGNALS)
        work();
    for (int i = 0; i < timers && i < 2; i++) {
        timer_delete(made[i]);
        signal(SIGRTMIN + i, SIG_IGN);
    }
    book("signals %ld\nmain_calls %ld\nhandler_calls %ld\n", signals, in_main, in_handler);
    book("read %ld\nwrite %ld\nopen %ld\nclose %ld\nmalloc %ld\n", reads, writes, opens, closes,
         blocks);
    return 0;
}
