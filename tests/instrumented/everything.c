/* A little of every category of events: functions, memory, I/O, threads, locks, processes, scopes.
 */
#define _GNU_SOURCE
#include "vitte_trace.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int waiting, done;

static void *wait_for_it(void *unused)
{
    pthread_mutex_lock(&mutex);
    waiting = 1;
    pthread_cond_signal(&changed);
    while (!done)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

/* One pthread_create, one pthread_setname_np, one pthread_join, and condition variables waited for.
 */
static void threads_and_locks(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_it, NULL);
    pthread_setname_np(thread, "waiter");
    pthread_mutex_lock(&mutex);
    while (!waiting)
        pthread_cond_wait(&changed, &mutex);
    done = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
}

static void memory(void)
{
    void *volatile block = malloc(123);
    block = realloc(block, 456);
    free(block);
}

static void files(void)
{
    char byte;
    int fd = open("/dev/zero", O_RDONLY);
    if (read(fd, &byte, 1) != 1)
        exit(3);
    close(fd);
    munmap(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
}

static void processes(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
}

static void scopes(void)
{
    VT_SCOPE("a scope");
    vt_instant("an instant", 0, NULL);
    vt_counter_int("a counter", 7);
}

int main(void)
{
    threads_and_locks();
    memory();
    files();
    processes();
    scopes();
    puts("done");
    return 0;
}
