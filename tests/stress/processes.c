/* Children by fork, _Fork, a raw clone, posix_spawn and vfork, and programs that replace
 * themselves. Each does by itself what its parent does. */
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char program[PATH_MAX];
static int is_alone;
static volatile int sink;

void processes_prepare(void)
{
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    is_alone = 1;
}

const char *program_path(void)
{
    return program;
}

int was_made_alone(void)
{
    return is_alone;
}

void reap(pid_t pid)
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

void in_child(uint64_t seed, int full, int level)
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
    forget_echo();
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
    forget_short_ones();
    is_alone = 0;
    forget_echo();
    uint64_t seed = dice->state ^ UINT64_C(0x5bd1e995);
    if (draw(dice, 3) == 0)
        close_many(dice);
    in_child(seed, full, level);
    wait_for_short_ones();
    if (full && draw(dice, 3) == 0)
        replace(dice);
    _exit(0); /* exit's lock may have been some other thread's when we were made */
}

void do_fork(struct dice *dice, int level)
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

void do_spawn(struct dice *dice, int level)
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
