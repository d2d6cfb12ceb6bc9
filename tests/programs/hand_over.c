/* Threads hand blocks to each other, which free them, or make them larger and pass them on. All use
 * one arena and sizes for which no thread keeps blocks of its own, so an address that one thread
 * gives back is the next one that another gets. A timer's signals hold a thread up wherever it is,
 * for as long as the others need to go on a little. Prints how much there was of each. */
#define _GNU_SOURCE
#include "book.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS = 3, ROUNDS = 6000, BOXES = 4, SMALLEST = 1100 };

static _Atomic(void *) boxes[BOXES];
static atomic_long allocated, reallocated, freed, wrong;
static pthread_barrier_t barrier;

/* A block's first bytes are its own address: nobody else may write there while it is live. */
static void *mark(void *block)
{
    memcpy(block, &block, sizeof block);
    return block;
}

static void check(const void *block, const void *marked)
{
    const void *there;
    memcpy(&there, block, sizeof there);
    wrong += there != marked;
}

/* One thread at a time. It may hold the arena's lock: then nobody goes on, and it gives up. */
static void hold_up(int signal)
{
    static atomic_int held;
    long then = allocated;
    (void)signal;
    if (atomic_exchange(&held, 1))
        return;
    for (int i = 0; i < 200 && allocated < then + 5; i++)
        syscall(SYS_sched_yield);
    held = 0;
}

static timer_t start_timer(void)
{
    struct sigaction action = {.sa_handler = hold_up, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec often = {{0, 50000}, {0, 50000}};
    timer_t timer;
    sigaction(SIGRTMIN, &action, NULL);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &often, NULL);
    return timer;
}

static void *trade(void *argument)
{
    unsigned random = 1 + *(unsigned *)argument;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1103515245u + 12345u;
        _Atomic(void *) *box = &boxes[(random >> 16) % BOXES];
        void *mine = mark(opaque(malloc(SMALLEST + (random >> 20) % 3 * 100)));
        allocated++;
        void *other = atomic_exchange(box, mine);
        if (!other)
            continue;
        check(other, other);
        if ((random >> 24) % 4 == 0) {
            void *larger = opaque(realloc(other, SMALLEST + 500));
            reallocated++;
            check(larger, other);
            other = atomic_exchange(box, mark(larger));
        }
        freed += other != NULL;
        free(other);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];
    mallopt(M_ARENA_MAX, 1);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = 1000 * i;
        pthread_create(&threads[i], NULL, trade, &seeds[i]);
    }
    sigset_t signals; /* are for the others */
    sigemptyset(&signals);
    sigaddset(&signals, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    timer_t timer = start_timer();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    timer_delete(timer);
    for (int i = 0; i < BOXES; i++)
        if (boxes[i]) {
            free(boxes[i]);
            freed++;
        }
    book("allocated %ld\nreallocated %ld\nfreed %ld\nwrong %ld\nsmallest %d\n", allocated,
         reallocated, freed, wrong, SMALLEST);
    return wrong != 0;
}
