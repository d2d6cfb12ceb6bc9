/* A thread is stopped in the middle of an event, wherever that may be, and the others go on. A
 * helper process stops the thread again and again, by ptrace, which signal masks do not keep off;
 * whenever it finds it inside of the tracer's library (or of the kernel, called from there), the
 * other threads have to finish some work: calls that fill blocks, opens of new names, the start of
 * a thread. Only then may the thread go on. Prints the number of such stops, and what was done. */
#define _GNU_SOURCE
#include "../programs/book.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define PLAIN __attribute__((no_instrument_function))

enum { STOPS = 20, CALLS = 4000, OTHERS = 2, SECONDS = 30 };

/* Shared with the helper. */
static struct meeting {
    uint64_t low, high; /* the tracer's library */
    int victim, wanted, done[OTHERS], over, stops, ready;
} * meeting;

static long calls[OTHERS + 1];
static volatile int sink;

__attribute__((noinline)) static void victim_call(int i)
{
    sink += i;
}
__attribute__((noinline)) static void other_call(int i)
{
    sink -= i;
}

PLAIN static int see(const int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}
PLAIN static void say(int *flag, int value)
{
    __atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

PLAIN static void *nothing(void *argument)
{
    return argument;
}

/* New names and new threads: each takes something that there is once in the process. */
PLAIN static void ask_for_more(const char *who, int number)
{
    char name[64];
    pthread_t thread;
    snprintf(name, sizeof name, "/no such %s %d", who, number);
    if (open(name, O_RDONLY) >= 0 || pthread_create(&thread, NULL, nothing, NULL) != 0 ||
        pthread_join(thread, NULL) != 0)
        abort();
}

PLAIN static void *be_victim(void *unused)
{
    say(&meeting->victim, (int)syscall(SYS_gettid));
    for (int i = 0; !see(&meeting->over); i++) {
        victim_call(i);
        calls[OTHERS]++;
        if (i % 500 == 0)
            ask_for_more("victim", i);
    }
    return unused;
}

PLAIN static void *go_on(void *argument)
{
    int me = *(int *)argument;
    while (!see(&meeting->over)) {
        int wanted = see(&meeting->wanted);
        if (wanted == meeting->done[me]) {
            syscall(SYS_sched_yield);
            continue;
        }
        for (int i = 0; i < CALLS; i++)
            other_call(i);
        calls[me] += CALLS;
        ask_for_more("other", me * 1000000 + wanted);
        say(&meeting->done[me], wanted);
    }
    return NULL;
}

/* ---- the helper ---- */

PLAIN static void pause_for(long ns)
{
    struct timespec time = {0, ns};
    syscall(SYS_nanosleep, &time, NULL);
}

PLAIN static int is_inside(long tid)
{
    struct __ptrace_syscall_info info = {0};
    if (syscall(SYS_ptrace, PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) <= 0)
        return 0;
    return info.instruction_pointer >= meeting->low && info.instruction_pointer < meeting->high;
}

PLAIN static int all_done(void)
{
    for (int i = 0; i < OTHERS; i++)
        if (see(&meeting->done[i]) != meeting->wanted)
            return 0;
    return 1;
}

/* 0, or what went wrong. */
PLAIN static int stop_it(void)
{
    while (!see(&meeting->ready) || !see(&meeting->victim))
        pause_for(100000);
    long tid = meeting->victim;
    if (syscall(SYS_ptrace, PTRACE_SEIZE, tid, 0, 0) != 0)
        return 10;
    for (int tries = 0; tries < 20000 && meeting->stops < STOPS; tries++) {
        int status;
        pause_for(20000 + tries % 7 * 10000);
        if (syscall(SYS_ptrace, PTRACE_INTERRUPT, tid, 0, 0) != 0 ||
            syscall(SYS_wait4, tid, &status, __WALL, NULL) != tid)
            return 11;
        if (is_inside(tid)) {
            meeting->stops++;
            say(&meeting->wanted, meeting->wanted + 1);
            for (int i = 0; !all_done(); i++) {
                if (i == 10000)
                    return 12; /* 10 s: somebody waits for the stopped thread */
                pause_for(1000000);
            }
        }
        if (syscall(SYS_ptrace, PTRACE_CONT, tid, 0, 0) != 0)
            return 13;
    }
    return 0;
}

PLAIN static int find(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    if (!strstr(info->dlpi_name, "libvittetrace"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            meeting->low = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            meeting->high = meeting->low + info->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

PLAIN int main(void)
{
    static int numbers[OTHERS] = {0, 1};
    pthread_t victim, others[OTHERS];
    int status = 0;
    alarm(SECONDS + 30);
    meeting =
        mmap(NULL, sizeof *meeting, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    dl_iterate_phdr(find, NULL);
    /* by system calls alone: the helper is no process of the trace */
    long helper = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (helper == 0) {
        alarm(SECONDS + 20);
        status = stop_it();
        say(&meeting->over, 1);
        syscall(SYS_exit_group, status);
    }
    syscall(SYS_prctl, PR_SET_PTRACER, helper, 0, 0, 0);
    say(&meeting->ready, 1);
    pthread_create(&victim, NULL, be_victim, NULL);
    for (int i = 0; i < OTHERS; i++)
        pthread_create(&others[i], NULL, go_on, &numbers[i]);
    pthread_join(victim, NULL);
    for (int i = 0; i < OTHERS; i++)
        pthread_join(others[i], NULL);
    syscall(SYS_wait4, helper, &status, 0, NULL);
    book("helper %d\nstops %d\nvictim_calls %ld\nother_calls %ld\n", status, meeting->stops,
         calls[OTHERS], calls[0] + calls[1]);
    return 0;
}
