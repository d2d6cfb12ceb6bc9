/* Threads one after the other, which all get the same pthread_t, each with a name of its own: given
 * by itself, through prctl, by its maker at once or when it runs, or by nobody. Each asks for a
 * file that has its name. Prints how many there were, and how many different handles they had. */
#define _GNU_SOURCE
#include "book.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { THREADS = 200, WAYS = 5 };

static int running, named;

static void wait_for(const int *flag)
{
    while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
        syscall(SYS_sched_yield);
}

static void *routine(void *argument)
{
    char name[16];
    int number = (int)(intptr_t)argument, way = number % WAYS;
    snprintf(name, sizeof name, way == 4 ? "h26_names" : "thread %d", number);
    if (way == 0)
        pthread_setname_np(pthread_self(), name);
    else if (way == 1)
        prctl(PR_SET_NAME, name);
    __atomic_store_n(&running, 1, __ATOMIC_RELEASE);
    if (way == 2 || way == 3)
        wait_for(&named);
    if (open(name, O_RDONLY) >= 0)
        abort();
    return NULL;
}

int main(void)
{
    pthread_t thread, before = 0;
    int handles = 0;
    alarm(60);
    for (int i = 0; i < THREADS; i++) {
        char name[16];
        snprintf(name, sizeof name, "thread %d", i);
        running = named = 0;
        if (pthread_create(&thread, NULL, routine, (void *)(intptr_t)i) != 0)
            return 1;
        if (i % WAYS == 3)
            wait_for(&running);
        if (i % WAYS == 2 || i % WAYS == 3)
            pthread_setname_np(thread, name);
        __atomic_store_n(&named, 1, __ATOMIC_RELEASE);
        pthread_join(thread, NULL);
        handles += thread != before;
        before = thread;
    }
    book("threads %d\nhandles %d\n", THREADS, handles);
    return 0;
}
