/* Everything at once: stress SEED SECONDS [loose].
 *
 * Worker threads do random things for so long, each of which checks its own result: calls, longjmp,
 * exceptions, allocations, pipes, sockets, files, conditions, rwlocks, semaphores, short and
 * cancelled threads, libraries that come and go; and children by fork, _Fork, a raw clone,
 * posix_spawn, and vfork with exec, which do the same. Signals of timers come in between all the
 * time, with handlers that make calls. At the end the books are printed, one line
 *
 *     IMAGE PID NAME NUMBER
 *
 * for every number that is not 0, and the exit status says whether everything worked. The seed
 * decides what each thread does, not when.
 *
 * The books are exact: function calls (counted on entry), libc calls by how many came back and the
 * bytes of those that succeeded, threads. They stay exact over longjmp, exceptions and deferred
 * cancellation, because these end what was entered, and a call that is cancelled never comes back
 * and gives no event. They do not say how many mutexes were waited for.
 *
 * With "loose" the threads also do what leaves the books exact only up to a bound, and says how
 * often as the number "loose" of image 0: longjmp out of signal handlers, asynchronous
 * cancellation, SIGKILL, and forks inside of handlers. The bound is LOOSE_EACH (check_stress.c) for
 * each such act, over all processes together. closefrom is only called in children that are alone:
 * under the feet of other threads it costs the tracer blocks, which it counts as lost.
 *
 * No process outlives SECONDS + 30 (a timer with SIGKILL), no matter what. */
#define _GNU_SOURCE
#include "stress.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4, BLOCKS = 24, IMAGES = 8192, MOST_CALLS = 4 * 1000 * 1000 };
static const char BOOKS[] = "stress-books";

/* ---- the books ---- */

struct page {
    int pid;
    uint64_t numbers[STRESS_NUMBERS];
};

static struct books {
    int images, failures, loose;
    uint64_t calls; /* of all: a limit on what a trace may become */
    struct timespec until;
    char text[64 * 256]; /* what failed */
    struct page pages[IMAGES];
} * books;

static struct page *mine;

/* Only system calls that no tracer sees. */
PLAIN static void books_open(int fresh)
{
    long fd = syscall(SYS_openat, AT_FDCWD, BOOKS, O_RDWR | (fresh ? O_CREAT | O_TRUNC : 0), 0600);
    if (fresh)
        syscall(SYS_ftruncate, fd, sizeof *books);
    books = mmap(NULL, sizeof *books, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    syscall(SYS_close, fd);
    if (books == MAP_FAILED)
        syscall(SYS_exit_group, 99);
}

/* This process has a page of its own from here on. */
PLAIN static void page_begin(void)
{
    int number = __atomic_fetch_add(&books->images, 1, __ATOMIC_RELAXED);
    if (number >= IMAGES)
        syscall(SYS_exit_group, 98);
    mine = &books->pages[number];
    mine->pid = (int)syscall(SYS_getpid);
    stress_book(STRESS_THREADS, 1);
}

void stress_book(int number, uint64_t count)
{
    __atomic_fetch_add(&mine->numbers[number], count, __ATOMIC_RELAXED);
}

void stress_failed(const char *file, int line, const char *what)
{
    int saved = errno, number = __atomic_fetch_add(&books->failures, 1, __ATOMIC_RELAXED);
    if (number < 64) /* no stdio: it may be a handler */
        snprintf(books->text + 256 * number, 256, "%s:%d: %s (process %ld, errno %d)\n", file, line,
                 what, syscall(SYS_getpid), saved);
    errno = saved;
}

PLAIN static void loosely(void)
{
    __atomic_fetch_add(&books->loose, 1, __ATOMIC_RELAXED);
}

#define DONE(call, bytes)                                                                          \
    do {                                                                                           \
        int errno_ = errno;                                                                        \
        stress_book(CALL_##call, 1);                                                               \
        stress_book(BYTES_##call, (uint64_t)(bytes));                                              \
        errno = errno_;                                                                            \
    } while (0)

/* ---- chance ---- */

struct dice {
    uint64_t state;
};

PLAIN static unsigned draw(struct dice *dice, unsigned below)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ z >> 31) >> 32) % below;
}

/* ---- ends ---- */

PLAIN static int is_over(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > books->until.tv_sec ||
           (now.tv_sec == books->until.tv_sec && now.tv_nsec >= books->until.tv_nsec) ||
           __atomic_load_n(&books->calls, __ATOMIC_RELAXED) > MOST_CALLS;
}

/* Whatever happens, this process will not stay. */
PLAIN static void limit_life(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = books->until};
    timer_t timer;
    when.it_value.tv_sec += 30;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, TIMER_ABSTIME, &when, NULL) != 0)
        syscall(SYS_exit_group, 97);
}

/* ---- calls ---- */

static volatile int sink;

NOINLINE static void leaf(int i)
{
    BOOK(leaf);
    sink += i;
}

NOINLINE static int node(struct dice *dice, int depth)
{
    BOOK(node);
    int calls = 1;
    if (depth == 0) {
        leaf(calls);
        return 2;
    }
    for (unsigned i = draw(dice, 4); i > 0; i--)
        calls += node(dice, depth - 1);
    return calls;
}

PLAIN static void do_calls(struct dice *dice)
{
    uint64_t calls = 0;
    for (unsigned i = draw(dice, 10); i > 0; i--) {
        errno = 4711;
        calls += (uint64_t)node(dice, (int)draw(dice, 8));
        MUST(errno == 4711);
    }
    __atomic_fetch_add(&books->calls, calls, __ATOMIC_RELAXED);
}

NOINLINE static void jump_down(jmp_buf *back, int depth)
{
    BOOK(jump_down);
    if (depth == 0)
        longjmp(*back, 7);
    jump_down(back, depth - 1);
    stress_failed(__FILE__, __LINE__, "came back");
}

NOINLINE static void jump_back(int depth)
{
    BOOK(jump_back);
    jmp_buf back;
    volatile int there = depth;
    int answer = setjmp(back);
    if (answer == 0)
        jump_down(&back, depth);
    MUST(answer == 7 && there == depth);
    leaf(1);
}

PLAIN static void do_jumps(struct dice *dice)
{
    for (unsigned i = draw(dice, 10); i > 0; i--)
        jump_back((int)draw(dice, 12));
}

PLAIN static void do_exceptions(struct dice *dice)
{
    for (unsigned i = draw(dice, 5); i > 0; i--)
        MUST(catch_it((int)draw(dice, 12)));
}

/* ---- memory ---- */

struct block {
    unsigned char *at;
    size_t size;
    unsigned char byte;
};

NOINLINE static void *memory_malloc(size_t size)
{
    BOOK(memory_malloc);
    void *at = malloc(size);
    DONE(malloc, size);
    return at;
}

NOINLINE static void *memory_calloc(size_t size)
{
    BOOK(memory_calloc);
    unsigned char *at = calloc(1, size);
    DONE(calloc, size);
    MUST(at && at[0] == 0 && at[size - 1] == 0 && at[size / 2] == 0);
    return at;
}

NOINLINE static void *memory_aligned(size_t size)
{
    BOOK(memory_aligned);
    void *at = aligned_alloc(256, size);
    DONE(aligned_alloc, size);
    MUST(((uintptr_t)at & 255) == 0);
    return at;
}

NOINLINE static void *memory_realloc(void *at, size_t size)
{
    BOOK(memory_realloc);
    at = realloc(at, size);
    DONE(realloc, size);
    return at;
}

NOINLINE static void memory_free(void *at)
{
    BOOK(memory_free);
    DONE(free, 0);
    free(at);
}

PLAIN static int is_whole(const struct block *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block->at[i] != block->byte)
            return 0;
    return 1;
}

PLAIN static void drop(struct block *block)
{
    if (!block->at)
        return;
    MUST(is_whole(block, block->size));
    memset(block->at, 0xee, block->size);
    memory_free(block->at);
    block->at = NULL;
}

PLAIN static void do_memory(struct dice *dice, struct block *blocks)
{
    for (unsigned i = draw(dice, 40); i > 0; i--) {
        struct block *block = &blocks[draw(dice, BLOCKS)];
        size_t size = 1 + draw(dice, draw(dice, 30) ? 3000 : 200000), old = block->size;
        unsigned how = draw(dice, 5);
        if (how < 3) {
            drop(block);
            block->at = how == 0   ? memory_malloc(size)
                        : how == 1 ? memory_calloc(size)
                                   : memory_aligned(size);
        } else if (how == 3 && block->at) {
            block->at = memory_realloc(block->at, size);
            MUST(block->at && is_whole(block, old < size ? old : size));
        } else {
            drop(block);
            continue;
        }
        if (!block->at) {
            MUST(!"memory");
            continue;
        }
        block->size = size;
        block->byte = (unsigned char)draw(dice, 256);
        memset(block->at, block->byte, size);
    }
}

PLAIN static void drop_all(struct block *blocks)
{
    for (int i = 0; i < BLOCKS; i++)
        drop(&blocks[i]);
}

/* ---- input and output ---- */

NOINLINE static ssize_t io_read(int fd, void *buffer, size_t size)
{
    BOOK(io_read);
    ssize_t got = read(fd, buffer, size);
    DONE(read, got > 0 ? got : 0);
    return got;
}

NOINLINE static ssize_t io_write(int fd, const void *buffer, size_t size)
{
    BOOK(io_write);
    ssize_t put = write(fd, buffer, size);
    DONE(write, put > 0 ? put : 0);
    return put;
}

PLAIN static void let_go(int fd)
{
    MUST(close(fd) == 0);
    DONE(close, 0);
}

PLAIN static void all_out(int fd, const char *at, size_t size)
{
    while (size > 0) {
        ssize_t put = io_write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        MUST(put > 0);
        if (put <= 0)
            return;
        at += put;
        size -= (size_t)put;
    }
}

PLAIN static void all_in(int fd, char *at, size_t size)
{
    while (size > 0) {
        ssize_t got = io_read(fd, at, size);
        if (got < 0 && errno == EINTR)
            continue;
        MUST(got > 0);
        if (got <= 0)
            return;
        at += got;
        size -= (size_t)got;
    }
}

PLAIN static void do_pipes(struct dice *dice)
{
    int ends[2];
    char out[4000], in[sizeof out];
    int sockets = (int)draw(dice, 2);
    if ((sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) != 0) {
        MUST(!"a pipe");
        return;
    }
    for (unsigned i = draw(dice, 12); i > 0; i--) {
        size_t size = 1 + draw(dice, sizeof out);
        memset(in, 0, sizeof in);
        for (size_t k = 0; k < size; k++)
            out[k] = (char)draw(dice, 256);
        all_out(ends[1], out, size);
        all_in(ends[0], in, size);
        MUST(memcmp(in, out, size) == 0);
    }
    if (draw(dice, 2)) {
        int copy = dup(ends[1]);
        DONE(dup, 0);
        MUST(copy >= 0);
        all_out(copy, "x", 1);
        all_in(ends[0], in, 1);
        let_go(copy);
    }
    let_go(ends[0]);
    let_go(ends[1]);
}

PLAIN static void do_file(struct dice *dice)
{
    char name[64], out[2000], in[sizeof out];
    size_t size = 1 + draw(dice, sizeof out);
    snprintf(name, sizeof name, "stress-%ld-%u", syscall(SYS_gettid), draw(dice, 1000));
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    DONE(open, 0);
    MUST(fd >= 0);
    if (fd < 0)
        return;
    memset(out, (int)draw(dice, 256), size);
    ssize_t put = pwrite(fd, out, size, 100);
    DONE(pwrite, put > 0 ? put : 0);
    ssize_t got = pread(fd, in, sizeof in, 100);
    DONE(pread, got > 0 ? got : 0);
    MUST(put == (ssize_t)size && got == put && memcmp(in, out, size) == 0);
    let_go(fd);
    MUST(unlink(name) == 0);
}

/* ---- threads that wait for each other ---- */

PLAIN static int make_thread(pthread_t *thread, const pthread_attr_t *attributes,
                             void *(*routine)(void *), void *argument)
{
    int failed = pthread_create(thread, attributes, routine, argument);
    DONE(pthread_create, 0);
    MUST(!failed);
    if (!failed)
        stress_book(STRESS_THREADS, 1);
    return failed;
}

PLAIN static void *end_thread(pthread_t thread)
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

PLAIN static void do_exchange(struct dice *dice)
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

/* ---- threads that do not stay ---- */

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

PLAIN static void do_short_threads(struct dice *dice)
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

PLAIN static void wait_for_short_ones(void)
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

PLAIN static void do_cancel(struct dice *dice)
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

/* ---- libraries ---- */

static char here[PATH_MAX]; /* the folder of this program, with a slash */

PLAIN static void do_library(struct dice *dice)
{
    char path[PATH_MAX + 16];
    int depth = (int)draw(dice, 20);
    snprintf(path, sizeof path, "%s%c.so", here, "ab"[draw(dice, 2)]);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int (*work)(int) = library ? (int (*)(int))dlsym(library, "library_work") : NULL;
    MUST(work != NULL);
    if (!work)
        return;
    MUST(work(depth) == depth);
    MUST(dlclose(library) == 0);
}

/* ---- signals ---- */

static __thread int echo[2] = {-1, -1}; /* a pipe for the handler */

NOINLINE static void in_handler(int depth)
{
    BOOK(in_handler);
    if (depth)
        in_handler(depth - 1);
}

NOINLINE static void on_timer(int signal)
{
    BOOK(on_timer);
    int saved = errno;
    char byte = 'e';
    errno = 815 + signal;
    in_handler(3);
    MUST(errno == 815 + signal);
    if (echo[0] >= 0) {
        MUST(io_write(echo[1], &byte, 1) == 1);
        byte = 0;
        MUST(io_read(echo[0], &byte, 1) == 1 && byte == 'e');
        MUST(errno == 815 + signal);
    }
    errno = saved;
}

PLAIN static void handle(int signal, int flags)
{
    struct sigaction action = {.sa_handler = on_timer, .sa_flags = flags};
    sigaddset(&action.sa_mask, SIGUSR2); /* nobody jumps out of it, or is forked inside */
    sigaddset(&action.sa_mask, SIGPROF);
    MUST(sigaction(signal, &action, NULL) == 0);
}

struct timers {
    timer_t timer;
    void *stack;
};

/* Signals of a timer of its own for the calling thread, on a small stack of its own. */
PLAIN static void timer_begin(struct timers *timers, struct dice *dice)
{
    enum { STACK = 16384 };
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    long period = 300000 + (long)draw(dice, 3000) * 1000;
    struct itimerspec when = {{0, period}, {0, period}};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    timers->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = timers->stack, .ss_size = STACK};
    int ends[2];
    MUST(timers->stack != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
    MUST(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    echo[0] = ends[0];
    echo[1] = ends[1];
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timers->timer) == 0);
    MUST(timer_settime(timers->timer, 0, &when, NULL) == 0);
}

/* No more signals, and none that comes late. */
PLAIN static void timer_end(struct timers *timers)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    int ends[2] = {echo[0], echo[1]};
    timer_delete(timers->timer);
    echo[0] = echo[1] = -1;
    let_go(ends[0]);
    let_go(ends[1]);
    sigaltstack(&none, NULL);
    munmap(timers->stack, 16384);
}

/* ---- children ---- */

static char program[PATH_MAX];
static int is_alone; /* no other thread when this process was made: the loader may be used */

PLAIN static void reap(pid_t pid)
{
    int status = 0;
    pid_t got;
    while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    MUST(got == pid);
    if (status != 0) {
        char text[80];
        snprintf(text, sizeof text, "child %d ended with %#x", (int)pid, status);
        stress_failed(__FILE__, __LINE__, text);
    }
}

PLAIN static void act(struct dice *dice, struct block *blocks, int level);

/* What a child does by itself. `full`: fork ran its handlers, so malloc and threads may be used. */
NOINLINE static void in_child(uint64_t seed, int full, int level)
{
    BOOK(in_child);
    struct dice dice = {seed};
    struct block blocks[BLOCKS] = {{0}};
    for (unsigned i = 1 + draw(&dice, 6); i > 0; i--) {
        if (full) {
            act(&dice, blocks, level + 1);
        } else {
            do_calls(&dice);
            do_pipes(&dice);
        }
    }
    if (full)
        drop_all(blocks);
}

/* The threads of a process that replaces itself have all begun, and their makers have booked them.
 */
static int replacing_begun, replacing_booked;

PLAIN static void wait_until(const int *flag)
{
    while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
        sched_yield();
}

PLAIN static void *waits_for_ever(void *end)
{
    char byte;
    __atomic_store_n(&replacing_begun, 1, __ATOMIC_RELEASE);
    (void)!read(*(int *)end, &byte, 1);
    return end;
}

static char seed_text[32], level_text[16];
static char *const again[] = {program, "child", seed_text, level_text, NULL};

PLAIN static void *execs(void *unused)
{
    wait_until(&replacing_booked);
    execve(program, again, environ);
    MUST(!"exec");
    return unused;
}

/* From this thread or from another one, with one that idles, or without. */
PLAIN static void replace(struct dice *dice)
{
    static int ends[2];
    pthread_t thread;
    if (draw(dice, 3) == 0 && pipe2(ends, O_CLOEXEC) == 0 &&
        make_thread(&thread, NULL, waits_for_ever, &ends[0]) == 0)
        wait_until(&replacing_begun);
    int other = draw(dice, 3) == 0 && make_thread(&thread, NULL, execs, NULL) == 0;
    __atomic_store_n(&replacing_booked, 1, __ATOMIC_RELEASE);
    if (other)
        pause();
    execs(NULL);
}

PLAIN static void close_many(struct dice *dice)
{
    int from[2] = {3, 3};
    (void)!pipe2(from, O_CLOEXEC);
    echo[0] = echo[1] = -1;
    if (draw(dice, 2)) {
        closefrom(3);
        DONE(closefrom, 0);
    } else {
        MUST(close_range(3, ~0u, 0) == 0);
        DONE(close_range, 0);
    }
}

PLAIN static void forked_child(struct dice *dice, int full, int level)
{
    page_begin();
    limit_life();
    short_ones = 0;
    is_alone = 0;
    echo[0] = echo[1] = -1; /* its handlers have no pipe */
    uint64_t seed = dice->state ^ UINT64_C(0x5bd1e995);
    if (draw(dice, 3) == 0)
        close_many(dice);
    in_child(seed, full, level);
    wait_for_short_ones();
    if (full && draw(dice, 3) == 0)
        replace(dice);
    _exit(0); /* exit's lock may have been some other thread's when we were made */
}

PLAIN static void do_fork(struct dice *dice, int level)
{
    struct dice other = {dice->state + 1};
    unsigned how = draw(dice, 4);
    snprintf(seed_text, sizeof seed_text, "%u", draw(dice, 1000000));
    snprintf(level_text, sizeof level_text, "%d", level + 1);
    pid_t pid = how < 2    ? fork()
                : how == 2 ? _Fork()
                           : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        forked_child(&other, how < 2, level);
    if (how < 2)
        DONE(fork, 0);
    else if (how == 2)
        DONE(_Fork, 0);
    MUST(pid > 0);
    if (pid > 0)
        reap(pid);
}

/* Not in the trace: it happens on somebody else's memory. */
NOINLINE static void in_vfork(void)
{
    sink = sink + 1;
}

PLAIN NOINLINE static pid_t vforked(char *const *arguments)
{
    char byte = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        in_vfork();
        (void)!write(-1, &byte, 1);
        close(-1);
        execve(program, arguments, environ);
        _exit(127);
    }
    return pid;
}

PLAIN static void do_spawn(struct dice *dice, int level)
{
    char seed[32], deep[16];
    char *const arguments[] = {program, "child", seed, deep, NULL};
    pid_t pid = -1;
    snprintf(seed, sizeof seed, "%u", draw(dice, 1000000));
    snprintf(deep, sizeof deep, "%d", level + 1);
    if (draw(dice, 2)) {
        MUST(posix_spawn(&pid, program, NULL, NULL, arguments, environ) == 0);
        DONE(posix_spawn, 0);
    } else {
        pid = vforked(arguments);
        DONE(vfork, 0);
    }
    MUST(pid > 0);
    if (pid > 0)
        reap(pid);
}

/* ---- loose: what cannot be booked exactly ---- */

static int loose;
static __thread sigjmp_buf out_of_handler;
static __thread volatile int armed;
static __thread volatile int fork_armed, fork_child;

NOINLINE static void spin(struct dice *dice)
{
    BOOK(spin);
    __atomic_fetch_add(&books->calls, (uint64_t)node(dice, 6), __ATOMIC_RELAXED);
}

PLAIN static void jumps_out(int signal)
{
    (void)signal;
    if (armed) {
        armed = 0;
        siglongjmp(out_of_handler, 1);
    }
}

PLAIN static void do_jump_out(struct dice *dice)
{
    struct dice own = {dice->state};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
    struct itimerspec when = {{0, 0}, {0, 20000 + (long)draw(dice, 200000)}};
    timer_t timer;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    loosely();
    if (sigsetjmp(out_of_handler, 1) == 0) {
        armed = 1;
        timer_settime(timer, 0, &when, NULL);
        for (;;)
            spin(&own);
    }
    timer_delete(timer);
}

PLAIN static void *spins(void *argument)
{
    struct dice dice = {(uint64_t)(uintptr_t)argument};
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (;;)
        spin(&dice);
    return NULL;
}

PLAIN static void do_cancel_at_once(struct dice *dice)
{
    pthread_t thread;
    loosely();
    if (make_thread(&thread, NULL, spins, (void *)(uintptr_t)draw(dice, 1000)) != 0)
        return;
    usleep(draw(dice, 300));
    MUST(pthread_cancel(thread) == 0);
    MUST(end_thread(thread) == PTHREAD_CANCELED);
}

PLAIN static void do_kill(struct dice *dice)
{
    struct dice own = {dice->state};
    int status = 0;
    loosely();
    pid_t pid = fork();
    if (pid == 0) {
        page_begin();
        limit_life();
        for (;;)
            spin(&own);
    }
    DONE(fork, 0);
    usleep(draw(dice, 500));
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

PLAIN static void forks(int signal)
{
    (void)signal;
    int saved = errno;
    if (fork_armed) {
        fork_armed = 0;
        pid_t pid = _Fork();
        if (pid == 0) {
            page_begin();
            limit_life();
            fork_child = 1;
        } else {
            DONE(_Fork, 0);
            reap(pid);
            fork_child = 2;
        }
    }
    errno = saved;
}

/* The child goes on with what the handler interrupted. */
PLAIN static void do_fork_in_handler(struct dice *dice)
{
    struct dice own = {dice->state};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    struct itimerspec when = {{0, 0}, {0, 20000 + (long)draw(dice, 200000)}};
    timer_t timer;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    loosely();
    fork_child = 0;
    fork_armed = 1;
    timer_settime(timer, 0, &when, NULL);
    while (!fork_child)
        spin(&own);
    if (fork_child == 1)
        _exit(0);
    timer_delete(timer);
}

PLAIN static void handle_loosely(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(signal, &action, NULL);
}

PLAIN static void act_loosely(struct dice *dice)
{
    switch (draw(dice, 4)) {
    case 0:
        do_jump_out(dice);
        break;
    case 1:
        do_cancel_at_once(dice);
        break;
    case 2:
        do_kill(dice);
        break;
    default:
        do_fork_in_handler(dice);
    }
}

/* ---- what to do next ---- */

PLAIN static void act(struct dice *dice, struct block *blocks, int level)
{
    unsigned what = draw(dice, 100);
    if (loose && level == 0 && draw(dice, 20) == 0)
        act_loosely(dice);
    else if (what < 25)
        do_calls(dice);
    else if (what < 33)
        do_jumps(dice);
    else if (what < 38)
        do_exceptions(dice);
    else if (what < 55)
        do_memory(dice, blocks);
    else if (what < 65)
        do_pipes(dice);
    else if (what < 70)
        do_file(dice);
    else if (what < 77)
        do_exchange(dice);
    else if (what < 82)
        do_short_threads(dice);
    else if (what < 86)
        do_cancel(dice);
    else if (what < 91 && is_alone)
        do_library(dice);
    else if (what < 93 && level < 3)
        do_fork(dice, level);
    else if (what < 95 && level < 3)
        do_spawn(dice, level);
}

PLAIN static void *work(void *argument)
{
    struct dice dice = {(uint64_t)(uintptr_t)argument};
    struct block blocks[BLOCKS] = {{0}};
    struct timers timers;
    timer_begin(&timers, &dice);
    while (!is_over())
        act(&dice, blocks, 0);
    drop_all(blocks);
    timer_end(&timers);
    return NULL;
}

PLAIN static void prepare(void)
{
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    strcpy(here, program);
    strrchr(here, '/')[1] = '\0';
    page_begin();
    limit_life();
    is_alone = 1;
    pthread_key_create(&key, last_words);
    handle(SIGUSR1, SA_RESTART | SA_ONSTACK);
    handle(SIGALRM, 0);
}

PLAIN static void print_books(void)
{
    static const char *const names[STRESS_NUMBERS] = {
#define FUNCTION(name, traced) [FUNCTION_##name] = "calls:" traced,
        STRESS_FUNCTIONS(FUNCTION)
#undef FUNCTION
#define CALL(name) [CALL_##name] = #name, [BYTES_##name] = "bytes:" #name,
            STRESS_CALLS(CALL)
#undef CALL
                [STRESS_THREADS] = "threads",
    };
    for (int i = 0; i < books->images; i++)
        for (int k = 0; k < STRESS_NUMBERS; k++)
            if (books->pages[i].numbers[k])
                printf("%d %d %s\t%llu\n", i, books->pages[i].pid, names[k],
                       (unsigned long long)books->pages[i].numbers[k]);
    printf("0 %d loose\t%d\n", books->pages[0].pid, books->loose);
    fwrite(books->text, 1, strnlen(books->text, sizeof books->text), stderr);
    for (int i = 1; i < 64 && i < books->failures; i++)
        fputs(books->text + 256 * i, stderr);
}

/* A child that was made by exec: stress child SEED LEVEL. */
PLAIN static int be_child(char **argv)
{
    static const char ways[] = "re_q";
    struct dice dice = {strtoull(argv[2], NULL, 10) * UINT64_C(7919)};
    books_open(0);
    prepare();
    BOOK(main);
    in_child(dice.state, 1, atoi(argv[3]));
    wait_for_short_ones();
    switch (ways[draw(&dice, 4)]) {
    case 'e':
        exit(0);
    case '_':
        _exit(0);
    case 'q':
        quick_exit(0);
    default:
        return 0;
    }
}

int main(int argc, char **argv)
{
    pthread_t workers[WORKERS];
    struct itimerval often = {{0, 7000}, {0, 7000}}, never = {{0, 0}, {0, 0}};
    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return be_child(argv);
    if (argc < 3)
        return 2;
    loose = argc > 3;
    books_open(1);
    clock_gettime(CLOCK_MONOTONIC, &books->until);
    books->until.tv_sec += atoi(argv[2]);
    prepare();
    BOOK(main);
    if (loose) {
        handle_loosely(SIGUSR2, jumps_out);
        handle_loosely(SIGPROF, forks);
    }
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < WORKERS; i++) /* they take the signals: this thread is in one long call */
        make_thread(&workers[i], NULL, work,
                    (void *)(uintptr_t)(strtoull(argv[1], NULL, 10) * 1000 + (unsigned)i + 1));
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);
    for (int i = 0; i < WORKERS; i++)
        end_thread(workers[i]);
    setitimer(ITIMER_REAL, &never, NULL);
    wait_for_short_ones();
    print_books();
    return books->failures ? 1 : 0;
}
