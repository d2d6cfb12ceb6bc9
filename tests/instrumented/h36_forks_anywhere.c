/* Forks in a signal's handler at each instruction of a few calls, the tracer's included; the child
 * forks once more, and both go on with what the handler interrupted, do it once more and exit.
 * Prints, for each call, at how many instructions that was: "CALL COUNT". Ends with 1 when a child
 * does not end well. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum { TRAP_FLAG = 0x100 };

static volatile long steps, wanted;
static volatile int is_child, sink;
static int ended; /* how the handler's child did */
static int zero;

__attribute__((noinline)) static void function(void)
{
    sink++;
}

PLAIN static void calls(void)
{
    function();
}

PLAIN static void allocates(void)
{
    char *block = malloc(100);
    __asm__ volatile("" : "+r"(block));
    free(block);
}

PLAIN static void wakes(void)
{
    static int word;
    syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

PLAIN static void reads(void)
{
    char byte;
    sink += (int)read(zero, &byte, 1);
}

PLAIN static void locks(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

PLAIN static void jumps(void)
{
    static jmp_buf buffer;
    if (setjmp(buffer) == 0)
        longjmp(buffer, 1);
}

static const struct {
    const char *name;
    void (*does)(void);
} actions[] = {{"function", calls}, {"malloc", allocates}, {"futex", wakes},
               {"read", reads},     {"mutex", locks},      {"longjmp", jumps}};
enum { ACTIONS = sizeof actions / sizeof actions[0] };

PLAIN static void step(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    (void)number, (void)info;
    if (++steps != wanted)
        return;
    interrupted->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    /* a child, and one of its own */
    for (int generation = 0; generation < 2; generation++) {
        pid_t pid = fork();
        if (pid > 0) {
            if (waitpid(pid, &ended, 0) != pid)
                ended = -1;
            return;
        }
        is_child = 1;
    }
}

/* The trap flag is pushed below what the function keeps there without telling the stack pointer. */
#define STEP(change)                                                                               \
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\t" change                                 \
                     ", (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::                              \
                         : "memory", "cc")

enum { FINE = 0, FAILED = 1, SHORTER = 2 };

/* In a process of its own, whose buffers are fresh: they are made larger with signals blocked,
 * where nobody can step. */
PLAIN static int at(int action, long instruction)
{
    actions[action].does();
    wanted = instruction;
    STEP("orq $0x100");
    actions[action].does();
    STEP("andq $-0x101");
    if (is_child)
        actions[action].does();
    if (ended)
        fprintf(stderr, "%s: the child of instruction %ld ended with %#x\n", actions[action].name,
                instruction, (unsigned)ended);
    return ended ? FAILED : steps < wanted ? SHORTER : FINE;
}

PLAIN int main(void)
{
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);
    zero = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < ACTIONS; i++) {
        int status = FINE;
        long instruction = 0;
        while (status == FINE) {
            pid_t pid = fork();
            if (pid == 0)
                _exit(at(i, instruction + 1));
            instruction++;
            if (waitpid(pid, &status, 0) != pid)
                status = -1;
            else if (WIFEXITED(status))
                status = WEXITSTATUS(status);
        }
        if (status != SHORTER) {
            fprintf(stderr, "%s: instruction %ld: %#x\n", actions[i].name, instruction,
                    (unsigned)status);
            return 1;
        }
        printf("%s %ld\n", actions[i].name, instruction - 1);
        fflush(stdout);
    }
    return 0;
}
