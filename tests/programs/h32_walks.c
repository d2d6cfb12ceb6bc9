/* h32_walks WAY: does things in the middle of a walk of its own stack, as a signal's handler could
 * at any instruction. The tracer's unwinder asks the loader of which module an address is, through
 * the function below; which it does once more when libraries come or go. Prints what the program
 * did that must be in the trace, stack by stack: "PATH CALLS". */
#define _GNU_SOURCE
#include "book.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

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

OPAQUE static void descend(int frames, int lookup)
{
    if (frames > 1)
        descend(frames - 1, lookup);
    else
        allocate(lookup);
    __asm__ volatile("");
}

/* ---- stacks in turn: what is interrupted is suspended, while another one walks ---- */

enum { ROUNDS = 2000, STACK_BYTES = 32 << 10 };

static char stacks[2][STACK_BYTES] __attribute__((aligned(4096)));
static ucontext_t turns[2], around;
static int turn, finished[2];

static void next_turn(void)
{
    int from = turn;
    turn = !from;
    swapcontext(&turns[from], &turns[turn]);
}

static void take_turns(int own)
{
    for (int i = 0; i < ROUNDS; i++)
        descend(1 + (i + 3 * own) % 9, 1 + i % (5 + own));
    finished[own] = 1;
    while (!finished[!own])
        next_turn();
}

OPAQUE static void first(void)
{
    take_turns(0);
    __asm__ volatile("");
}

OPAQUE static void second(void)
{
    take_turns(1);
    __asm__ volatile("");
}

static void prepare(ucontext_t *fiber, char *stack, void (*go)(void), ucontext_t *then)
{
    getcontext(fiber);
    fiber->uc_stack = (stack_t){.ss_sp = stack, .ss_size = STACK_BYTES};
    fiber->uc_link = then;
    makecontext(fiber, go, 0);
}

static int tell_turns(void)
{
    book("first;take_turns;descend %d\nsecond;take_turns;descend %d\n", ROUNDS, ROUNDS);
    book("descend;allocate;malloc %d\n", 2 * ROUNDS);
    return 0;
}

static int take_turns_on_fibers(void)
{
    interrupt = next_turn;
    prepare(&turns[0], stacks[0], first, &around);
    prepare(&turns[1], stacks[1], second, &around);
    swapcontext(&around, &turns[0]);
    return tell_turns();
}

static int take_turns_with_fiber(void)
{
    interrupt = next_turn;
    prepare(&turns[1], stacks[1], second, &turns[0]);
    next_turn(); /* so that it is the fiber that walks first */
    first();
    return tell_turns();
}

/* ---- a handler on a stack that lies in a frame of the thread's ---- */

static void handle(int number)
{
    (void)number;
    interrupt = do_nothing;
    allocate(0);
    allocate(2);
}

static void raise_signal(void)
{
    raise(SIGUSR1);
}

static int handle_on_alternative(void)
{
    char stack[STACK_BYTES];
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (int lookup = 1; lookup <= 4; lookup++) {
        interrupt = raise_signal;
        descend(6, lookup);
    }
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    book("handle_on_alternative;descend;descend;descend;descend;descend;descend;allocate;malloc "
         "4\nhandle;allocate;malloc 8\n");
    return 0;
}

/* ---- walks that are left, two at a time, on a stack that then goes ---- */

static void leave(void)
{
    longjmp(outside, 1);
}

static void walk_and_leave(void)
{
    interrupt = leave;
    descend(3, 1);
}

OPAQUE static void leave_two(void)
{
    interrupt = walk_and_leave;
    if (!setjmp(outside))
        descend(5, 1);
}

OPAQUE static void leave_often(void)
{
    for (int i = 0; i < 10; i++) {
        leave_two();
        descend(5, 0);
    }
    leave_two();
}

static int walk_behind_left_ones(void)
{
    char *pages =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    prepare(&turns[0], pages, leave_often, &around);
    swapcontext(&around, &turns[0]);
    munmap(pages, STACK_BYTES);
    descend(2, 0);
    book("leave_often;descend;descend;descend;descend;descend;allocate;malloc 10\n");
    book("walk_behind_left_ones;descend;descend;allocate;malloc 1\n");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*go)(void); /* not 0: something went wrong */
    } ways[] = {
        {"fork", walk_on_in_child},
        {"unseen", walk_on_unseen},
        {"fibers", take_turns_on_fibers},
        {"fiber", take_turns_with_fiber},
        {"alternative", handle_on_alternative},
        {"left", walk_behind_left_ones},
    };
    void *found = dlsym(RTLD_NEXT, "_dl_find_object");
    memcpy(&find_really, &found, sizeof found);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (argc > 1 && strcmp(argv[1], ways[i].name) == 0)
            return ways[i].go();
    return 2;
}
