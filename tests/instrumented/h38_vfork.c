/* vfork's children edit their parent's memory. h38_vfork HOW BOOKS: ROUNDS times a child calls
 * instrumented and wrapped functions, moves the parent's descriptor about (in its own table) and
 * ends, or execs this program again; the parent then looks at its stack and errno and goes on. HOW:
 * vfork; clone (CLONE_VM | CLONE_VFORK, on a stack of its own); late: as vfork, but in a raw fork's
 * child that has done nothing else before. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function, noinline))

enum { ROUNDS = 40, MARK = 4711, STACK = 128 << 10 };

static const char *program, *books;
static volatile int sink;

__attribute__((noinline)) static void parent_work(int i)
{
    sink += i;
}
__attribute__((noinline)) static void child_work(int i)
{
    sink ^= i;
}
__attribute__((noinline)) static void exec_work(int i)
{
    sink -= i;
}

PLAIN static void book(const char *what, const char *name, long count)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%d %s %s %ld\n", (int)getpid(), what, name, count);
    int fd = open(books, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd < 0 || write(fd, line, (size_t)length) != length)
        abort();
    close(fd);
}

PLAIN static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

struct round {
    int number, mine;
};

PLAIN static int child(void *data)
{
    const struct round *round = data;
    for (int i = 0; i < 10; i++)
        child_work(i);
    free(malloc(100));
    int own = open("child-file", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (own < 0 || dup2(own, round->mine) != round->mine || write(round->mine, "c", 1) != 1)
        _exit(99);
    close(round->mine);
    dup2(own, round->mine);
    close(own);
    if (round->number % 2)
        execl(program, program, "again", books, (char *)NULL);
    _exit(3);
}

PLAIN static pid_t make(const char *how, struct round *round)
{
    static char stack[STACK] __attribute__((aligned(64)));
    if (strcmp(how, "clone") == 0)
        return clone(child, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, round);
    volatile char guard[512];
    for (size_t i = 0; i < sizeof guard; i++)
        guard[i] = (char)(i * 7);
    pid_t pid = vfork();
    if (pid == 0)
        child(round);
    for (size_t i = 0; i < sizeof guard; i++)
        if (guard[i] != (char)(i * 7))
            fail("the stack has changed");
    return pid;
}

PLAIN static void lead(const char *how)
{
    struct round round = {0, open("parent-file", O_WRONLY | O_CREAT | O_APPEND, 0600)};
    for (; round.number < ROUNDS; round.number++) {
        int status = 0;
        errno = MARK;
        pid_t pid = make(how, &round);
        if (errno != MARK)
            fail("errno has changed");
        if (write(round.mine, "p", 1) != 1 || waitpid(pid, &status, 0) != pid)
            fail("the parent is lost");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != (round.number % 2 ? 5 : 3))
            fail("the child ended in another way");
        for (int i = 0; i < 3; i++)
            parent_work(i);
    }
    close(round.mine);
    book("calls", "parent_work", 3 * ROUNDS);
    book("calls", "child_work", 0);
    book("opens", "child-file", 0);
    book("opens", "parent-file", 1);
    book("writes", "parent-file", ROUNDS);
}

PLAIN int main(int argc, char **argv)
{
    int status;
    if (argc < 3)
        return 2;
    program = argv[0];
    books = argv[2];
    if (strcmp(argv[1], "again") == 0) {
        for (int i = 0; i < 4; i++)
            exec_work(i);
        book("calls", "exec_work", 4);
        return 5;
    }
    if (strcmp(argv[1], "late") != 0) {
        lead(argv[1]);
        return 0;
    }
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        if (vfork() == 0)
            _exit(0);
        if (vfork() == 0) {
            close(0);
            _exit(0);
        }
        lead("vfork");
        return 0;
    }
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}
