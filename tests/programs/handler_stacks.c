/* Alternative stacks, and stacks with no room for handlers, of programs that are sampled.
 *   handler_stacks freed: is registered, unmapped, and its place is used for something else
 *   handler_stacks coroutine: computes on a small stack
 *   handler_stacks thread: the same in a thread
 *   handler_stacks bare: the same in a program whose handlers want alternative stacks
 *   handler_stacks answers: what sigaltstack says
 *   handler_stacks handlers: on which stacks the program's handlers run
 *   handler_stacks forks: what a child has of all that
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { BYTES = 65536, FILL = 0x5a, NEAR = 1024 };

static double cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void compute(double seconds)
{
    for (double end = cpu() + seconds; cpu() < end;)
        for (volatile int i = 0; i < 10000; i++)
            ;
}

static char *filled(void)
{
    char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, FILL, BYTES);
    return memory;
}

static int changed(const char *from, const char *to)
{
    int count = 0;
    while (from < to)
        count += *from++ != FILL;
    return count;
}

static void freed(void)
{
    char *memory = filled();
    sigaltstack(&(stack_t){.ss_sp = memory, .ss_size = BYTES}, NULL);
    munmap(memory, BYTES);
    compute(0.1); /* there is nothing there */
    mmap(memory, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(memory, FILL, BYTES);
    compute(0.1);
    printf("changed %d\n", changed(memory, memory + BYTES));
}

/* How much of a stack is written to below the frame of who computes on it. */
static char *small;
static ucontext_t outside, inside;

static void *compute_there(void *unused)
{
    char *here = __builtin_frame_address(0);
    memset(small, FILL, (size_t)(here - NEAR - small)); /* of before the thread's start */
    compute(0.2);
    printf("changed %d\n", changed(small, here - NEAR));
    return unused;
}

static void coroutine_starts(void)
{
    compute_there(NULL);
    swapcontext(&inside, &outside);
}

static void coroutine(void)
{
    small = filled();
    printf("begins %d\n", small != NULL); /* functions that are called there are looked up here */
    compute(0);
    getcontext(&inside);
    inside.uc_stack.ss_sp = small;
    inside.uc_stack.ss_size = BYTES;
    makecontext(&inside, coroutine_starts, 0);
    swapcontext(&outside, &inside);
}

static void make_thread(size_t bytes)
{
    pthread_t made;
    pthread_attr_t attributes;
    small = filled();
    compute(0);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, small, bytes);
    pthread_create(&made, &attributes, compute_there, NULL);
    pthread_join(made, NULL);
}

static void thread(void)
{
    make_thread(BYTES);
}

static void ignore(int signal)
{
    (void)signal;
}

static void bare(void)
{
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = ignore, .sa_flags = SA_ONSTACK}, NULL);
    make_thread(BYTES / 2);
}

static int is_disabled(void)
{
    stack_t there;
    sigaltstack(NULL, &there);
    return there.ss_flags == SS_DISABLE && !there.ss_sp && !there.ss_size;
}

static int is(const stack_t *there, const char *memory, size_t size)
{
    return there->ss_sp == memory && there->ss_size == size && !there->ss_flags;
}

static int fails(int flags, size_t size)
{
    static char memory[BYTES];
    stack_t there, stack = {.ss_sp = memory, .ss_flags = flags, .ss_size = size};
    int failed = sigaltstack(&stack, &there) ? errno : 0;
    return failed;
}

static void answers(void)
{
    char *one = filled(), *other = filled();
    stack_t there;
    printf("begins_without %d\n", is_disabled());
    sigaltstack(&(stack_t){.ss_sp = one, .ss_size = BYTES}, &there);
    printf("had_none %d\n", (there.ss_flags & SS_DISABLE) != 0);
    sigaltstack(NULL, &there);
    printf("has_one %d\n", is(&there, one, BYTES));
    printf("too_small %d\n", fails(0, 100));
    printf("unknown_flag %d\n", fails(64, BYTES));
    sigaltstack(NULL, &there);
    printf("still_has_one %d\n", is(&there, one, BYTES));
    sigaltstack(&(stack_t){.ss_sp = other, .ss_size = 4096}, &there);
    printf("had_one %d\n", is(&there, one, BYTES));
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, &there);
    printf("had_other %d\n", is(&there, other, 4096));
    printf("has_none %d\n", is_disabled());
    printf("bad_address %d\n", sigaltstack((stack_t *)8, NULL) ? errno : 0);
    compute(0.1);
    printf("changed %d\n", changed(one, one + BYTES) + changed(other, other + BYTES));
}

/* Where a handler runs, and what it is told. */
static __thread char *own;
static __thread volatile int on_own, told, refused;

static void look(int signal)
{
    stack_t there;
    char here = (char)signal;
    on_own = &here >= own && &here < own + BYTES;
    sigaltstack(NULL, &there);
    told = there.ss_sp == own && there.ss_flags == SS_ONSTACK;
    refused = sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL) && errno == EPERM;
}

static void say(const char *who)
{
    printf("%s_on_own %d\n%s_told %d\n%s_refused %d\n", who, on_own, who, told, who, refused);
}

static sem_t registered, handled;

/* Its stack was there before the handler was; a sample finds that out. */
static void *other_thread(void *unused)
{
    own = filled();
    sigaltstack(&(stack_t){.ss_sp = own, .ss_size = BYTES}, NULL);
    sem_post(&registered);
    sem_wait(&handled);
    raise(SIGUSR1);
    printf("early_told %d\nearly_refused %d\n", told, refused);
    compute(0.1);
    raise(SIGUSR1);
    say("other");
    return unused;
}

static int kernel_has(const char *memory)
{
    stack_t there;
    syscall(SYS_sigaltstack, NULL, &there);
    return there.ss_sp == memory;
}

static void handlers(void)
{
    pthread_t other;
    struct sigaction action = {.sa_handler = look, .sa_flags = SA_ONSTACK};
    sem_init(&registered, 0, 0);
    sem_init(&handled, 0, 0);
    own = filled();
    sigaltstack(&(stack_t){.ss_sp = own, .ss_size = BYTES}, NULL);
    compute(0.05);
    printf("unused %d\n", changed(own, own + BYTES) == 0);
    pthread_create(&other, NULL, other_thread, NULL);
    sem_wait(&registered);
    sigaction(SIGUSR1, &action, NULL);
    printf("in_place %d\n", kernel_has(own));
    raise(SIGUSR1);
    say("first");
    sem_post(&handled);
    pthread_join(other, NULL);
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    printf("gone %d\n", kernel_has(NULL) && is_disabled());
    own = filled();
    sigaltstack(&(stack_t){.ss_sp = own, .ss_size = BYTES}, NULL);
    printf("in_place_again %d\n", kernel_has(own));
}

static void forks(void)
{
    char *memory = filled();
    stack_t there;
    int status;
    sigaltstack(&(stack_t){.ss_sp = memory, .ss_size = BYTES}, NULL);
    pid_t child = fork();
    if (child == 0) {
        sigaltstack(NULL, &there);
        compute(0.1);
        _exit(is(&there, memory, BYTES) && !changed(memory, memory + BYTES));
    }
    waitpid(child, &status, 0);
    if ((child = vfork()) == 0) {
        sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, &there);
        _exit(is(&there, memory, BYTES) && is_disabled());
    }
    printf("fork %d\n", WEXITSTATUS(status));
    waitpid(child, &status, 0);
    printf("vfork %d\n", WEXITSTATUS(status));
    sigaltstack(NULL, &there);
    printf("parent %d\n", is(&there, memory, BYTES));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*what)(void);
    } parts[] = {{"freed", freed},     {"coroutine", coroutine}, {"thread", thread},
                 {"answers", answers}, {"handlers", handlers},   {"forks", forks},
                 {"bare", bare}};
    for (size_t i = 0; argc > 1 && i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            parts[i].what();
    return 0;
}
