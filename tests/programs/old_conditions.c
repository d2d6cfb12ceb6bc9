/* A libc whose RTLD_NEXT finds the oldest version of a symbol, as glibc's did before 2.36: the
 * oldest pthread_cond_* take a pointer where the new ones have the condition itself. Prints the
 * answers of waits whose answers are known, and how many waits there were. */
#define _GNU_SOURCE
#include "book.h"
#include "lookup.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 500 };

static struct {
    pthread_cond_t condition;
    unsigned char guard[64];
} guarded = {PTHREAD_COND_INITIALIZER, {0}};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int turn, waits, timed_waits, old_versions;

static void *answer(const char *name, const char *version)
{
    void *old = !version ? in_libc(name, 1) : NULL;
    if (strncmp(name, "pthread_cond_", 13) != 0 || !old)
        return in_libc(name, 0);
    old_versions++;
    return old;
}

/* Deadlines an hour from now and an hour ago. */
static struct timespec deadline(clockid_t clock, int hours)
{
    struct timespec now;
    clock_gettime(clock, &now);
    now.tv_sec += hours * 3600;
    return now;
}

static void *player(void *argument)
{
    int me = argument != NULL;
    struct timespec later = deadline(CLOCK_REALTIME, 1);
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < ROUNDS; i++) {
        while (turn % 2 != me)
            if (me) {
                waits++;
                pthread_cond_wait(&guarded.condition, &mutex);
            } else {
                timed_waits++;
                pthread_cond_timedwait(&guarded.condition, &mutex, &later);
            }
        turn++;
        pthread_cond_signal(&guarded.condition);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* A deadline that is over only by the clock that the condition was made for. */
static int monotonic_wait(void)
{
    pthread_cond_t condition;
    pthread_condattr_t attributes;
    struct timespec past = deadline(CLOCK_MONOTONIC, 0);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition, &attributes);
    timed_waits++;
    int answered = pthread_cond_timedwait(&condition, &mutex, &past);
    pthread_cond_destroy(&condition);
    return answered;
}

int main(void)
{
    pthread_t threads[2];
    struct timespec past = deadline(CLOCK_REALTIME, -1), invalid = {0, -1};
    int held, touched = 0;
    alarm(30); /* a waiter that is never woken */
    pthread_mutex_lock(&mutex);
    timed_waits += 2;
    int timed = pthread_cond_timedwait(&guarded.condition, &mutex, &past);
    int refused = pthread_cond_timedwait(&guarded.condition, &mutex, &invalid);
    int monotonic = monotonic_wait();
    held = pthread_mutex_trylock(&mutex);
    pthread_mutex_unlock(&mutex);
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, player, (void *)i);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < sizeof guarded.guard; i++)
        touched += guarded.guard[i] != 0;
    book("timed %d\nrefused %d\nmonotonic %d\nheld %d\nturns %d\ntouched %d\n", timed == ETIMEDOUT,
         refused == EINVAL, monotonic == ETIMEDOUT, held == EBUSY, turn, touched);
    book("waits %d\ntimed_waits %d\nold_versions %d\n", waits, timed_waits, old_versions);
    return 0;
}
