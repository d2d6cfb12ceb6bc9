/* waits_once KIND: one thread keeps a lock of the kind, "mutex", "rwlock" or "spin", until another
 * one waits for it. waits_once deadlock: each of the two then waits for a mutex that
 * the other one has, for ever; the program kills itself. Prints the two threads' numbers. */
#define _GNU_SOURCE
#include "blocked.h"
#include "book.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static volatile int keeper, waiter, is_kept, asks;
static clockid_t waiter_clock;
static long spent_before;
static const char *kind;

#define OPAQUE __attribute__((noinline, noclone))

__attribute__((always_inline)) static inline void take(void)
{
    if (strcmp(kind, "rwlock") == 0)
        pthread_rwlock_wrlock(&rwlock);
    else if (strcmp(kind, "spin") == 0)
        pthread_spin_lock(&spin);
    else
        pthread_mutex_lock(&mutex);
}

static void give(void)
{
    if (strcmp(kind, "rwlock") == 0)
        pthread_rwlock_unlock(&rwlock);
    else if (strcmp(kind, "spin") == 0)
        pthread_spin_unlock(&spin);
    else
        pthread_mutex_unlock(&mutex);
}

static int is_deadlock(void)
{
    return strcmp(kind, "deadlock") == 0;
}

/* The waiter sleeps in its call, or has spun for 5 ms in it. */
static int is_waiting(void)
{
    struct timespec spent = {0, 0};
    if (strcmp(kind, "spin") != 0)
        return is_asleep(waiter);
    clock_gettime(waiter_clock, &spent);
    return spent.tv_sec || spent.tv_nsec > spent_before + 5000000;
}

OPAQUE static void keeps(void)
{
    take();
    is_kept = 1;
    while (!asks || !is_waiting())
        ;
    if (is_deadlock())
        pthread_mutex_lock(&second);
    give();
    __asm__ volatile("");
}

OPAQUE static void wants(void)
{
    if (is_deadlock())
        pthread_mutex_lock(&second);
    while (!is_kept)
        ;
    struct timespec spent = {0, 0};
    pthread_getcpuclockid(pthread_self(), &waiter_clock);
    clock_gettime(waiter_clock, &spent);
    spent_before = spent.tv_nsec;
    asks = 1;
    take();
    give();
    __asm__ volatile("");
}

static void *keep(void *unused)
{
    keeper = gettid();
    pthread_setname_np(pthread_self(), "one");
    keeps();
    return unused;
}

static void *want(void *unused)
{
    waiter = gettid();
    pthread_setname_np(pthread_self(), "other");
    wants();
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    if (argc < 2)
        return 2;
    kind = argv[1];
    pthread_spin_init(&spin, 0);
    pthread_create(&threads[0], NULL, keep, NULL);
    pthread_create(&threads[1], NULL, want, NULL);
    while (!keeper || !waiter)
        ;
    book("keeper %d\nwaiter %d\n", keeper, waiter);
    if (is_deadlock()) {
        while (!asks || !is_asleep(keeper) || !is_asleep(waiter))
            ;
        syscall(SYS_kill, getpid(), SIGKILL);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
