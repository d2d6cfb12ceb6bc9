/* confirm BOOK MODE: makes calls and confirms them in the mapped file BOOK (tests/confirmed.h).
 *
 *   storm          two threads, until somebody kills the process
 *   child          a child storms until it is killed; then the root makes 100 more blocks and
 * returns orphan         root and child storm; the child ends after 100 more blocks once it is told
 * to go on _exit, quick_exit, abort, segv, trap     100 blocks, then that, three calls deep
 *   overflow       recursion until the stack is full */
#define _GNU_SOURCE
#include "../confirmed.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct confirmed *book;
static volatile unsigned sink;

static __attribute__((noinline)) void inner(void)
{
    sink++;
}

static __attribute__((noinline)) void outer(void)
{
    inner();
    inner();
}

static __attribute__((noinline)) void block(struct worker *worker)
{
    for (int i = 0; i < BLOCK_CALLS / 2; i++)
        outer();
    CONFIRM(worker->calls, worker->calls + BLOCK_CALLS);
}

static struct worker *begin(int number)
{
    struct worker *worker = &book->workers[number];
    worker->tid = (uint32_t)gettid();
    CONFIRM(worker->pid, (uint32_t)getpid());
    return worker;
}

static void *storm(void *number)
{
    struct worker *worker = begin((int)(intptr_t)number);
    while (!CONFIRMED(book->go_on))
        if (worker->calls < CONFIRMED(book->limit))
            block(worker);
        else
            sched_yield();
    return NULL;
}

static void blocks(struct worker *worker, int count)
{
    for (int i = 0; i < count; i++)
        block(worker);
}

static __attribute__((noinline)) int deeper(struct worker *worker)
{
    volatile char frame[64] = {0};
    CONFIRM(worker->depth, worker->depth + 1);
    if (worker->depth < UINT64_MAX)
        frame[0] = (char)deeper(worker);
    return frame[0] + 1;
}

static __attribute__((noinline)) void end_inside(const char *how)
{
    if (strcmp(how, "_exit") == 0)
        _exit(7);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(8);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "segv") == 0)
        *(volatile int *)8 = 1;
    if (strcmp(how, "trap") == 0)
        __builtin_trap();
    if (strcmp(how, "overflow") == 0)
        deeper(&book->workers[0]);
}

static __attribute__((noinline)) void middle(const char *how)
{
    end_inside(how);
}

static void family(int orphan)
{
    pid_t pid = fork();
    if (pid == 0) {
        storm((void *)2);
        blocks(&book->workers[2], 100);
        _exit(0);
    }
    if (orphan)
        storm((void *)0);
    waitpid(pid, NULL, 0);
    blocks(begin(0), 100);
}

static void storms(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, storm, (void *)1);
    storm((void *)0);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    struct rlimit no_core = {0, 0};
    int fd = argc == 3 ? open(argv[1], O_RDWR) : -1;
    book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (book == MAP_FAILED)
        return 2;
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(120); /* nobody came to kill us */
    if (strcmp(argv[2], "storm") == 0) {
        storms();
    } else if (strcmp(argv[2], "child") == 0 || strcmp(argv[2], "orphan") == 0) {
        family(argv[2][0] == 'o');
    } else {
        blocks(begin(0), 100);
        middle(argv[2]);
    }
    return 0;
}
