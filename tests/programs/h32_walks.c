/* h32_walks WAY: does things in the middle of a walk of its own stack, as a signal's handler could
 * at any instruction. The tracer's unwinder asks the loader of which module an address is, through
 * the function below; which it does once more when libraries come or go. Prints what the program
 * did that must be in the trace, stack by stack: "PATH CALLS". */
#define _GNU_SOURCE
#include "book.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern void __gmon_start__(void) __attribute__((weak)); /* the tracer's: a library has come */

static int (*find_really)(void *, struct dl_find_object *);
static volatile int countdown; /* lookups until one is interrupted */
static void (*volatile interrupt)(void);

int _dl_find_object(void *address, struct dl_find_object *result)
{
    if (countdown && --countdown == 0)
        interrupt();
    return find_really(address, result);
}

#define OPAQUE __attribute__((noinline, noclone))

/* One malloc whose walk is interrupted at a lookup, or not (0). */
OPAQUE static void allocate(int lookup)
{
    if (lookup && __gmon_start__)
        __gmon_start__();
    countdown = lookup;
    free(opaque(malloc(100)));
    countdown = 0;
}

/* ---- a fork: the child returns into the walk ---- */

static volatile pid_t child;

static void fork_plainly(void)
{
    child = fork();
}

static void do_nothing(void) {}

OPAQUE static void in_child(void)
{
    interrupt = do_nothing;
    allocate(0);
    allocate(3);
    __asm__ volatile("");
}

static int walk_on_in_child(void)
{
    int status, survived = 0;
    for (int lookup = 1; lookup <= 4; lookup++) {
        interrupt = fork_plainly;
        child = -1;
        allocate(lookup);
        if (child == 0) {
            in_child();
            _exit(0);
        }
        survived += child > 0 && waitpid(child, &status, 0) == child && status == 0;
    }
    book("in_child;allocate;malloc 8\n");
    book("main;walk_on_in_child;allocate;malloc 8\n"); /* half of them ended in a child */
    return survived != 4;
}

/* A child that nobody told the tracer of, and that goes on when its parent has left the walk and
 * made others. */
static int ends[2];
static jmp_buf outside;

static void fork_unseen(void)
{
    char byte;
    child = (pid_t)syscall(SYS_fork);
    if (child != 0)
        longjmp(outside, 1);
    syscall(SYS_read, ends[0], &byte, 1);
}

OPAQUE static void one(void)
{
    allocate(0);
    __asm__ volatile("");
}

OPAQUE static void another(void)
{
    one();
    allocate(0);
}

static int walk_on_unseen(void)
{
    int status = -1;
    syscall(SYS_pipe2, ends, 0);
    interrupt = fork_unseen;
    if (!setjmp(outside)) {
        allocate(1);
        syscall(SYS_exit_group, 0);
    }
    one();
    another();
    syscall(SYS_write, ends[1], "", 1);
    syscall(SYS_wait4, child, &status, 0, NULL);
    book("main;walk_on_unseen;one;allocate;malloc 1\n");
    book("another;one;allocate;malloc 1\nanother;allocate;malloc 1\n");
    return status;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*go)(void); /* not 0: something went wrong */
    } ways[] = {
        {"fork", walk_on_in_child},
        {"unseen", walk_on_unseen},
    };
    void *found = dlsym(RTLD_NEXT, "_dl_find_object");
    memcpy(&find_really, &found, sizeof found);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (argc > 1 && strcmp(argv[1], ways[i].name) == 0)
            return ways[i].go();
    return 2;
}
