/* A family of processes. h36_family METHOD THREADS BOOKS: for ROUNDS rounds the parent works, makes
 * a child by METHOD while THREADS threads work too, and goes on working (with an odd number of them
 * the parent's part is played by another thread than main's); the child works, opens a file that
 * its parent has opened and one of its own, and makes a grandchild the same way. Everyone writes
 * what it did to BOOKS. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum { ROUNDS = 4, THREAD_CALLS = 1500, STACK = 256 << 10 };

extern char **environ;
static const char *program, *books, *method;
static pthread_barrier_t barrier;
static volatile int sink;

__attribute__((noinline)) static void parent_work(int i)
{
    sink += i;
}
__attribute__((noinline)) static void thread_work(int i)
{
    sink -= i;
}
__attribute__((noinline)) static void child_work(int i)
{
    sink ^= i;
}
__attribute__((noinline)) static void grandchild_work(int i)
{
    sink |= i;
}

/* One line of the books; one write, so that lines of several processes do not mix. */
PLAIN static void book(const char *what, const char *name, long count)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%d %s %s %ld\n", (int)getpid(), what, name, count);
    int fd = open(books, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd < 0 || write(fd, line, (size_t)length) != length)
        abort();
    close(fd);
}

PLAIN static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
        abort();
    close(fd);
}

PLAIN static void expect_end(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "a child ended with %d\n", status);
        abort();
    }
}

PLAIN static pid_t make(int (*body)(void *), int round, const char *role);

PLAIN static int grandchild(void *data)
{
    int round = *(int *)data;
    for (int i = 0; i < 3 + round; i++)
        grandchild_work(i);
    book("calls", "grandchild_work", 3 + round);
    _exit(0);
}

PLAIN static int child(void *data)
{
    char own[64];
    int round = *(int *)data;
    for (int i = 0; i < 11 + round; i++) /* and two at the end */
        child_work(i);
    book("calls", "child_work", 13 + round);
    snprintf(own, sizeof own, "only-%d", (int)getpid());
    touch("shared");
    touch(own);
    book("opens", "shared", 1);
    book("opens", own, 1);
    expect_end(make(grandchild, round, "grandchild"));
    for (int i = 0; i < 2; i++)
        child_work(i);
    _exit(0);
}

PLAIN static pid_t spawn(const char *role, const char *number, int how)
{
    char *arguments[] = {(char *)program, (char *)method, (char *)role,
                         (char *)books,   (char *)number, NULL};
    pid_t pid = -1;
    if (how == 's' && posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0)
        abort();
    if (how == 'v' && (pid = vfork()) == 0) {
        execv(program, arguments);
        _exit(127);
    }
    return pid;
}

/* Makes a process that runs the body and ends. */
PLAIN static pid_t make(int (*body)(void *), int round, const char *role)
{
    char number[16];
    snprintf(number, sizeof number, "%d", round);
    if (strcmp(method, "posix_spawn") == 0)
        return spawn(role, number, 's');
    if (strcmp(method, "vfork") == 0)
        return spawn(role, number, 'v');
    if (strcmp(method, "clone") == 0) {
        static char stack[STACK] __attribute__((aligned(64)));
        return clone(body, stack + STACK, SIGCHLD, &round);
    }
    pid_t pid = strcmp(method, "fork") == 0    ? fork()
                : strcmp(method, "_Fork") == 0 ? _Fork()
#ifdef SYS_fork
                : strcmp(method, "raw_fork") == 0 ? (pid_t)syscall(SYS_fork)
#endif
                                                  : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        body(&round);
    return pid;
}

PLAIN static void *work_along(void *unused)
{
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < THREAD_CALLS; i++)
            thread_work(i);
    }
    return unused;
}

PLAIN static void *lead(void *data)
{
    int threads = *(int *)data;
    pthread_t thread[8];
    pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
    for (int i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, work_along, NULL);
    touch("shared");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 37; i++)
            parent_work(i);
        pthread_barrier_wait(&barrier);
        pid_t pid = make(child, round, "child");
        for (int i = 0; i < 5; i++)
            parent_work(i);
        expect_end(pid);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    book("calls", "parent_work", ROUNDS * (37 + 5));
    book("opens", "shared", 1);
    if (threads)
        book("calls", "thread_work", (long)threads * ROUNDS * THREAD_CALLS);
    return NULL;
}

PLAIN int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    program = argv[0];
    method = argv[1];
    books = argv[3];
    int round = argc > 4 ? atoi(argv[4]) : 0;
    if (strcmp(argv[2], "child") == 0)
        return child(&round);
    if (strcmp(argv[2], "grandchild") == 0)
        return grandchild(&round);
    int threads = atoi(argv[2]);
    pthread_t leader;
    if (threads % 2 == 0)
        lead(&threads);
    else if (pthread_create(&leader, NULL, lead, &threads) != 0 || pthread_join(leader, NULL) != 0)
        return 1;
    return 0;
}
