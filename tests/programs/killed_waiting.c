/* Is killed while its first thread waits for input, a few calls deep. */
#define _GNU_SOURCE
#include "blocked.h"

#include <pthread.h>
#include <signal.h>

static int ends[2];

__attribute__((noinline)) static void wait_for_input(void)
{
    char byte;
    if (read(ends[0], &byte, 1) != 1)
        abort();
    __asm__ volatile("");
}

__attribute__((noinline)) static void serve(void)
{
    wait_for_input();
    __asm__ volatile("");
}

static volatile int begins;

static void *end_it(void *unused)
{
    while (!begins || !is_asleep(getpid()))
        ;
    kill(getpid(), SIGKILL);
    return unused;
}

int main(void)
{
    pthread_t thread;
    if (pipe(ends) != 0 || pthread_create(&thread, NULL, end_it, NULL) != 0)
        return 1;
    begins = 1;
    serve();
    return 1;
}
