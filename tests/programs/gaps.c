/* gaps WHAT [PROGRAM…]: does one thing that a tracer of libc's calls does not see, or not all of
 * (or that it does: "nothing", "failed_exec", "failed_spawn"). Prints "pid N" of the child, when
 * there is one, and passes its status on. */
#define _GNU_SOURCE
#include "book.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { OPENS = 20000 };

extern char **environ;
static char *nothing[] = {NULL};
static char **rest; /* the program and its arguments */

static int await(pid_t pid)
{
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 90;
    book("pid %d\n", pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 91;
}

static int by_exec(void)
{
    book("pid %d\n", (int)getpid());
    execv(rest[0], rest);
    return 92;
}

static int by_fork(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execv(rest[0], rest);
        _exit(93);
    }
    return await(pid);
}

static int by_spawn(void)
{
    pid_t pid = -1;
    return posix_spawn(&pid, rest[0], NULL, NULL, rest, environ) ? 94 : await(pid);
}

static int by_spawnp(void)
{
    pid_t pid = -1;
    return posix_spawnp(&pid, rest[0], NULL, NULL, rest, environ) ? 88 : await(pid);
}

static int by_vfork(void)
{
    pid_t pid = vfork();
    if (pid == 0) {
        execv(rest[0], rest);
        _exit(95);
    }
    return await(pid);
}

static int by_bare_fork(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execve(rest[0], rest, nothing);
        _exit(96);
    }
    return await(pid);
}

static int three_times(void)
{
    return by_spawn() | by_spawn() | by_spawn();
}

/* The child is there, and its exec is not. */
static int failed_exec(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execv("/nonexistent/program", rest);
        execvp("no-such-program-anywhere", rest);
        _exit(7);
    }
    return await(pid) == 7 ? 0 : 97;
}

static int failed_spawn(void)
{
    pid_t pid;
    return posix_spawn(&pid, "/nonexistent/program", NULL, NULL, rest, environ) == ENOENT ? 0 : 98;
}

static int loads(void *library)
{
    int (*use)(void) = library ? (int (*)(void))dlsym(library, "library_uses") : NULL;
    return use ? use() : 99;
}

static int deepbind(void)
{
    return loads(dlopen(rest[0], RTLD_NOW | RTLD_DEEPBIND));
}

static int namespace(void)
{
    return loads(dlmopen(LM_ID_NEWLM, rest[0], RTLD_NOW));
}

static int plain_library(void)
{
    return loads(dlopen(rest[0], RTLD_NOW));
}

static int raw_futex(void)
{
    uint32_t word = 1;
    for (int i = 0; i < 3; i++) /* the word is not 0: it does not wait */
        if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) != -1)
            return 80;
    return 0;
}

static int uring(void)
{
    struct io_uring_params parameters = {.flags = 0};
    long fd = syscall(SYS_io_uring_setup, 2, &parameters); /* may be refused */
    if (fd >= 0)
        close((int)fd);
    return 0;
}

/* A filter that allows everything. */
static int sandbox(void)
{
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {1, all};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return 81;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? 82 : 0;
}

/* What libseccomp does to find out what there is; nothing of it enters a sandbox. */
static int probe(void)
{
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL) != -1 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) != -1 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != -1)
        return 83;
    for (int i = 0; i < OPENS; i++)
        close(open("/dev/null", O_RDONLY));
    free(opaque(malloc(10)));
    return 0;
}

/* By a signal, after it has been stopped and sent on. */
static int stopped(void)
{
    int status = 0, ends[2];
    char byte;
    if (pipe(ends))
        return 86;
    pid_t pid = fork();
    if (pid == 0)
        for (;;) {
            if (write(ends[1], "x", 1) == 1) /* it is there, and in the trace */
                pause();
        }
    if (read(ends[0], &byte, 1) != 1 || kill(pid, SIGSTOP) ||
        waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status) || kill(pid, SIGCONT) ||
        waitpid(pid, &status, WCONTINUED) != pid || !WIFCONTINUED(status) || kill(pid, SIGTERM))
        return 84;
    return await(pid) == 91 ? 0 : 85;
}

static int none(void)
{
    free(opaque(malloc(10)));
    return 0;
}

static const struct way {
    const char *name;
    int (*does)(void);
} ways[] = {
    {"exec", by_exec},
    {"fork", by_fork},
    {"spawn", by_spawn},
    {"spawnp", by_spawnp},
    {"vfork", by_vfork},
    {"bare", by_bare_fork},
    {"three", three_times},
    {"failed_exec", failed_exec},
    {"failed_spawn", failed_spawn},
    {"deepbind", deepbind},
    {"dlmopen", namespace},
    {"dlopen", plain_library},
    {"futex", raw_futex},
    {"io_uring", uring},
    {"seccomp", sandbox},
    {"probe", probe},
    {"stopped", stopped},
    {"nothing", none},
};

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    rest = argv + 2;
    alarm(30);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(ways[i].name, argv[1]) == 0)
            return ways[i].does();
    return 2;
}
