/* h47_sandbox WAY BY WORK: works a little, enters a seccomp sandbox, works a lot, and ends.
 * WAY strict: read, write, _exit and sigreturn alone; kill: a short list, and who makes another
 * call is killed; refuse: another call fails with EPERM.
 * BY prctl, syscall, or tsync (by syscall, and for the thread that is there too).
 * WORK calls: of a function, of malloc and free, of read; thread: the same in a thread that was
 * there before; new: a thread is made in the sandbox; fork: a child is; exit, or _exit.
 * paths: malloc and free from 2048 places.
 * Prints by raw system calls. Not there: anything that makes a system call of its own. */
#define _GNU_SOURCE
#include "../programs/book.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define PLAIN __attribute__((no_instrument_function))
#define LOAD(field)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))

enum { BEFORE = 100, AFTER = 60000, SIZE = 77, STATUS = 23 };

static const int list[] = {SYS_read,         SYS_write, SYS_exit,       SYS_exit_group,
                           SYS_rt_sigreturn, SYS_futex, SYS_sched_yield};
/* What a thread or a child needs beside it. */
static const int more[] = {SYS_clone,  SYS_clone3,         SYS_mmap,         SYS_mprotect,
                           SYS_munmap, SYS_madvise,        SYS_rseq,         SYS_set_robust_list,
                           SYS_wait4,  SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_set_tid_address};

static int zero;
static volatile int sink;
static _Atomic int go, done;

__attribute__((noinline)) static void called(int i)
{
    sink = sink + i;
}

PLAIN static void works(int times)
{
    char byte;
    for (int i = 0; i < times; i++) {
        called(i);
        free(opaque(malloc(SIZE)));
        if (i % 10 == 0 && read(zero, &byte, 1) != 1)
            _exit(41);
    }
}

/* Two calls, so that each path of them is a stack of its own. */
PLAIN __attribute__((noinline)) static int path(unsigned turns, int length)
{
    if (length == 0)
        free(opaque(malloc(SIZE)));
    else if (turns & 1)
        return path(turns >> 1, length - 1) + 1;
    else
        return path(turns >> 1, length - 1) + sink;
    return 0;
}

PLAIN static void *waits_and_works(void *argument)
{
    works(BEFORE);
    atomic_store(&done, 1);
    while (!atomic_load(&go))
        ;
    works(AFTER);
    return argument;
}

PLAIN static void *just_works(void *argument)
{
    works(AFTER);
    return argument;
}

PLAIN static struct sock_fprog *filter_for(const char *way, int with_more)
{
    static struct sock_filter code[64];
    static struct sock_fprog program = {0, code};
    unsigned n = 0,
             no = strcmp(way, "kill") == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
    code[n++] = (struct sock_filter)LOAD(nr);
    for (size_t i = 0;
         i < sizeof list / sizeof *list + (with_more ? sizeof more / sizeof *more : 0); i++) {
        size_t base = sizeof list / sizeof *list;
        unsigned number = (unsigned)(i < base ? list[i] : more[i - base]);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, no);
    program.len = (unsigned short)n;
    return &program;
}

PLAIN static long enter(const char *way, const char *by, int with_more)
{
    struct sock_fprog *filter = filter_for(way, with_more);
    if (strcmp(way, "strict") == 0)
        return strcmp(by, "prctl") == 0 ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)
                                        : syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -2;
    if (strcmp(by, "prctl") == 0)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                   strcmp(by, "tsync") == 0 ? SECCOMP_FILTER_FLAG_TSYNC : 0, filter);
}

PLAIN static int in_sandbox(const char *work, pthread_t thread)
{
    int status = 0;
    if (strcmp(work, "thread") == 0) {
        atomic_store(&go, 1);
        works(AFTER);
        return pthread_join(thread, NULL) ? 42 : 0;
    }
    if (strcmp(work, "new") == 0) {
        int failed = pthread_create(&thread, NULL, just_works, NULL);
        book("refused %d\n", failed);
        return failed ? 0 : pthread_join(thread, NULL) ? 43 : 0;
    }
    if (strcmp(work, "fork") == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            works(AFTER);
            _exit(7);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 7 << 8 ? 0 : 44;
    }
    for (unsigned i = 0; strcmp(work, "paths") == 0 && i < 2048; i++)
        sink = sink + path(i, 11);
    works(AFTER);
    return 0;
}

PLAIN int main(int argc, char **argv)
{
    pthread_t thread = 0;
    if (argc != 4)
        return 2;
    alarm(60);
    int strict = strcmp(argv[1], "strict") == 0, with_thread = strcmp(argv[3], "thread") == 0;
    int with_more = strcmp(argv[1], "kill") == 0 &&
                    (strcmp(argv[3], "new") == 0 || strcmp(argv[3], "fork") == 0 || with_thread);
    zero = open("/dev/zero", O_RDONLY);
    works(BEFORE);
    if (with_thread && pthread_create(&thread, NULL, waits_and_works, NULL))
        return 40;
    while (with_thread && !atomic_load(&done))
        sched_yield();
    long failed = enter(argv[1], argv[2], with_more);
    if (failed) {
        book("sandbox %ld %d\n", failed, errno);
        return 3;
    }
    failed = in_sandbox(argv[3], thread);
    book("failed %ld\nbefore %d\nafter %d\n", failed, BEFORE, AFTER);
    if (strict)
        syscall(SYS_exit, STATUS);
    if (strcmp(argv[3], "_exit") == 0)
        _exit(STATUS);
    return STATUS;
}
