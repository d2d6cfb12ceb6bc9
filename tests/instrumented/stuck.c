/* stuck ENDING [WAIT]: threads that are blocked in different calls, one that is in no call, and a
 * process that ends all of a sudden, or does not end ("stay"). With WAIT a child does this, and the
 * parent waits for it by the function of that name, then exits with 0.
 *
 * Prints "process PID" and for each thread "thread TID DOING|CALLED_FROM", what `vitte-trace info`
 * has to say of it; then "ready". Nothing here sleeps: a thread is blocked when the kernel says so.
 */
#define _GNU_SOURCE
#include "../programs/blocked.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN    __attribute__((no_instrument_function))
#define NOINLINE __attribute__((noinline))

static int channel[2], listener, other[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t never;
static volatile int sink;

struct seat {
    _Atomic int tid; /* set right before the thread goes into its call */
    char doing[128];
    void *(*routine)(void *);
};

PLAIN static void says(struct seat *seat, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(seat->doing, sizeof seat->doing, format, values);
    va_end(values);
    atomic_store(&seat->tid, (int)syscall(SYS_gettid));
}

/* What the kernel calls a descriptor. */
PLAIN static const char *name_of(int fd, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, name, size - 1);
    name[length > 0 ? length : 0] = '\0';
    return name;
}

NOINLINE static void *reads_a_pipe(void *argument)
{
    char byte, name[64];
    name_of(channel[0], name, sizeof name);
    says(argument, "read(fd %d = %s)|reads_a_pipe", channel[0], name);
    sink += (int)read(channel[0], &byte, 1);
    return argument;
}

NOINLINE static void *locks_what_is_locked(void *argument)
{
    says(argument, "pthread_mutex_lock(lock %p)|locks_what_is_locked", (void *)&lock);
    sink += pthread_mutex_lock(&lock);
    return argument;
}

NOINLINE static void *polls(void *argument)
{
    struct pollfd fd = {.fd = other[0], .events = POLLIN};
    says(argument, "poll(count 1)|polls");
    sink += poll(&fd, 1, -1);
    return argument;
}

NOINLINE static void *waits_for_a_semaphore(void *argument)
{
    says(argument, "sem_wait(lock %p)|waits_for_a_semaphore", (void *)&never);
    sink += sem_wait(&never);
    return argument;
}

NOINLINE static void *accepts(void *argument)
{
    says(argument, "accept(fd %d = socket at unix:./here)|accepts", listener);
    sink += accept(listener, NULL, NULL);
    return argument;
}

NOINLINE static void spins(struct seat *seat)
{
    says(seat, "spins|spins_for_ever");
    for (;;)
        sink = sink + 1;
}

/* A new stream: its buffer is allocated in the call, before that waits. */
NOINLINE static void *reads_a_line(void *argument)
{
    char line[16], name[64];
    FILE *stream = fdopen(channel[0], "r");
    name_of(channel[0], name, sizeof name);
    says(argument, "fgets(fd %d = %s)|reads_a_line", channel[0], name);
    sink += fgets(line, sizeof line, stream) != NULL;
    return argument;
}

NOINLINE static void *waits_for_any_child(void *argument)
{
    says(argument, "waitpid(pid -1)|waits_for_any_child");
    sink += waitpid(-1, NULL, 0);
    return argument;
}

static sigjmp_buf out;

PLAIN static void jumps_out(int signal)
{
    siglongjmp(out, signal);
}

/* Leaves a call that does not come back, and does nothing but allocate from then on: it is not in
 * that call any more. The signal is there before it is waited for. */
PLAIN static void leaves_a_call(void)
{
    sigset_t one, none;
    sigemptyset(&none);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    signal(SIGUSR1, jumps_out);
    pthread_kill(pthread_self(), SIGUSR1);
    if (sigsetjmp(out, 1) == 0)
        sigsuspend(&none);
    void *volatile block = malloc(10);
    free(block);
}

NOINLINE static void *spins_for_ever(void *argument)
{
    leaves_a_call();
    spins(argument);
    return argument;
}

static struct seat seats[] = {
    {.routine = reads_a_pipe},
    {.routine = locks_what_is_locked},
    {.routine = polls},
    {.routine = waits_for_a_semaphore},
    {.routine = accepts},
    {.routine = reads_a_line},
    {.routine = waits_for_any_child},
    {.routine = spins_for_ever},
};
enum { SEATS = sizeof seats / sizeof seats[0] };

/* The thread has said what it does, and sleeps; the last one runs. */
PLAIN static int is_settled(struct seat *seat, int runs)
{
    int tid = atomic_load(&seat->tid);
    return tid && (runs || is_asleep(tid));
}

/* Somebody to wait for, who reads until there is no writer, so ends with us; he is in no trace. */
PLAIN static void make_child(void)
{
    int ends[2];
    char byte;
    if (pipe(ends))
        abort();
    if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) {
        syscall(SYS_close, ends[1]);
        syscall(SYS_read, ends[0], &byte, 1);
        syscall(SYS_exit_group, 0);
    }
}

PLAIN static void take_seats(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "./here"};
    pthread_t thread;
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (pipe(channel) || pipe(other) || sem_init(&never, 0, 0) || listener < 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1) ||
        pthread_mutex_lock(&lock))
        abort();
    make_child();
    for (int i = 0; i < SEATS; i++)
        if (pthread_create(&thread, NULL, seats[i].routine, &seats[i]))
            abort();
    for (int i = 0; i < SEATS; i++)
        while (!is_settled(&seats[i], i == SEATS - 1))
            syscall(SYS_sched_yield);
    printf("process %d\n", (int)getpid());
    for (int i = 0; i < SEATS; i++)
        printf("thread %d %s\n", atomic_load(&seats[i].tid), seats[i].doing);
    puts("ready");
    fflush(stdout);
}

NOINLINE static int overflows(int depth)
{
    volatile char room[512];
    room[depth & 511] = (char)depth;
    return (depth ? overflows(depth + 1) : 0) + room[depth & 511];
}

PLAIN static void *overflow(void *argument)
{
    sink += overflows(1);
    return argument;
}

NOINLINE static void ends(const char *how)
{
    pthread_t thread;
    if (strcmp(how, "segv") == 0)
        *(volatile int *)8 = 0;
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "kill") == 0)
        syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    else if (strcmp(how, "overflow") == 0 && pthread_create(&thread, NULL, overflow, NULL) == 0)
        pthread_join(thread, NULL);
    for (;;)
        pause();
}

NOINLINE static void goes_to_its_end(const char *how)
{
    ends(how);
    sink = sink + 1;
}

PLAIN static int await(const char *how, pid_t child)
{
    int status;
    siginfo_t info;
    struct rusage usage;
    if (strcmp(how, "wait") == 0)
        return wait(NULL) != child;
    if (strcmp(how, "waitpid") == 0)
        return waitpid(child, &status, 0) != child;
    if (strcmp(how, "wait3") == 0)
        return wait3(&status, 0, NULL) != child;
    if (strcmp(how, "wait4") == 0)
        return wait4(child, NULL, 0, &usage) != child;
    return waitid(P_PID, (id_t)child, strcmp(how, "waitid") == 0 ? &info : NULL, WEXITED) != 0;
}

PLAIN int main(int argc, char **argv)
{
    struct rlimit none = {0, 0};
    pid_t child = 0;
    if (argc < 2)
        return 2;
    alarm(60);
    setrlimit(RLIMIT_CORE, &none);
    if (argc > 2 && (child = fork()) > 0)
        return await(argv[2], child);
    alarm(60);
    take_seats();
    goes_to_its_end(argv[1]);
    return 1;
}
