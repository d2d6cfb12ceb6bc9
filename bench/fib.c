/* The call storm of the benchmarks: fib(N) on T threads. Prints the seconds that the calls took and
 * the number of function events (entries and exits). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PLAIN __attribute__((no_instrument_function))

static __attribute__((noinline)) int fib(int n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static int number;
static pthread_barrier_t barrier;

PLAIN static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

PLAIN static void *run(void *result)
{
    pthread_barrier_wait(&barrier);
    *(long *)result = fib(number);
    return NULL;
}

PLAIN int main(int argc, char **argv)
{
    number = argc > 1 ? atoi(argv[1]) : 34;
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    pthread_t ids[64];
    long results[64];
    if (threads < 1 || threads > 64)
        return 2;
    pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, run, &results[i]);
    pthread_barrier_wait(&barrier);
    double start = now();
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    double seconds = now() - start;
    /* fib(n) takes 2 fib(n+1) - 1 calls; fib(n) and fib(n-1) give fib(n+1) */
    long a = 0, b = 1;
    for (int i = 0; i < number; i++) {
        long sum = a + b;
        a = b;
        b = sum;
    }
    printf("%.6f %ld\n", seconds, 2 * (2 * b - 1) * threads);
    return 0;
}
