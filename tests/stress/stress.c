/* Everything at once: stress SEED SECONDS [loose].
 *
 * Worker threads do random things for so long, each of which checks its own result: calls, longjmp,
 * exceptions, allocations, pipes, sockets, files, conditions, rwlocks, semaphores, short and
 * cancelled threads, libraries that come and go; and children by fork, _Fork, a raw clone,
 * posix_spawn, and vfork with exec, which do the same. Signals of timers come in between all the
 * time, with handlers that make calls. At the end the books are printed, one line
 *
 *     IMAGE PID NAME NUMBER
 *
 * for every number that is not 0, and the exit status says whether everything worked. The seed
 * decides what each thread does, not when.
 *
 * The books are exact: function calls (counted on entry), libc calls by how many came back and the
 * bytes of those that succeeded, threads. They stay exact over longjmp, exceptions and deferred
 * cancellation, because these end what was entered, and a call that is cancelled never comes back
 * and gives no event. They do not say how many mutexes were waited for.
 *
 * With "loose" the threads also do what leaves the books exact only up to a bound, and says how
 * often as the number "loose" of image 0: longjmp out of signal handlers, asynchronous
 * cancellation, SIGKILL, and forks inside of handlers. The bound is LOOSE_EACH (check_stress.c) for
 * each such act, over all processes together. closefrom is only called in children that are alone:
 * under the feet of other threads it costs the tracer blocks, which it counts as lost.
 *
 * No process outlives SECONDS + 30 (a timer with SIGKILL), no matter what.
 *
 * Here is what happens when; what each act does is in the parts (parts.h). */
#include "parts.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4 };
static int loose;

void act(struct dice *dice, struct block *blocks, int level)
{
    unsigned what = draw(dice, 100);
    if (loose && level == 0 && draw(dice, 20) == 0)
        act_loosely(dice);
    else if (what < 25)
        do_calls(dice);
    else if (what < 33)
        do_jumps(dice);
    else if (what < 38)
        do_exceptions(dice);
    else if (what < 55)
        do_memory(dice, blocks);
    else if (what < 65)
        do_pipes(dice);
    else if (what < 70)
        do_file(dice);
    else if (what < 77)
        do_exchange(dice);
    else if (what < 82)
        do_short_threads(dice);
    else if (what < 86)
        do_cancel(dice);
    else if (what < 91 && was_made_alone())
        do_library(dice);
    else if (what < 93 && level < 3)
        do_fork(dice, level);
    else if (what < 95 && level < 3)
        do_spawn(dice, level);
}

PLAIN static void *work(void *argument)
{
    struct dice dice = {(uint64_t)(uintptr_t)argument};
    struct block blocks[BLOCKS] = {{0}};
    struct timers timers;
    timer_begin(&timers, &dice);
    while (!is_over())
        act(&dice, blocks, 0);
    drop_all(blocks);
    timer_end(&timers);
    return NULL;
}

PLAIN static void prepare(void)
{
    processes_prepare();
    page_begin();
    limit_life();
    threads_prepare();
    signals_prepare();
}

/* A child that was made by exec: stress child SEED LEVEL. */
PLAIN static int be_child(char **argv)
{
    static const char ways[] = "re_q";
    struct dice dice = {strtoull(argv[2], NULL, 10) * UINT64_C(7919)};
    books_open();
    prepare();
    BOOK(main);
    in_child(dice.state, 1, atoi(argv[3]));
    wait_for_short_ones();
    switch (ways[draw(&dice, 4)]) {
    case 'e':
        exit(0);
    case '_':
        _exit(0);
    case 'q':
        quick_exit(0);
    default:
        return 0;
    }
}

int main(int argc, char **argv)
{
    pthread_t workers[WORKERS];
    struct itimerval often = {{0, 7000}, {0, 7000}}, never = {{0, 0}, {0, 0}};
    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return be_child(argv);
    if (argc < 3)
        return 2;
    loose = argc > 3;
    books_create(atoi(argv[2]));
    prepare();
    BOOK(main);
    if (loose)
        loose_prepare();
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < WORKERS; i++) /* they take the signals: this thread is in one long call */
        make_thread(&workers[i], NULL, work,
                    (void *)(uintptr_t)(strtoull(argv[1], NULL, 10) * 1000 + (unsigned)i + 1));
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);
    for (int i = 0; i < WORKERS; i++)
        end_thread(workers[i]);
    setitimer(ITIMER_REAL, &never, NULL);
    wait_for_short_ones();
    return books_print() ? 1 : 0;
}
