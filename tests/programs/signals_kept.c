/* What a program does with signals while its threads are sampled, and whether it notices. The
 * sampler's signal is 53.
 *   signals_kept masks: a thread that blocks all signals and computes
 *   signals_kept polls: how many calls that no handler restarts were interrupted
 *   signals_kept takes: the program handles the signal itself
 *   signals_kept resets: it gives all signals their defaults, as before an exec */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLER_SIGNAL = 53 };

static double cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((noinline)) void compute(double seconds)
{
    for (double end = cpu() + seconds; cpu() < end;)
        for (volatile int i = 0; i < 100000; i++)
            ;
}

static void *block_all(void *unused)
{
    sigset_t all, before, now;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf("was_blocked %d\n", sigismember(&before, SAMPLER_SIGNAL));
    printf("is_blocked %d\n", sigismember(&now, SAMPLER_SIGNAL) && sigismember(&now, SIGTERM));
    compute(0.5);
    pthread_sigmask(SIG_SETMASK, &before, &now);
    printf("stayed_blocked %d\n", sigismember(&now, SAMPLER_SIGNAL));
    return unused;
}

static void masks(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, block_all, NULL);
    pthread_join(thread, NULL);
}

static void polls(void)
{
    long interrupted = 0, calls = 0;
    struct timespec none = {0, 1};
    for (double end = cpu() + 1; cpu() < end; calls += 2) {
        interrupted += poll(NULL, 0, 0) < 0 && errno == EINTR;
        interrupted += nanosleep(&none, NULL) < 0 && errno == EINTR;
        for (volatile int i = 0; i < 10000; i++)
            ;
    }
    printf("interrupted %ld\n", interrupted);
    printf("polled %d\n", calls > 0);
}

static volatile sig_atomic_t handled;
static void handle(int signal)
{
    (void)signal;
    handled++;
}

static void takes(void)
{
    struct sigaction before, action = {.sa_handler = handle};
    compute(0.1);
    sigaction(SAMPLER_SIGNAL, NULL, &before);
    printf("was_default %d\n", before.sa_handler == SIG_DFL);
    sigaction(SAMPLER_SIGNAL, &action, &before);
    printf("still_default %d\n", before.sa_handler == SIG_DFL);
    compute(0.3);
    printf("foreign %d\n", (int)handled);
    raise(SAMPLER_SIGNAL);
    printf("own %d\n", (int)handled);
    printf("is_mine %d\n", signal(SAMPLER_SIGNAL, SIG_DFL) == handle);
}

static void resets(void)
{
    struct sigaction before, action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigaction(SAMPLER_SIGNAL, &action, &before);
    printf("was_default %d\n", before.sa_handler == SIG_DFL);
    printf("is_default %d\n", signal(SAMPLER_SIGNAL, SIG_DFL) == SIG_DFL);
    compute(0.3);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"masks", masks}, {"polls", polls}, {"takes", takes}, {"resets", resets}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (argc > 1 && strcmp(argv[1], parts[i].name) == 0)
            parts[i].run();
    return 0;
}
