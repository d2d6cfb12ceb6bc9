/* Every call of preload/calls/locks.def: see expected.h. Taking a lock is an event when it had to
 * be waited for, or failed; what has no event is answered as ever too. Waits are ended by a second
 * thread, when the first one is seen to wait; only the first one's events are told of. */
#define _GNU_SOURCE
#include "blocked.h"
#include "expected.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

#define APART __attribute__((noinline))

static const struct timespec past = {1, 0}, wrong = {0, 1000000000}, negative = {0, -1},
                             far = {1l << 40, 0};
static pid_t main_tid;

/* Makes a call that gives no event. */
#define QUIET(name, wanted, arguments)                                                             \
    do {                                                                                           \
        errno = UNTOUCHED;                                                                         \
        expect(name arguments == (wanted), #name " without an event");                             \
        expect(errno == UNTOUCHED, #name " sets errno");                                           \
    } while (0)

/* A lock, and who has it. */
static const char *lock_only(const void *lock)
{
    char *text = text_buffer();
    snprintf(text, 256, "'lock':'%p'", lock);
    return text;
}

static const char *held(const void *lock, pid_t holder, const char *name, const char *function)
{
    char *text = text_buffer();
    snprintf(text, 256, "'lock':'%p','holder_tid':%d,'holder':'%s','taken_in':'%s'", lock, holder,
             name, function);
    return text;
}

static const char *own(const void *lock, const char *function)
{
    return held(lock, main_tid, "surface_locks", function);
}

/* What is told when a lock is free again that its holder has waited for. */
static void was_waited_for(const void *lock, const char *function)
{
    EVENT("lock_held", "'lock':'%p','taken_in':'%s','waiters':0", lock, function);
}

/* ---- the second thread: does `first`, waits until the main thread is blocked, does `second` ----
 */

struct turn {
    void (*first)(void), (*second)(void);
};
static volatile int stage;
static volatile pid_t other_tid;

static void *other(void *argument)
{
    const struct turn *turn = argument;
    other_tid = gettid();
    pthread_setname_np(pthread_self(), "other");
    if (turn->first)
        turn->first();
    stage = 1;
    wait_until_blocked(&stage, 2, &main_tid);
    if (turn->second)
        turn->second();
    return NULL;
}

/* `call` of the main thread, between those two. */
#define BETWEEN(before, after, call)                                                               \
    do {                                                                                           \
        pthread_t thread_;                                                                         \
        stage = 0;                                                                                 \
        pthread_create(&thread_, NULL, other, &(struct turn){before, after});                      \
        wait_until(&stage, 1);                                                                     \
        stage = 2;                                                                                 \
        call;                                                                                      \
        pthread_join(thread_, NULL);                                                               \
    } while (0)

/* ---- mutexes ---- */

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER,
                       checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                       again = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, robust;

APART static void takes(void)
{
    expect(pthread_mutex_lock(&plain) == 0, "takes");
    __asm__ volatile(""); /* no tail call: the return address is in here */
}
static void gives(void)
{
    expect(pthread_mutex_unlock(&plain) == 0, "gives");
}
static void gives_what_it_has_not(void)
{
    expect(pthread_mutex_unlock(&checked) == EPERM, "unlock of another's mutex");
    expect(pthread_mutex_trylock(&checked) == EBUSY, "trylock of another's mutex");
}
static void dies_with_it(void)
{
    expect(pthread_mutex_lock(&robust) == 0, "robust");
}

APART static void mutexes(void)
{
    takes();
    QUIET(pthread_mutex_trylock, EBUSY, (&plain));
    TELLS(pthread_mutex_timedlock, ETIMEDOUT, (&plain, &past), "%s", own(&plain, "takes"));
    TELLS(pthread_mutex_timedlock, EINVAL, (&plain, &wrong), "%s", own(&plain, "takes"));
    TELLS(pthread_mutex_timedlock, EINVAL, (&plain, &negative), "%s", own(&plain, "takes"));
    TELLS(pthread_mutex_clocklock, ETIMEDOUT, (&plain, CLOCK_MONOTONIC, &past), "%s",
          own(&plain, "takes"));
    TELLS(pthread_mutex_clocklock, EINVAL, (&plain, CLOCK_REALTIME, &wrong), "%s",
          own(&plain, "takes"));
    TELLS(pthread_mutex_clocklock, EINVAL, (&plain, 999, &past), "%s", own(&plain, "takes"));
    QUIET(pthread_mutex_unlock, 0, (&plain));
    /* of a free one no time is looked at, but the clock is */
    QUIET(pthread_mutex_timedlock, 0, (&plain, &past));
    QUIET(pthread_mutex_unlock, 0, (&plain));
    QUIET(pthread_mutex_timedlock, 0, (&plain, &wrong));
    QUIET(pthread_mutex_unlock, 0, (&plain));
    QUIET(pthread_mutex_timedlock, 0, (&plain, bad_pointers[0]));
    QUIET(pthread_mutex_unlock, 0, (&plain));
    QUIET(pthread_mutex_clocklock, 0, (&plain, CLOCK_MONOTONIC, &past));
    QUIET(pthread_mutex_unlock, 0, (&plain));
    TELLS(pthread_mutex_clocklock, 0, (&plain, CLOCK_MONOTONIC, bad_pointers[0]), "%s",
          lock_only(&plain));
    QUIET(pthread_mutex_unlock, 0, (&plain));
    was_waited_for(&plain, "mutexes");
    TELLS(pthread_mutex_clocklock, EINVAL, (&plain, CLOCK_PROCESS_CPUTIME_ID, &far), "%s",
          lock_only(&plain));
    BETWEEN(
        takes, gives,
        TELLS(pthread_mutex_lock, 0, (&plain), "%s", held(&plain, other_tid, "other", "takes")));
    gives();
    was_waited_for(&plain, "mutexes");
}

/* The kinds that know their owner. */
APART static void kinds(void)
{
    pthread_mutexattr_t kind;
    QUIET(pthread_mutex_lock, 0, (&checked));
    TELLS(pthread_mutex_lock, EDEADLK, (&checked), "%s", own(&checked, "kinds"));
    BETWEEN(gives_what_it_has_not, NULL, (void)0);
    QUIET(pthread_mutex_unlock, 0, (&checked));
    QUIET(pthread_mutex_unlock, EPERM, (&checked));
    for (int i = 0; i < 3; i++)
        QUIET(pthread_mutex_lock, 0, (&again));
    QUIET(pthread_mutex_trylock, 0, (&again));
    for (int i = 0; i < 4; i++)
        QUIET(pthread_mutex_unlock, 0, (&again));
    QUIET(pthread_mutex_unlock, EPERM, (&again));
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < 2; i++) {
        pthread_mutex_init(&robust, &kind);
        BETWEEN(dies_with_it, NULL, (void)0);
        if (i == 0)
            QUIET(pthread_mutex_lock, EOWNERDEAD, (&robust));
        else
            QUIET(pthread_mutex_trylock, EOWNERDEAD, (&robust));
        if (i == 0)
            QUIET(pthread_mutex_consistent, 0, (&robust));
        QUIET(pthread_mutex_unlock, 0, (&robust));
        if (i == 0) {
            QUIET(pthread_mutex_lock, 0, (&robust));
            QUIET(pthread_mutex_unlock, 0, (&robust));
        }
    }
    TELLS(pthread_mutex_lock, ENOTRECOVERABLE, (&robust), "%s", lock_only(&robust));
    QUIET(pthread_mutex_trylock, ENOTRECOVERABLE, (&robust));
    SILENT(pthread_mutex_trylock);
    SILENT(pthread_mutex_unlock);
}

/* ---- conditions: these release the mutex and take it again (H63) ---- */

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void signals(void)
{
    expect(pthread_mutex_lock(&plain) == 0, "the mutex is free while its condition is waited for");
    expect(pthread_cond_signal(&condition) == 0, "pthread_cond_signal");
    expect(pthread_mutex_unlock(&plain) == 0, "unlock");
}

static void conditions(void)
{
    const char *both = formatted("'condition':'%p','lock':'%p'", &condition, &plain);
    QUIET(pthread_mutex_lock, 0, (&plain));
    BETWEEN(NULL, signals, TELLS(pthread_cond_wait, 0, (&condition, &plain), "%s", both));
    BETWEEN(NULL, signals,
            TELLS(pthread_cond_timedwait, 0, (&condition, &plain, &far), "%s", both));
    TELLS(pthread_cond_timedwait, ETIMEDOUT, (&condition, &plain, &past), "%s", both);
    TELLS(pthread_cond_timedwait, EINVAL, (&condition, &plain, &wrong), "%s", both);
    TELLS(pthread_cond_clockwait, ETIMEDOUT, (&condition, &plain, CLOCK_MONOTONIC, &past), "%s",
          both);
    TELLS(pthread_cond_clockwait, EINVAL, (&condition, &plain, 999, &past), "%s", both);
    TELLS(pthread_cond_clockwait, EINVAL, (&condition, &plain, CLOCK_MONOTONIC, &negative), "%s",
          both);
    QUIET(pthread_mutex_trylock, EBUSY, (&plain)); /* it is the caller's again */
    QUIET(pthread_mutex_unlock, 0, (&plain));
    TELLS(pthread_cond_timedwait, EPERM, (&condition, &checked, &past),
          "'condition':'%p','lock':'%p'", &condition, &checked);
}

/* ---- locks for reading and for writing ---- */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

APART static void writes(void)
{
    expect(pthread_rwlock_wrlock(&rwlock) == 0, "writes");
    __asm__ volatile("");
}
static void reads(void)
{
    expect(pthread_rwlock_rdlock(&rwlock) == 0, "reads");
}
static void rests(void)
{
    expect(pthread_rwlock_unlock(&rwlock) == 0, "rests");
}

APART static void rwlocks(void)
{
    const char *only = lock_only(&rwlock);
    writes();
    const char *all = own(&rwlock, "writes");
    QUIET(pthread_rwlock_tryrdlock, EBUSY, (&rwlock));
    QUIET(pthread_rwlock_trywrlock, EBUSY, (&rwlock));
    TELLS(pthread_rwlock_rdlock, EDEADLK, (&rwlock), "%s", all);
    TELLS(pthread_rwlock_wrlock, EDEADLK, (&rwlock), "%s", all);
    TELLS(pthread_rwlock_timedrdlock, EDEADLK, (&rwlock, &past), "%s", all);
    TELLS(pthread_rwlock_timedwrlock, EDEADLK, (&rwlock, &past), "%s", all);
    TELLS(pthread_rwlock_clockrdlock, EDEADLK, (&rwlock, CLOCK_MONOTONIC, &past), "%s", all);
    TELLS(pthread_rwlock_clockwrlock, EDEADLK, (&rwlock, CLOCK_REALTIME, &past), "%s", all);
    rests();
    /* invalid arguments of a free one */
    TELLS(pthread_rwlock_timedrdlock, EINVAL, (&rwlock, &wrong), "%s", only);
    TELLS(pthread_rwlock_timedwrlock, EINVAL, (&rwlock, &negative), "%s", only);
    TELLS(pthread_rwlock_clockrdlock, EINVAL, (&rwlock, 999, &far), "%s", only);
    TELLS(pthread_rwlock_clockwrlock, EINVAL, (&rwlock, CLOCK_MONOTONIC, &wrong), "%s", only);
    TELLS(pthread_rwlock_timedrdlock, 0, (&rwlock, bad_pointers[0]), "%s", only);
    rests();
    /* valid ones, and nobody to wait for */
    QUIET(pthread_rwlock_timedwrlock, 0, (&rwlock, &past));
    rests();
    QUIET(pthread_rwlock_clockwrlock, 0, (&rwlock, CLOCK_MONOTONIC, &past));
    rests();
    QUIET(pthread_rwlock_trywrlock, 0, (&rwlock));
    rests();
    QUIET(pthread_rwlock_timedrdlock, 0, (&rwlock, &past));
    QUIET(pthread_rwlock_clockrdlock, 0, (&rwlock, CLOCK_REALTIME, &past));
    QUIET(pthread_rwlock_tryrdlock, 0, (&rwlock));
    QUIET(pthread_rwlock_trywrlock, EBUSY, (&rwlock));
    /* of readers nothing is known */
    TELLS(pthread_rwlock_timedwrlock, ETIMEDOUT, (&rwlock, &past), "%s", only);
    TELLS(pthread_rwlock_clockwrlock, ETIMEDOUT, (&rwlock, CLOCK_MONOTONIC, &past), "%s", only);
    for (int i = 0; i < 3; i++)
        rests();
    const char *its = "the other's";
    BETWEEN(writes, rests,
            (its = held(&rwlock, other_tid, "other", "writes"),
             expect(pthread_rwlock_rdlock(&rwlock) == 0, "rdlock")));
    EVENT("pthread_rwlock_rdlock", "%s", its);
    rests();
    BETWEEN(
        writes, rests,
        (its = held(&rwlock, other_tid, "other", "writes"),
         expect(pthread_rwlock_clockrdlock(&rwlock, CLOCK_MONOTONIC, &far) == 0, "clockrdlock")));
    EVENT("pthread_rwlock_clockrdlock", "%s", its);
    rests();
    BETWEEN(reads, rests, expect(pthread_rwlock_wrlock(&rwlock) == 0, "wrlock"));
    EVENT("pthread_rwlock_wrlock", "%s", only);
    rests();
    was_waited_for(&rwlock, "rwlocks");
    SILENT(pthread_rwlock_tryrdlock);
    SILENT(pthread_rwlock_trywrlock);
    SILENT(pthread_rwlock_unlock);
}

/* ---- spinning, meeting, counting ---- */

static pthread_spinlock_t spin;
static clockid_t main_clock;

static double spent(void)
{
    struct timespec time;
    clock_gettime(main_clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A thread that spins is not blocked: it is busy. */
static void *spins(void *argument)
{
    expect(pthread_spin_lock(&spin) == 0, "pthread_spin_lock");
    stage = 1;
    wait_until(&stage, 2);
    for (double start = spent(); spent() - start < 0.005;)
        syscall(SYS_sched_yield);
    expect(pthread_spin_unlock(&spin) == 0, "pthread_spin_unlock");
    return argument;
}

static void no_owners(void)
{
    pthread_t thread;
    pthread_barrier_t barrier;
    pthread_spin_init(&spin, 0);
    pthread_getcpuclockid(pthread_self(), &main_clock);
    QUIET(pthread_spin_lock, 0, (&spin));
    QUIET(pthread_spin_unlock, 0, (&spin));
    QUIET(pthread_spin_trylock, 0, (&spin));
    QUIET(pthread_spin_trylock, EBUSY, (&spin));
    QUIET(pthread_spin_unlock, 0, (&spin));
    stage = 0;
    pthread_create(&thread, NULL, spins, NULL);
    wait_until(&stage, 1);
    stage = 2;
    TELLS(pthread_spin_lock, 0, ((stage = 2, &spin)), "'lock':'%p','taken_in':'spins'",
          (void *)&spin);
    pthread_join(thread, NULL);
    SILENT(pthread_spin_trylock);
    SILENT(pthread_spin_unlock);
    pthread_barrier_init(&barrier, NULL, 1);
    CALLS(pthread_barrier_wait, PTHREAD_BARRIER_SERIAL_THREAD, (&barrier), "%s",
          lock_only(&barrier));
}

static void on_signal(int number)
{
    (void)number;
}

static void semaphores(void)
{
    sem_t semaphore;
    const char *only = lock_only(&semaphore);
    sem_init(&semaphore, 0, 3);
    QUIET(sem_wait, 0, (&semaphore));
    QUIET(sem_timedwait, 0, (&semaphore, &past));
    FAILS(sem_timedwait, EINVAL, (&semaphore, &wrong), "%s", only);
    FAILS(sem_clockwait, EINVAL, (&semaphore, 999, &past), "%s", only);
    FAILS(sem_clockwait, EINVAL, (&semaphore, CLOCK_MONOTONIC, &negative), "%s", only);
    QUIET(sem_clockwait, 0, (&semaphore, CLOCK_MONOTONIC, &past));
    FAILS(sem_timedwait, ETIMEDOUT, (&semaphore, &past), "%s", only);
    FAILS(sem_clockwait, ETIMEDOUT, (&semaphore, CLOCK_MONOTONIC, &past), "%s", only);
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval often = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    FAILS(sem_wait, EINTR, (&semaphore), "%s", only);
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_DFL);
    alarm(30);
}

/* ---- C11's ---- */

static mtx_t mutex;
static cnd_t cnd;

APART static void takes_c11(void)
{
    expect(mtx_lock(&mutex) == thrd_success, "mtx_lock");
    __asm__ volatile("");
}
static void gives_c11(void)
{
    expect(mtx_unlock(&mutex) == thrd_success, "mtx_unlock");
}
static void signals_c11(void)
{
    takes_c11();
    expect(cnd_signal(&cnd) == thrd_success, "cnd_signal");
    gives_c11();
}

APART static void c11(void)
{
    mtx_init(&mutex, mtx_timed);
    cnd_init(&cnd);
    takes_c11();
    QUIET(mtx_trylock, thrd_busy, (&mutex));
    CALLS(mtx_timedlock, thrd_timedout, (&mutex, &past), "%s", own(&mutex, "takes_c11"));
    CALLS(mtx_timedlock, thrd_error, (&mutex, &wrong), "%s", own(&mutex, "takes_c11"));
    const char *both = formatted("'condition':'%p','lock':'%p'", &cnd, &mutex);
    CALLS(cnd_timedwait, thrd_timedout, (&cnd, &mutex, &past), "%s", both);
    CALLS(cnd_timedwait, thrd_error, (&cnd, &mutex, &wrong), "%s", both);
    BETWEEN(NULL, signals_c11, CALLS(cnd_wait, thrd_success, (&cnd, &mutex), "%s", both));
    gives_c11();
    QUIET(mtx_timedlock, thrd_success, (&mutex, &past));
    gives_c11();
    QUIET(mtx_trylock, thrd_success, (&mutex));
    gives_c11();
    BETWEEN(takes_c11, gives_c11,
            CALLS(mtx_lock, thrd_success, (&mutex), "%s",
                  held(&mutex, other_tid, "other", "takes_c11")));
    gives_c11();
    was_waited_for(&mutex, "c11");
    SILENT(mtx_trylock);
    SILENT(mtx_unlock);
}

int main(void)
{
    main_tid = gettid();
    alarm(30);
    mutexes();
    kinds();
    conditions();
    rwlocks();
    no_owners();
    semaphores();
    c11();
    return 0;
}
