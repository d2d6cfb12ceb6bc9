/* Locks: the rows of calls/locks.def. A free lock is taken by trylock and costs no clock (H22).
 * What is known of a lock is in a table that is indexed by its address: where it was last taken,
 * and, once somebody has had to wait for it, when. Two locks that share an entry spoil each other's
 * durations, never anything else: an entry that names another lock tells nothing. */
#include "preload/locks.h"
#include "preload/wrap.h"

#include <limits.h>
#include <stdatomic.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    WRAP(category, result, type, name, parameters, arguments, fields)
#define SPAN(category, name, fields)
#include "preload/calls/locks.def"

struct lock_use {
    const volatile void *lock;
    const void *caller; /* of who took it last */
    uint64_t since;     /* the tick of that; 0: not timed */
    uint32_t waiting;   /* threads that wait for it now */
    uint16_t timed;     /* somebody has waited for it before */
    uint16_t waited;    /* whoever has it had to wait for it */
};

enum { LOCK_USES_BITS = 11 };
static struct lock_use uses[1 << LOCK_USES_BITS];
static int times_all, has_waited;

void locks_prepare(int record_all)
{
    times_all = record_all;
}

/* Whoever else waited is not in the child. */
void locks_forked(void)
{
    for (size_t i = 0; has_waited && i < sizeof uses / sizeof uses[0]; i++)
        if (uses[i].waiting) /* do not touch pages that hold nothing */
            uses[i].waiting = 0;
}

static inline struct lock_use *use_of(const volatile void *lock)
{
    return &uses[(uintptr_t)lock * UINT64_C(0x9e3779b97f4a7c15) >> (64 - LOCK_USES_BITS)];
}

/* Fields that other threads read or write: each is whole, together they are a hint. */
#define PUT(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELAXED)
#define GET(field)        __atomic_load_n(&(field), __ATOMIC_RELAXED)

static ALWAYS_INLINE void taken(const volatile void *lock, const void *caller, int is_again,
                                int waited)
{
    struct lock_use *use = use_of(lock);
    if (is_again && GET(use->lock) == lock)
        return; /* a recursive one that its owner has */
    PUT(use->lock, lock);
    PUT(use->caller, caller);
    if (__builtin_expect(GET(use->timed) | times_all, 0)) {
        PUT(use->waited, (uint16_t)waited);
        PUT(use->since, clock_tick());
    }
}

/* What is to be told of a lock that is about to be released. Its end is read before the release:
 * waking somebody up is no part of it, and right behind an atomic operation reading the counter
 * takes twice as long. */
struct hold {
    uint64_t since;
    uint64_t until; /* 0: nothing is to be told */
    const void *caller;
    uint32_t waiters;
};

static ALWAYS_INLINE struct hold releasing(const volatile void *lock)
{
    struct lock_use *use = use_of(lock);
    struct hold hold = {0, 0, NULL, 0};
    if (__builtin_expect(GET(use->since) && GET(use->lock) == lock, 0)) {
        hold = (struct hold){GET(use->since), 0, GET(use->caller), GET(use->waiting)};
        if (hold.waiters || GET(use->waited) || times_all)
            hold.until = clock_tick();
        PUT(use->since, 0);
    }
    return hold;
}

/* `failed`: it was not the caller's, and whoever has it still has. */
static ALWAYS_INLINE void released(const volatile void *lock, struct hold hold, int failed)
{
    if (__builtin_expect(hold.since == 0, 1))
        return;
    if (failed)
        PUT(use_of(lock)->since, hold.since);
    else if (hold.until)
        call_record_at(hold.until, NUMBER_lock_held, hold.since, 0,
                       F3(LOCK, lock, CODE, hold.caller, WAITERS, hold.waiters));
}

/* The way that glibc has a lock's owner: a thread id, or 0; of a robust mutex also what became of
 * it. */
enum { NOT_RECOVERABLE = INT_MAX - 1 };
static uint64_t mutex_owner(const pthread_mutex_t *mutex)
{
    int owner = GET(mutex->__data.__owner);
    return owner > 0 && owner < NOT_RECOVERABLE ? (uint64_t)owner : 0;
}
/* Of a mutex that is lost for ever glibc's trylock says so, but keeps it: the next lock would never
 * end.
 */
static int may_try(const pthread_mutex_t *mutex)
{
    return GET(mutex->__data.__owner) != NOT_RECOVERABLE;
}
static uint64_t rwlock_owner(const pthread_rwlock_t *lock)
{
    return (uint64_t)GET(lock->__data.__cur_writer);
}
static uint64_t mtx_owner(const mtx_t *mutex)
{
    return mutex_owner((const pthread_mutex_t *)(const void *)mutex);
}
static int is_again(const pthread_mutex_t *mutex)
{
    return (mutex->__data.__kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP && mutex->__data.__count > 1;
}
static int mtx_is_again(const mtx_t *mutex)
{
    return is_again((const pthread_mutex_t *)(const void *)mutex);
}

/* Spin locks do not say whose they are. */
enum { SOMEBODY = -1 };
static uint64_t spin_owner(const volatile pthread_spinlock_t *lock)
{
    (void)lock;
    return (uint64_t)SOMEBODY;
}

/* The fields of a wait: the lock, who has it, and where that one took it. Readers of a rwlock are
 * not known, nor where they took it. */
static void look(const volatile void *lock, uint64_t owner, uint64_t *fields)
{
    struct lock_use *use = use_of(lock);
    int is_known = owner && GET(use->lock) == lock;
    fields[0] = (uint64_t)(uintptr_t)lock;
    fields[1] = owner == (uint64_t)SOMEBODY ? 0 : owner;
    fields[2] = is_known ? (uint64_t)(uintptr_t)GET(use->caller) : 0;
    struct slot_header *slot = thread_self->slot;
    if (slot) { /* for onlookers; in a child that a handler has just forked there may be none */
        slot->now.holder = fields[1];
        slot->now.code = fields[2];
    }
}

/* Whoever has the lock was not timed: now it is, from here on. */
static void is_timed_from(struct lock_use *use, uint64_t tick)
{
    uint64_t never = 0;
    __atomic_compare_exchange_n(&use->since, &never, tick, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* A wrapper that waits: `real_call` where trylock has not given us the lock. What trylock answers
 * instead is left to the real call, which knows deadlock checking. */
#define WAIT_FOR(name, lock, owner, real_call, is_taken, took)                                     \
    uint64_t fields[3];                                                                            \
    uint64_t begun = call_begin(NUMBER_##name, (uint64_t)(uintptr_t)(lock));                       \
    struct lock_use *use = use_of(lock);                                                           \
    uint64_t holder = owner;                                                                       \
    if (begun)                                                                                     \
        look(lock, holder, fields);                                                                \
    PUT(use->timed, 1);                                                                            \
    PUT(has_waited, 1);                                                                            \
    __atomic_fetch_add(&use->waiting, 1, __ATOMIC_RELAXED);                                        \
    if (begun && fields[2] && holder == (owner))                                                   \
        is_timed_from(use, begun);                                                                 \
    int answer = real_call;                                                                        \
    uint64_t word = RESULT_WORD_ERROR(answer);                                                     \
    __atomic_fetch_sub(&use->waiting, 1, __ATOMIC_RELAXED);                                        \
    if (is_taken(answer))                                                                          \
        took;                                                                                      \
    if (begun)                                                                                     \
        call_end(NUMBER_##name, begun, word, fields, 3);                                           \
    return answer;

#define IS_OURS(answer) ((answer) == 0 || (answer) == EOWNERDEAD)

/* Taking for writing, or the only way that there is: tracked until its release. */
#define TAKE(name, parameters, arguments, trylock, tries, owner, again)                            \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        if (!process_captures(CATEGORY_LOCKS))                                                     \
            return real.name arguments;                                                            \
        int tried = tries ? real.trylock(lock) : EBUSY;                                            \
        if (IS_OURS(tried)) {                                                                      \
            taken(lock, CALLER, again(lock), 0);                                                   \
            return tried;                                                                          \
        }                                                                                          \
        WAIT_FOR(name, lock, owner(lock), real.name arguments, IS_OURS,                            \
                 taken(lock, CALLER, again(lock), 1))                                              \
    }

/* Taking for reading: others may have it too, so nobody is asked how long. */
#define TAKE_SHARED(name, parameters, arguments, trylock, tries)                                   \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        if (!process_captures(CATEGORY_LOCKS))                                                     \
            return real.name arguments;                                                            \
        if (tries) {                                                                               \
            int tried = real.trylock(lock);                                                        \
            if (tried == 0)                                                                        \
                return tried;                                                                      \
        }                                                                                          \
        WAIT_FOR(name, lock, rwlock_owner(lock), real.name arguments, IS_OURS, (void)0)            \
    }

#define TRY(name, parameters, arguments, again)                                                    \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        int answer = real.name arguments;                                                          \
        if (IS_OURS(answer) && process_captures(CATEGORY_LOCKS))                                   \
            taken(lock, CALLER, again(lock), 0);                                                   \
        return answer;                                                                             \
    }

/* Recorded when the lock is free again, so that nobody waits for our sake. */
#define RELEASE(name, parameters, arguments, again)                                                \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        if (!process_captures(CATEGORY_LOCKS) || again(lock))                                      \
            return real.name arguments;                                                            \
        struct hold hold = releasing(lock);                                                        \
        int answer = real.name arguments;                                                          \
        released(lock, hold, answer);                                                              \
        return answer;                                                                             \
    }

#define NEVER(lock) 0

/* What glibc refuses even when the lock is free is left to it, and so is no time at all. (Not by a
 * comparison with NULL: its headers have told the compiler that there is none.) */
static int is_valid(clockid_t clock, const struct timespec *until)
{
    return is_plausible(until) && (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) &&
           until->tv_nsec >= 0 && until->tv_nsec < 1000000000;
}

TAKE(pthread_mutex_lock, (pthread_mutex_t * lock), (lock), pthread_mutex_trylock, may_try(lock),
     mutex_owner, is_again)
TAKE(pthread_mutex_timedlock, (pthread_mutex_t * lock, const struct timespec *until), (lock, until),
     pthread_mutex_trylock, may_try(lock), mutex_owner, is_again)
TAKE(pthread_mutex_clocklock,
     (pthread_mutex_t * lock, clockid_t clock, const struct timespec *until), (lock, clock, until),
     pthread_mutex_trylock, is_valid(clock, until) && may_try(lock), mutex_owner, is_again)
TRY(pthread_mutex_trylock, (pthread_mutex_t * lock), (lock), is_again)
RELEASE(pthread_mutex_unlock, (pthread_mutex_t * lock), (lock), is_again)

TAKE(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock), pthread_rwlock_trywrlock, 1,
     rwlock_owner, NEVER)
TAKE(pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const struct timespec *until),
     (lock, until), pthread_rwlock_trywrlock, is_valid(CLOCK_REALTIME, until), rwlock_owner, NEVER)
TAKE(pthread_rwlock_clockwrlock,
     (pthread_rwlock_t * lock, clockid_t clock, const struct timespec *until), (lock, clock, until),
     pthread_rwlock_trywrlock, is_valid(clock, until), rwlock_owner, NEVER)
TAKE_SHARED(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock), pthread_rwlock_tryrdlock, 1)
TAKE_SHARED(pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const struct timespec *until),
            (lock, until), pthread_rwlock_tryrdlock, is_valid(CLOCK_REALTIME, until))
TAKE_SHARED(pthread_rwlock_clockrdlock,
            (pthread_rwlock_t * lock, clockid_t clock, const struct timespec *until),
            (lock, clock, until), pthread_rwlock_tryrdlock, is_valid(clock, until))
TRY(pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock), NEVER)
RELEASE(pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock), NEVER)

EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
    return real.pthread_rwlock_tryrdlock(lock);
}

/* C11's, which libc does not make of the others where we would see it. Their 0 is success too. */
TAKE(mtx_lock, (mtx_t * lock), (lock), mtx_trylock, 1, mtx_owner, mtx_is_again)
TAKE(mtx_timedlock, (mtx_t * lock, const struct timespec *until), (lock, until), mtx_trylock, 1,
     mtx_owner, mtx_is_again)
TRY(mtx_trylock, (mtx_t * lock), (lock), mtx_is_again)
RELEASE(mtx_unlock, (mtx_t * lock), (lock), mtx_is_again)

TAKE(pthread_spin_lock, (pthread_spinlock_t * lock), (lock), pthread_spin_trylock, 1, spin_owner,
     NEVER)
TRY(pthread_spin_trylock, (pthread_spinlock_t * lock), (lock), NEVER)
RELEASE(pthread_spin_unlock, (pthread_spinlock_t * lock), (lock), NEVER)

/* Inside libc the mutex is released, and taken again before it returns (H63). */
#define WAIT_ON(name, parameters, arguments)                                                       \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        if (!process_captures(CATEGORY_LOCKS))                                                     \
            return real.name arguments;                                                            \
        released(mutex, releasing(mutex), 0);                                                      \
        uint64_t fields[] = {VALUE_CONDITION(condition), VALUE_LOCK(mutex)};                       \
        uint64_t begun = call_begin(NUMBER_##name, fields[0]);                                     \
        int answer = real.name arguments;                                                          \
        if (answer != EPERM) /* it was not the caller's */                                         \
            taken(mutex, CALLER, 0, 0);                                                            \
        if (begun)                                                                                 \
            call_end(NUMBER_##name, begun, RESULT_WORD_ERROR(answer), fields, 2);                  \
        return answer;                                                                             \
    }
WAIT_ON(pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t *mutex), (condition, mutex))
WAIT_ON(pthread_cond_timedwait,
        (pthread_cond_t * condition, pthread_mutex_t *mutex, const struct timespec *until),
        (condition, mutex, until))
WAIT_ON(pthread_cond_clockwait,
        (pthread_cond_t * condition, pthread_mutex_t *mutex, clockid_t clock,
         const struct timespec *until),
        (condition, mutex, clock, until))
WAIT_ON(cnd_wait, (cnd_t * condition, mtx_t *mutex), (condition, mutex))
WAIT_ON(cnd_timedwait, (cnd_t * condition, mtx_t *mutex, const struct timespec *until),
        (condition, mutex, until))

/* A semaphore that is not zero is taken without a clock; errno is as before then. Cancellation
 * comes first, as in libc. */
#define WAIT_SEMAPHORE(name, parameters, arguments, tries)                                         \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        if (process_captures(CATEGORY_LOCKS) && (tries)) {                                         \
            int saved = errno;                                                                     \
            pthread_testcancel();                                                                  \
            if (real.sem_trywait(semaphore) == 0)                                                  \
                return 0;                                                                          \
            errno = saved;                                                                         \
        }                                                                                          \
        WRAPPED(LOCKS, NUMBER, int, name, arguments, F1(LOCK, semaphore))                          \
    }
WAIT_SEMAPHORE(sem_wait, (sem_t * semaphore), (semaphore), 1)
WAIT_SEMAPHORE(sem_timedwait, (sem_t * semaphore, const struct timespec *until), (semaphore, until),
               is_valid(CLOCK_REALTIME, until))
WAIT_SEMAPHORE(sem_clockwait, (sem_t * semaphore, clockid_t clock, const struct timespec *until),
               (semaphore, clock, until), is_valid(clock, until))
