/* Mutexes that are free, of every type, alone and with others about; and mutexes that are waited
 * for: the other thread gives them up only when this one sleeps. Prints how often it waited, and
 * the address of the mutex. */
#define _GNU_SOURCE
#include "blocked.h"
#include "book.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FREE = 1000, WAITS = 7 };

static pthread_mutex_t contended = PTHREAD_MUTEX_INITIALIZER;
static int held, main_tid;

static void lock_free_ones(int type)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    struct timespec never = {1, 0};
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutex_init(&mutex, &attributes);
    for (int i = 0; i < FREE; i++) {
        int depth = type == PTHREAD_MUTEX_RECURSIVE ? 3 : 1;
        for (int k = 0; k < depth; k++)
            if (i % 2 ? pthread_mutex_lock(&mutex) : pthread_mutex_timedlock(&mutex, &never))
                abort();
        for (int k = 0; k < depth; k++)
            if (pthread_mutex_unlock(&mutex))
                abort();
    }
    pthread_mutex_destroy(&mutex);
}

static void *lock_its_own(void *unused)
{
    lock_free_ones(PTHREAD_MUTEX_NORMAL);
    return unused;
}

static void *hold(void *unused)
{
    pthread_mutex_lock(&contended);
    __atomic_store_n(&held, 1, __ATOMIC_RELEASE);
    while (!is_asleep(main_tid))
        syscall(SYS_sched_yield);
    pthread_mutex_unlock(&contended);
    return unused;
}

static void wait_once(int timed)
{
    struct timespec later;
    pthread_t thread;
    held = 0;
    if (pthread_create(&thread, NULL, hold, NULL))
        abort();
    while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE))
        syscall(SYS_sched_yield);
    clock_gettime(CLOCK_REALTIME, &later);
    later.tv_sec += 3600;
    if (timed ? pthread_mutex_timedlock(&contended, &later) : pthread_mutex_lock(&contended))
        abort();
    pthread_mutex_unlock(&contended);
    pthread_join(thread, NULL);
}

int main(void)
{
    pthread_t others[3];
    alarm(60);
    main_tid = (int)syscall(SYS_gettid);
    lock_free_ones(PTHREAD_MUTEX_NORMAL);
    lock_free_ones(PTHREAD_MUTEX_RECURSIVE);
    lock_free_ones(PTHREAD_MUTEX_ERRORCHECK);
    for (int i = 0; i < 3; i++)
        pthread_create(&others[i], NULL, lock_its_own, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(others[i], NULL);
    for (int i = 0; i < WAITS; i++)
        wait_once(0);
    for (int i = 0; i < WAITS - 2; i++)
        wait_once(1);
    book("waits %d\ntimed_waits %d\nlock %ld\n", WAITS, WAITS - 2, (long)&contended);
    return 0;
}
