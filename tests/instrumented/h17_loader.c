/* The loader's lock against a lock of the program: one thread loads and unloads LIBRARY, whose
 * constructor takes the lock; one walks over the modules and takes it in there; two have the lock
 * while they do what a tracer may want the loader for: many calls, opens of new names, the first
 * call of another thread. (Not the making of one, nor its end: libc itself wants the loader for
 * these.) h17_loader LIBRARY. Prints how much was done. */
#define _GNU_SOURCE
#include "../programs/book.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define PLAIN __attribute__((no_instrument_function))

enum { ROUNDS = 20, CALLS = 6000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *library;
static long loads, walks, calls, opens, threads;
static int holding = 2; /* threads that still do */
static volatile int sink;

__attribute__((noinline)) static void held(int i)
{
    sink += i;
}

__attribute__((noinline)) static void walked(int i)
{
    sink ^= i;
}

PLAIN static void *load(void *unused)
{
    while (__atomic_load_n(&holding, __ATOMIC_ACQUIRE)) {
        void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
        if (!handle || dlclose(handle) != 0)
            abort();
        loads++;
    }
    return unused;
}

PLAIN static int visit(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info, (void)size, (void)data;
    pthread_mutex_lock(&mutex);
    walked(1);
    pthread_mutex_unlock(&mutex);
    return 1;
}

PLAIN static void *walk(void *unused)
{
    static const struct timespec a_little = {0, 20000};
    while (__atomic_load_n(&holding, __ATOMIC_ACQUIRE)) {
        walks += dl_iterate_phdr(visit, NULL);
        syscall(SYS_nanosleep, &a_little, NULL);
    }
    return unused;
}

struct helper {
    int go, done;
};

PLAIN static void wait_for(const int *flag)
{
    while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
        syscall(SYS_sched_yield);
}

PLAIN static void *help(void *argument)
{
    struct helper *helper = argument;
    wait_for(&helper->go);
    held(1);
    __atomic_store_n(&helper->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

PLAIN static void *hold(void *number)
{
    char name[64];
    for (int i = 0; i < ROUNDS; i++) {
        struct helper helper = {0, 0};
        pthread_t thread;
        if (pthread_create(&thread, NULL, help, &helper) != 0)
            abort();
        pthread_mutex_lock(&mutex);
        for (int k = 0; k < CALLS; k++)
            held(k);
        snprintf(name, sizeof name, "/no such file %d %d", *(int *)number, i);
        if (open(name, O_RDONLY) >= 0)
            abort();
        __atomic_store_n(&helper.go, 1, __ATOMIC_RELEASE);
        wait_for(&helper.done);
        opens++;
        threads++;
        calls += CALLS + 1;
        pthread_mutex_unlock(&mutex);
        pthread_join(thread, NULL);
    }
    __atomic_sub_fetch(&holding, 1, __ATOMIC_RELEASE);
    return NULL;
}

PLAIN int main(int argc, char **argv)
{
    static int numbers[2] = {1, 2};
    pthread_t all[4];
    char address[32];
    alarm(60);
    if (argc != 2)
        return 2;
    library = argv[1];
    snprintf(address, sizeof address, "%p", (void *)&mutex);
    setenv("H17_LOCK", address, 1);
    pthread_create(&all[0], NULL, load, NULL);
    pthread_create(&all[1], NULL, walk, NULL);
    pthread_create(&all[2], NULL, hold, &numbers[0]);
    pthread_create(&all[3], NULL, hold, &numbers[1]);
    for (int i = 0; i < 4; i++)
        pthread_join(all[i], NULL);
    book("loads %ld\nwalks %ld\ncalls %ld\nopens %ld\nthreads %ld\n", loads, walks, calls, opens,
         threads + 5);
    return 0;
}
