/* One thread holds a lock while another one waits for it, again and again; inside it allocates,
 * reads. An argument: how many blocks each time. Prints how often, and what. */
#define _GNU_SOURCE
#include "blocked.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 20, READS = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static volatile int waiter, asks;
static int zero, blocks = 3;

__attribute__((noinline)) static void work_inside(void)
{
    char byte;
    for (int i = 0; i < blocks; i++) {
        void *volatile block = malloc(10);
        free(block);
    }
    for (int i = 0; i < READS; i++)
        if (read(zero, &byte, 1) != 1)
            abort();
}

__attribute__((noinline)) static void hold_it(void)
{
    pthread_mutex_lock(&lock);
    pthread_barrier_wait(&barrier);
    while (!asks || !is_asleep(waiter)) /* in its lock */
        ;
    work_inside();
    asks = 0;
    pthread_mutex_unlock(&lock);
}

__attribute__((noinline)) static void want_it(void)
{
    pthread_barrier_wait(&barrier);
    asks = 1;
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
}

static void *wait_often(void *unused)
{
    waiter = gettid();
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {
        want_it();
        pthread_barrier_wait(&barrier);
    }
    return unused;
}

int main(int count, char **arguments)
{
    pthread_t thread;
    if (count > 1)
        blocks = atoi(arguments[1]);
    zero = open("/dev/zero", O_RDONLY);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, wait_often, NULL);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {
        hold_it();
        pthread_barrier_wait(&barrier);
    }
    pthread_join(thread, NULL);
    printf("waits %d\nallocations %d\nreads %d\n", ROUNDS, ROUNDS * blocks, ROUNDS * READS);
    return 0;
}
