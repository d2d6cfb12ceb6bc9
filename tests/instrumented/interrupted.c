/* A thread is in read() while signals come: their handler's calls are inside the read. Prints how
 * often the handler ran. Signals are sent until it has run ten times, and then the byte that read
 * waits for. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RUNS = 10 };

static volatile sig_atomic_t handled, reading;
static volatile int sink;
static int ends[2];

static __attribute__((noinline)) void called(int depth)
{
    sink++;
    if (depth > 0) {
        called(depth - 1);
        called(depth - 1);
    }
}

static void handler(int signal)
{
    (void)signal;
    called(8);
    free(malloc(10));
    handled++;
}

static __attribute__((noinline)) void reads(void)
{
    char byte;
    reading = 1;
    while (read(ends[0], &byte, 1) != 1)
        ;
    called(3);
}

static void *reader(void *unused)
{
    reads();
    return unused;
}

int main(void)
{
    pthread_t thread;
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    if (pipe(ends) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        return 2;
    pthread_create(&thread, NULL, reader, NULL);
    while (!reading)
        sched_yield();
    for (int runs = 0; runs < RUNS; runs++) {
        int before = handled;
        pthread_kill(thread, SIGUSR1);
        while (handled == before)
            sched_yield();
    }
    if (write(ends[1], "x", 1) != 1)
        return 3;
    pthread_join(thread, NULL);
    printf("%d\n", (int)handled);
    return 0;
}
