/* Threads that are cancelled inside calls that block. Each has a cleanup handler and a key whose
 * destructor makes more calls: of an instrumented function, of malloc and free, of write. Prints
 * how many there were altogether. */
#define _GNU_SOURCE
#include "../programs/blocked.h"
#include "../programs/book.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define PLAIN __attribute__((no_instrument_function))

enum { SIZE = 777, WORK = 7 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_key_t key;
static pthread_t sleeper;
static int empty[2], full[2], null_fd, tid;
static long worked, cleaned, cancelled, held;

__attribute__((noinline)) static void work(void)
{
    void *block = opaque(malloc(SIZE));
    if (write(null_fd, "x", 1) == 1)
        worked++;
    free(block);
}

PLAIN static void clean(void *argument)
{
    for (int i = 0; i < WORK; i++)
        work();
    cleaned++;
    if (argument && pthread_mutex_unlock(argument) == 0)
        held++;
}

PLAIN static void last_words(void *value)
{
    (void)value;
    clean(NULL);
}

PLAIN static void wait_read(void)
{
    char byte;
    (void)!read(empty[0], &byte, 1);
}

PLAIN static void wait_write(void)
{
    static char bytes[4096];
    for (;;)
        (void)!write(full[1], bytes, sizeof bytes);
}

PLAIN static void wait_open(void)
{
    (void)!open("fifo", O_RDONLY);
}

PLAIN static void wait_condition(void)
{
    pthread_cond_wait(&condition, &mutex);
}

PLAIN static void wait_condition_until(void)
{
    struct timespec later = {0, 0};
    clock_gettime(CLOCK_REALTIME, &later);
    later.tv_sec += 3600;
    pthread_cond_timedwait(&condition, &mutex, &later);
}

PLAIN static void wait_join(void)
{
    pthread_join(sleeper, NULL);
}

static void (*const waits[])(void) = {wait_read,      wait_write,           wait_open,
                                      wait_condition, wait_condition_until, wait_join};
enum { WAITS = sizeof waits / sizeof waits[0] };

PLAIN static void *routine(void *argument)
{
    void (*wait)(void) = *(void (**)(void))argument;
    int locks = wait == wait_condition || wait == wait_condition_until;
    pthread_setspecific(key, &key);
    work();
    if (locks)
        pthread_mutex_lock(&mutex);
    pthread_cleanup_push(clean, locks ? &mutex : NULL);
    __atomic_store_n(&tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    wait();
    pthread_cleanup_pop(0);
    return NULL;
}

PLAIN static void cancel(size_t which)
{
    pthread_t thread;
    void *result = NULL;
    int waiter;
    tid = 0;
    pthread_create(&thread, NULL, routine, (void *)&waits[which]);
    while (!(waiter = __atomic_load_n(&tid, __ATOMIC_ACQUIRE)) || !is_asleep(waiter))
        syscall(SYS_sched_yield);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    cancelled += result == PTHREAD_CANCELED;
    work();
}

PLAIN static void *sleep_on(void *argument)
{
    char byte;
    (void)!read(empty[0], &byte, 1);
    return argument;
}

PLAIN int main(void)
{
    null_fd = open("/dev/null", O_WRONLY);
    if (pipe(empty) || pipe(full) || mkfifo("fifo", 0600))
        return 1;
    pthread_key_create(&key, last_words);
    pthread_create(&sleeper, NULL, sleep_on, NULL);
    for (size_t i = 0; i < WAITS; i++)
        cancel(i);
    pthread_cancel(sleeper);
    pthread_join(sleeper, NULL);
    book("threads %d\nsize %d\nworked %ld\ncleaned %ld\ncancelled %ld\nheld %ld\n", WAITS + 1, SIZE,
         worked, cleaned, cancelled, held);
    return 0;
}
