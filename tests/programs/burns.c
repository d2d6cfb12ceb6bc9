/* Burns CPU time in three functions, 60, 30 and 10 of 100, in turns of random length, so that no
 * clock's beat falls in with them; tells how long each of them really took.
 *   burns SECONDS [THREADS]: so much CPU time, in each of so many threads (0: in the first one)
 *   burns SECONDS fork: in a fork's child that makes no other call */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds;

static double cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#define BURN(name)                                                                                 \
    static __attribute__((noinline)) double name(long rounds)                                      \
    {                                                                                              \
        double sum = 0;                                                                            \
        for (long i = 0; i < rounds; i++)                                                          \
            sum += (double)i * 0.5;                                                                \
        return sum;                                                                                \
    }
BURN(burn_60)
BURN(burn_30)
BURN(burn_10)

static double (*const burns[])(long) = {burn_60, burn_30, burn_10};
static const char *const names[] = {"burn_60", "burn_30", "burn_10"};
static const long weights[] = {60, 30, 10};

static __attribute__((noinline)) void burn(double *took, double *whole)
{
    unsigned seed = 1;
    volatile double sink = 0;
    double begun = cpu(), before = begun;
    while (before - begun < seconds)
        for (int i = 0; i < 3; i++) {
            sink += burns[i](weights[i] * (1000 + rand_r(&seed) % 2000));
            double now = cpu();
            took[i] += now - before;
            before = now;
        }
    *whole = cpu();
}

struct burner {
    pthread_t id;
    double took[3], whole;
};

static void *burn_thread(void *argument)
{
    struct burner *self = argument;
    burn(self->took, &self->whole);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct burner burners[16];
    int forks = argc > 2 && strcmp(argv[2], "fork") == 0, threads = argc > 2 ? atoi(argv[2]) : 0;
    double sums[3] = {0}, whole = 0;
    seconds = atof(argv[1]);
    if (forks && fork()) {
        wait(NULL);
        return 0;
    }
    for (int i = 0; i < threads; i++)
        pthread_create(&burners[i].id, NULL, burn_thread, &burners[i]);
    for (int i = 0; i < threads; i++)
        pthread_join(burners[i].id, NULL);
    if (!threads)
        burn_thread(&burners[0]);
    for (int i = 0; i < (threads ? threads : 1); i++) {
        whole += burners[i].whole;
        for (int k = 0; k < 3; k++)
            sums[k] += burners[i].took[k];
    }
    for (int k = 0; k < 3; k++)
        printf("%s %.0f\n", names[k], sums[k] * 1e6);
    printf("cpu_usec %.0f\n", whole * 1e6);
    return 0;
}
