/* Two threads and a lock, in steps: "keeper", the first thread, and "visitor". Which way is said by
 * the argument; prints the book, "key number" a line. */
#define _GNU_SOURCE
#include "blocked.h"
#include "book.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>

#define APART __attribute__((noinline))

enum { ROUNDS = 50 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t again = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static mtx_t c11;
static volatile int turn;
static volatile pid_t keeper, visitor;

static void must(int answer)
{
    if (answer != 0)
        abort();
    __asm__ volatile(""); /* no tail calls */
}

APART static void keeps(void)
{
    must(pthread_mutex_lock(&mutex));
}

APART static void visits(void)
{
    must(pthread_mutex_lock(&mutex));
    must(pthread_mutex_unlock(&mutex));
}

/* ---- contended: twice, and each time the visitor really waits ---- */

static void *calls_twice(void *argument)
{
    visitor = gettid();
    must(pthread_setname_np(pthread_self(), "visitor"));
    for (int i = 0; i < 2; i++) {
        wait_until(&turn, 3 * i + 1);
        turn = 3 * i + 2;
        visits();
        turn = 3 * i + 3;
    }
    return argument;
}

static void contended(void)
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, calls_twice, NULL));
    for (int i = 0; i < 2; i++) {
        keeps();
        turn = 3 * i + 1;
        wait_until_blocked(&turn, 3 * i + 2, &visitor);
        must(pthread_mutex_unlock(&mutex));
        wait_until(&turn, 3 * i + 3);
    }
    must(pthread_join(thread, NULL));
}

/* ---- free: nobody waits for anything ---- */

APART static void takes_mutex(void)
{
    must(pthread_mutex_lock(&mutex));
    must(pthread_mutex_unlock(&mutex));
}
APART static void tries_mutex(void)
{
    must(pthread_mutex_trylock(&mutex));
    must(pthread_mutex_unlock(&mutex));
}
APART static void takes_again(void)
{
    for (int i = 0; i < 3; i++)
        must(pthread_mutex_lock(&again));
    must(pthread_mutex_trylock(&again));
    for (int i = 0; i < 4; i++)
        must(pthread_mutex_unlock(&again));
}
APART static void writes(void)
{
    must(pthread_rwlock_wrlock(&rwlock));
    must(pthread_rwlock_unlock(&rwlock));
}
APART static void reads(void)
{
    must(pthread_rwlock_rdlock(&rwlock));
    must(pthread_rwlock_unlock(&rwlock));
}
APART static void takes_c11(void)
{
    must(mtx_lock(&c11));
    must(mtx_unlock(&c11));
}
/* Unlocks that fail end nothing: the lock is held once, from its taking to its release. */
static void *cannot_unlock(void *argument)
{
    if (pthread_mutex_unlock(&checked) == 0)
        abort();
    return argument;
}
APART static void takes_checked(void)
{
    pthread_t thread;
    must(pthread_mutex_lock(&checked));
    must(pthread_create(&thread, NULL, cannot_unlock, NULL));
    must(pthread_join(thread, NULL));
    must(pthread_mutex_unlock(&checked));
}

static void free_locks(void)
{
    must(mtx_init(&c11, mtx_plain));
    for (int i = 0; i < ROUNDS; i++) {
        takes_mutex();
        tries_mutex();
        takes_again();
        writes();
        reads();
        takes_c11();
    }
    takes_checked();
    book("rounds %d\n", ROUNDS);
}

/* ---- a condition: while the keeper waits for it, the mutex is free ---- */

static void *signals(void *argument)
{
    visitor = gettid();
    must(pthread_setname_np(pthread_self(), "visitor"));
    wait_until_blocked(&turn, 1, &keeper);
    must(pthread_mutex_lock(&mutex));
    turn = 2;
    must(pthread_cond_signal(&condition));
    must(pthread_mutex_unlock(&mutex));
    return argument;
}

APART static void waits(void)
{
    turn = 1;
    while (turn != 2)
        must(pthread_cond_wait(&condition, &mutex));
}

static void of_condition(void)
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, signals, NULL));
    keeps();
    waits();
    must(pthread_mutex_unlock(&mutex));
    must(pthread_join(thread, NULL));
}

/* ---- a child: who waited in its parent does not in it ---- */

static void of_child(void)
{
    pthread_t thread;
    int status;
    must(pthread_create(&thread, NULL, calls_twice, NULL));
    keeps();
    turn = 1;
    wait_until_blocked(&turn, 2, &visitor);
    pid_t pid = fork();
    if (pid == 0) {
        must(pthread_mutex_unlock(&mutex));
        for (int i = 0; i < 3; i++)
            takes_mutex();
        struct timespec past = {1, 0};
        keeps();
        _exit(pthread_mutex_timedlock(&mutex, &past) == 0); /* an event, so that there is a child */
    }
    must(pthread_mutex_unlock(&mutex));
    wait_until(&turn, 3);
    turn = 4;
    must(pthread_join(thread, NULL));
    must(waitpid(pid, &status, 0) != pid || status != 0);
    book("child %d\n", pid);
}

/* ---- cancelled: a semaphore that is not zero is a cancellation point all the same ---- */

static sem_t semaphore;
static int (*volatile way_of_waiting)(sem_t *);

static int timed(sem_t *it)
{
    return sem_timedwait(it, &(struct timespec){1l << 40, 0});
}
static int by_clock(sem_t *it)
{
    return sem_clockwait(it, CLOCK_MONOTONIC, &(struct timespec){1l << 40, 0});
}

static void *is_cancelled(void *argument)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    turn = 1;
    wait_until(&turn, 2);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    way_of_waiting(&semaphore);
    return argument;
}

static void of_cancelled(void)
{
    static int (*const all[])(sem_t *) = {sem_wait, timed, by_clock};
    int cancelled = 0;
    must(sem_init(&semaphore, 0, 10));
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        void *end;
        turn = 0;
        way_of_waiting = all[i];
        must(pthread_create(&thread, NULL, is_cancelled, NULL));
        wait_until(&turn, 1);
        must(pthread_cancel(thread));
        turn = 2;
        must(pthread_join(thread, &end));
        cancelled += end == PTHREAD_CANCELED;
    }
    book("cancelled %d\n", cancelled);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {{"contended", contended},
                {"free", free_locks},
                {"condition", of_condition},
                {"child", of_child},
                {"cancelled", of_cancelled}};
    alarm(30);
    keeper = gettid();
    must(pthread_setname_np(pthread_self(), "keeper"));
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            ways[i].run();
    book("keeper %d\nvisitor %d\n", keeper, visitor);
    return 0;
}
