/* Waiting until another thread really waits, without a sleep and without a call that is traced. */
#ifndef VT_TESTS_PROGRAMS_BLOCKED_H
#define VT_TESTS_PROGRAMS_BLOCKED_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Whether the thread is inside the futex system call. */
static inline int is_blocked(pid_t tid)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0 || syscall(SYS_read, fd, text, sizeof text - 1) <= 0)
        abort();
    syscall(SYS_close, fd);
    return text[0] != 'r' && strtol(text, NULL, 10) == SYS_futex; /* or "running" */
}

/* Whether the thread sleeps, in whatever call. */
__attribute__((no_instrument_function)) static inline int is_asleep(pid_t tid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0 || syscall(SYS_read, fd, text, sizeof text - 1) <= 0)
        abort();
    syscall(SYS_close, fd);
    const char *state = strrchr(text, ')');
    return state && state[2] == 'S';
}

/* *turn is another thread's word that what it does next blocks. */
static inline void wait_until_blocked(const volatile int *turn, int value,
                                      const volatile pid_t *tid)
{
    while (*turn != value || !is_blocked(*tid))
        syscall(SYS_sched_yield);
}

static inline void wait_until(const volatile int *turn, int value)
{
    while (*turn != value)
        syscall(SYS_sched_yield);
}

#endif
