/* Threads that wait for each other, threads that do not stay, and threads that are cancelled where
 * they block. */
#include "parts.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int make_thread(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                void *argument)
{
    int failed = pthread_create(thread, attributes, routine, argument);
    DONE(pthread_create, 0);
    MUST(!failed);
    if (!failed)
        stress_book(STRESS_THREADS, 1);
    return failed;
}

void *end_thread(pthread_t thread)
{
    void *result = NULL;
    MUST(pthread_join(thread, &result) == 0);
    DONE(pthread_join, 0);
    return result;
}

struct exchange {
    pthread_mutex_t mutex;
    pthread_cond_t not_empty, not_full;
    pthread_rwlock_t table_lock;
    sem_t token, back;
    unsigned queue[4], length, count;
    unsigned one, other; /* the table: always equal */
};

PLAIN static void wait_for(pthread_cond_t *condition, pthread_mutex_t *mutex, int timed)
{
    struct timespec soon;
    if (timed) {
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 200000;
        soon.tv_sec += soon.tv_nsec / 1000000000;
        soon.tv_nsec %= 1000000000;
        int answer = pthread_cond_timedwait(condition, mutex, &soon);
        MUST(answer == 0 || answer == ETIMEDOUT);
        DONE(pthread_cond_timedwait, 0);
    } else {
        MUST(pthread_cond_wait(condition, mutex) == 0);
        DONE(pthread_cond_wait, 0);
    }
}

NOINLINE static void queue_put(struct exchange *exchange, unsigned value)
{
    BOOK(queue_put);
    MUST(pthread_mutex_lock(&exchange->mutex) == 0);
    while (exchange->length == 4)
        wait_for(&exchange->not_full, &exchange->mutex, value % 3 == 0);
    exchange->queue[exchange->length++] = value;
    pthread_cond_signal(&exchange->not_empty);
    MUST(pthread_mutex_unlock(&exchange->mutex) == 0);
}

NOINLINE static unsigned queue_take(struct exchange *exchange)
{
    BOOK(queue_take);
    MUST(pthread_mutex_lock(&exchange->mutex) == 0);
    while (exchange->length == 0)
        wait_for(&exchange->not_empty, &exchange->mutex, exchange->count % 3 == 0);
    unsigned value = exchange->queue[0];
    memmove(exchange->queue, exchange->queue + 1, --exchange->length * sizeof value);
    pthread_cond_signal(&exchange->not_full);
    MUST(pthread_mutex_unlock(&exchange->mutex) == 0);
    return value;
}

NOINLINE static void table_write(struct exchange *exchange)
{
    BOOK(table_write);
    MUST(pthread_rwlock_wrlock(&exchange->table_lock) == 0);
    exchange->one++;
    leaf(1);
    exchange->other++;
    MUST(pthread_rwlock_unlock(&exchange->table_lock) == 0);
}

NOINLINE static void table_read(struct exchange *exchange)
{
    BOOK(table_read);
    MUST(pthread_rwlock_rdlock(&exchange->table_lock) == 0);
    MUST(exchange->one == exchange->other);
    MUST(pthread_rwlock_unlock(&exchange->table_lock) == 0);
}

NOINLINE static void token_pass(sem_t *take, sem_t *give)
{
    BOOK(token_pass);
    while (sem_wait(take) != 0)
        MUST(errno == EINTR);
    MUST(sem_post(give) == 0);
}

PLAIN static void *other_side(void *argument)
{
    struct exchange *exchange = argument;
    uintptr_t sum = 0;
    for (unsigned i = 0; i < exchange->count; i++) {
        sum += queue_take(exchange);
        table_read(exchange);
        token_pass(&exchange->token, &exchange->back);
    }
    return (void *)sum;
}

void do_exchange(struct dice *dice)
{
    struct exchange exchange = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                                .not_empty = PTHREAD_COND_INITIALIZER,
                                .not_full = PTHREAD_COND_INITIALIZER,
                                .table_lock = PTHREAD_RWLOCK_INITIALIZER,
                                .count = 1 + draw(dice, 20)};
    pthread_t thread;
    uintptr_t sum = 0;
    sem_init(&exchange.token, 0, 1);
    sem_init(&exchange.back, 0, 0);
    if (make_thread(&thread, NULL, other_side, &exchange) != 0)
        return;
    for (unsigned i = 0; i < exchange.count; i++) {
        queue_put(&exchange, i);
        sum += i;
        table_write(&exchange);
        token_pass(&exchange.back, &exchange.token);
    }
    MUST(end_thread(thread) == (void *)sum);
}

static pthread_key_t key;
static int short_ones; /* detached and still there */

/* The last thing that a detached thread books. */
NOINLINE static void last_words(void *value)
{
    BOOK(last_words);
    leaf(3);
    if (value != &key)
        __atomic_fetch_sub(&short_ones, 1, __ATOMIC_RELEASE);
}

NOINLINE static void *short_thread(void *argument)
{
    BOOK(short_thread);
    struct dice dice = {(uint64_t)(uintptr_t)argument};
    pthread_setspecific(key, argument);
    if (draw(&dice, 2))
        pthread_setname_np(pthread_self(), "short");
    node(&dice, 4);
    if (draw(&dice, 3) == 0)
        pthread_exit(argument);
    return argument;
}

void do_short_threads(struct dice *dice)
{
    pthread_attr_t detached;
    pthread_t threads[4];
    unsigned count = 1 + draw(dice, 4);
    for (unsigned i = 0; i < count; i++)
        if (make_thread(&threads[i], NULL, short_thread, &key) != 0)
            return;
    for (unsigned i = 0; i < count; i++)
        MUST(end_thread(threads[i]) == &key);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    __atomic_fetch_add(&short_ones, 1, __ATOMIC_RELAXED);
    if (make_thread(&threads[0], &detached, short_thread, (void *)(uintptr_t)(1 + draw(dice, 99))))
        __atomic_fetch_sub(&short_ones, 1, __ATOMIC_RELAXED);
    pthread_attr_destroy(&detached);
}

void threads_prepare(void)
{
    pthread_key_create(&key, last_words);
}

void forget_short_ones(void)
{
    short_ones = 0;
}

void wait_for_short_ones(void)
{
    while (__atomic_load_n(&short_ones, __ATOMIC_ACQUIRE) > 0)
        usleep(200);
}

/* A thread that blocks until it is cancelled; its calls never come back. */
struct victim {
    int ends[2];
    unsigned how, ready;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    sem_t semaphore;
};

NOINLINE static void clean_up(void *argument)
{
    BOOK(clean_up);
    struct victim *victim = argument;
    if (victim->how == 1)
        MUST(pthread_mutex_unlock(&victim->mutex) == 0);
    leaf(2);
}

PLAIN static void *blocks(void *argument)
{
    struct victim *victim = argument;
    char byte;
    pthread_setspecific(key, &key);
    if (victim->how == 1)
        pthread_mutex_lock(&victim->mutex);
    pthread_cleanup_push(clean_up, victim);
    __atomic_store_n(&victim->ready, 1, __ATOMIC_RELEASE);
    if (victim->how == 0) {
        while (read(victim->ends[0], &byte, 1) < 0) /* of a signal */
            DONE(read, 0);
    } else if (victim->how == 1) {
        for (;;)
            wait_for(&victim->condition, &victim->mutex, 0);
    } else {
        while (sem_wait(&victim->semaphore) != 0)
            MUST(errno == EINTR);
    }
    pthread_cleanup_pop(0);
    return NULL;
}

void do_cancel(struct dice *dice)
{
    struct victim victim = {.how = draw(dice, 3),
                            .mutex = PTHREAD_MUTEX_INITIALIZER,
                            .condition = PTHREAD_COND_INITIALIZER};
    pthread_t thread;
    sem_init(&victim.semaphore, 0, 0);
    if (pipe(victim.ends) != 0 || make_thread(&thread, NULL, blocks, &victim) != 0) {
        MUST(!"a victim");
        return;
    }
    while (draw(dice, 2) && !__atomic_load_n(&victim.ready, __ATOMIC_ACQUIRE))
        sched_yield();
    /* before it is ready, too: the cancellation waits until it blocks */
    MUST(pthread_cancel(thread) == 0);
    MUST(end_thread(thread) == PTHREAD_CANCELED);
    let_go(victim.ends[0]);
    let_go(victim.ends[1]);
}
