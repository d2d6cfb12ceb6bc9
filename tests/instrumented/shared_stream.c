/* Two threads print lines to one FILE, and to standard error, with the stream's lock held around
 * events; a timer's signals interrupt them, and the handler makes events too. The file must hold
 * every line once and whole. Prints how many calls were made. */
#define _GNU_SOURCE
#include "../programs/book.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLAIN __attribute__((no_instrument_function))

enum { LINES = 4000, THREADS = 2, CALLS = 10 };

static atomic_long calls, writes, signals;
static FILE *stream;
static int null_fd;

__attribute__((noinline)) static void called(void)
{
    calls++;
}

PLAIN static void handle(int signal)
{
    int saved = errno;
    (void)signal;
    for (int i = 0; i < CALLS; i++)
        called();
    writes += write(null_fd, "x", 1) == 1;
    signals++;
    errno = saved;
}

PLAIN static void *print(void *argument)
{
    int thread = *(int *)argument;
    for (int i = 0; i < LINES; i++) {
        flockfile(stream);
        fprintf(stream, "thread %d ", thread);
        for (int k = 0; k < CALLS; k++)
            called();
        fprintf(stream, "line %d\n", i);
        if (i % 16 == 0)
            fflush(stream);
        funlockfile(stream);
        if (i % 1000 == 0)
            fprintf(stderr, "thread %d line %d\n", thread, i);
    }
    return NULL;
}

/* Lines of the file that are not the next one of their thread. */
PLAIN static int count_wrong(void)
{
    int next[THREADS] = {0}, thread, line, wrong = 0;
    rewind(stream);
    while (fscanf(stream, "thread %d line %d\n", &thread, &line) == 2)
        wrong += thread < 0 || thread >= THREADS || line != next[thread]++;
    for (int i = 0; i < THREADS; i++)
        wrong += next[i] != LINES;
    return wrong + !feof(stream);
}

PLAIN int main(void)
{
    struct sigaction action = {.sa_handler = handle}; /* and no SA_RESTART */
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec often = {{0, 40000}, {0, 40000}};
    pthread_t threads[THREADS];
    int numbers[THREADS] = {0, 1};
    timer_t timer;
    stream = fopen("lines", "w+");
    null_fd = open("/dev/null", O_WRONLY);
    sigaction(SIGRTMIN, &action, NULL);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &often, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, print, &numbers[i]);
    for (int i = 0; i < THREADS; i++)
        while (pthread_join(threads[i], NULL) == EINTR)
            ;
    timer_delete(timer);
    signal(SIGRTMIN, SIG_IGN);
    book("wrong %d\ncalls %ld\nwrite %ld\nsignals %ld\n", count_wrong(), calls, writes, signals);
    return 0;
}
