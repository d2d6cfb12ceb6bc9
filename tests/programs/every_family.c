/* Calls of every family, a known number of each, from two threads and a child. Prints how many,
 * and, when the library `counting` is loaded, how many of them came by there. */
#define _GNU_SOURCE
#include "book.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 100, THREADS = 2 };

extern long counting_passed(const char *name) __attribute__((weak));

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void files(void)
{
    char bytes[16];
    int fd = openat(AT_FDCWD, "/dev/zero", O_RDWR);
    int copy = dup(fd);
    if (read(fd, bytes, 7) != 7 || pread(fd, bytes, 5, 0) != 5 || write(copy, bytes, 3) != 3)
        abort();
    close(copy);
    close(fd);
}

static void memory(void)
{
    void *block = NULL, *volatile other = malloc(1001);
    other = realloc(other, 2002);
    free(other);
    if (posix_memalign(&block, 128, 1003) != 0 || (size_t)block % 128)
        abort();
    free(block);
    char *zeros = calloc(17, 59);
    for (int i = 0; i < 17 * 59; i++)
        if (zeros[i])
            abort();
    free(zeros);
}

static void *routine(void *argument)
{
    struct timespec past = {1, 0};
    for (int i = 0; i < ROUNDS; i++) {
        files();
        memory();
        pthread_mutex_lock(&mutex);
        pthread_cond_timedwait(&condition, &mutex, &past);
        pthread_mutex_unlock(&mutex);
    }
    return argument;
}

int main(void)
{
    static const struct {
        const char *name;
        int count;
    } calls[] = {{"openat", ROUNDS * THREADS},         {"dup", ROUNDS * THREADS},
                 {"read", ROUNDS * THREADS},           {"pread", ROUNDS * THREADS},
                 {"write", ROUNDS * THREADS},          {"close", ROUNDS * THREADS * 2},
                 {"malloc", ROUNDS * THREADS},         {"realloc", ROUNDS * THREADS},
                 {"posix_memalign", ROUNDS * THREADS}, {"calloc", ROUNDS * THREADS},
                 {"free", ROUNDS * THREADS * 3},       {"pthread_cond_timedwait", ROUNDS * THREADS},
                 {"pthread_create", THREADS},          {"pthread_join", THREADS},
                 {"pthread_mutex_trylock", 0},         {"fork", 1}};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, routine, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        book("%s %d\n", calls[i].name, calls[i].count);
        if (counting_passed)
            book("passed_%s %ld\n", calls[i].name, counting_passed(calls[i].name));
    }
    return 0;
}
