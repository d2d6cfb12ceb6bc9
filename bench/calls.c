/* Calls of libc in a loop, and what a command costs.
 *   calls KIND THREADS COUNT   read, malloc (and free), deep (the same under 16 callers), mutex
 * (lock and unlock): COUNT of them on every thread, or with THREADS 0 on the only one that there
 * is. Prints the seconds from their start to the last one's end calls cost COMMAND…        prints
 * the seconds of processor time of the command and all its children, whatever else the machine
 * does; what they print is thrown away
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long count;
static pthread_barrier_t barrier;

/* A file description of the thread's own: the kernel counts the users of a shared one. */
static void make_reads(void)
{
    int zero = open("/dev/zero", O_RDONLY);
    char byte;
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < count; i++)
        if (read(zero, &byte, 1) != 1)
            abort();
    close(zero);
}

static void make_mallocs(void)
{
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < count; i++) {
        void *volatile block = malloc(64); /* the compiler must not leave the pair out */
        free(block);
    }
}

/* The same deep in a program: from one of eight places in turn, under FRAMES callers. */
enum { FRAMES = 16 };

#define PLACE(n)                                                                                   \
    static __attribute__((noinline)) void place_##n(void)                                          \
    {                                                                                              \
        void *volatile block = malloc(64 + n);                                                     \
        free(block);                                                                               \
    }

PLACE(0)
PLACE(1)
PLACE(2)
PLACE(3)
PLACE(4)
PLACE(5)
PLACE(6)
PLACE(7)

static __attribute__((noinline)) long deep(int frames)
{
    static void (*const places[])(void) = {place_0, place_1, place_2, place_3,
                                           place_4, place_5, place_6, place_7};
    if (frames)
        return deep(frames - 1) + 1; /* no tail call: each has its frame */
    for (long i = 0; i < count; i++)
        places[i % 8]();
    return count;
}

static void make_deep_mallocs(void)
{
    pthread_barrier_wait(&barrier);
    if (deep(FRAMES) != count + FRAMES)
        abort();
}

static void make_locks(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < count; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
}

static const struct kind {
    const char *name;
    void (*make)(void);
} kinds[] = {{"read", make_reads},
             {"malloc", make_mallocs},
             {"deep", make_deep_mallocs},
             {"mutex", make_locks}};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct thread {
    pthread_t id;
    void (*make)(void);
    double start, end;
};

static void *run(void *argument)
{
    struct thread *self = argument;
    self->start = now();
    self->make();
    self->end = now();
    return NULL;
}

static double time_threads(void (*make)(void), int number)
{
    struct thread threads[64] = {{.make = make}};
    pthread_barrier_init(&barrier, NULL, number ? (unsigned)number : 1);
    if (number == 0)
        run(&threads[0]);
    for (int i = 0; i < number; i++) {
        threads[i].make = make;
        pthread_create(&threads[i].id, NULL, run, &threads[i]);
    }
    for (int i = 0; i < number; i++)
        pthread_join(threads[i].id, NULL);
    double start = threads[0].start, end = threads[0].end;
    for (int i = 1; i < number; i++) {
        start = threads[i].start > start ? threads[i].start : start; /* all wait for the last */
        end = threads[i].end > end ? threads[i].end : end;
    }
    return end - start;
}

static int cost(char **command)
{
    struct rusage usage;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        execvp(command[0], command);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status != 0)
        return 1;
    printf("%.6f\n", (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "cost") == 0)
        return cost(argv + 2);
    int threads = argc > 3 ? atoi(argv[2]) : -1;
    count = argc > 3 ? atol(argv[3]) : -1;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (count < 0 || threads < 0 || threads > 64 || strcmp(kinds[i].name, argv[1]) != 0)
            continue;
        printf("%.6f\n", time_threads(kinds[i].make, threads));
        return 0;
    }
    return 2;
}
