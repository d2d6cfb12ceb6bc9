/* Threads that end in every way: return, pthread_exit, cancelled before they have begun, detached;
 * and some that cannot be made. Each gets an argument of its own, on a stack that is gone or used
 * again by the time it runs. Prints how many came to run with the right one, how many there were,
 * and how much more of the heap was in use behind the last ROUNDS than behind the first. */
#define _GNU_SOURCE
#include "book.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 120, EACH = 4 };

static long right, wrong, threads, refused, cancelled;
static int gone; /* of the detached ones */

static void check(void *argument)
{
    long value = (long)argument;
    __atomic_fetch_add(value / 1000 == 4711 ? &right : &wrong, 1, __ATOMIC_RELAXED);
}

static void *returns(void *argument)
{
    check(argument);
    return argument;
}

static void *exits(void *argument)
{
    check(argument);
    pthread_exit(argument);
}

static void *waits(void *argument)
{
    check(argument);
    for (;;)
        pause();
    return argument;
}

static void *detached(void *argument)
{
    check(argument);
    __atomic_fetch_add(&gone, 1, __ATOMIC_RELEASE);
    return argument;
}

static void make(void *(*routine)(void *), long number)
{
    void *argument = (void *)(4711000 + number), *result = NULL;
    pthread_t thread;
    if (pthread_create(&thread, NULL, routine, argument) != 0)
        abort();
    threads++;
    if (routine == waits) {
        pthread_cancel(thread);
        pthread_join(thread, &result);
        cancelled += result == PTHREAD_CANCELED;
        return;
    }
    if (pthread_join(thread, &result) != 0 || result != argument)
        abort();
}

static void make_detached(long number)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    gone = 0;
    if (pthread_create(&thread, &attributes, detached, (void *)(4711000 + number)) != 0)
        abort();
    threads++;
    while (!__atomic_load_n(&gone, __ATOMIC_ACQUIRE))
        syscall(SYS_sched_yield);
    pthread_attr_destroy(&attributes);
}

/* More stack than there are addresses. */
static void make_none(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1 << 50);
    refused += pthread_create(&thread, &attributes, returns, NULL) == EAGAIN;
    pthread_attr_destroy(&attributes);
}

static size_t round_of_threads(void)
{
    for (int i = 0; i < EACH; i++) {
        make(returns, i);
        make(exits, i);
        make(waits, i);
        make_detached(i);
        make_none();
    }
    return mallinfo2().uordblks;
}

int main(void)
{
    alarm(60);
    mallopt(M_ARENA_MAX, 1);
    size_t first = 0, last = 0;
    for (int i = 0; i < ROUNDS; i++) {
        last = round_of_threads();
        if (i == 9) /* stacks, the unwinder: what libc itself keeps is there */
            first = last;
    }
    book("right %ld\nwrong %ld\nthreads %ld\nrefused %ld\ncancelled %ld\ngrown %ld\n", right, wrong,
         threads + 1, refused, cancelled, (long)(last - first));
    return 0;
}
