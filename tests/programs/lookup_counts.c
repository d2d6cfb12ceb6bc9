/* Counts the lookups of symbols before main and after, and in main calls one function or more of
 * every family that a tracer wraps, from two threads. */
#define _GNU_SOURCE
#include "book.h"
#include "lookup.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAMES = 1024 };
static int lookups, repeated;
static const char *asked[NAMES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *answer(const char *name, const char *version)
{
    (void)version;
    for (int i = 0; i < lookups && i < NAMES; i++)
        repeated += strcmp(asked[i], name) == 0;
    if (lookups < NAMES)
        asked[lookups] = name;
    lookups++;
    return in_libc(name, 0);
}

static void memory(void)
{
    void *block = NULL;
    free(realloc(opaque(malloc(10)), 5000));
    free(reallocarray(opaque(calloc(3, 3)), 4, 4));
    if (posix_memalign(&block, 64, 10) == 0)
        free(opaque(block));
    free(opaque(aligned_alloc(64, 64)));
    free(opaque(memalign(64, 64)));
    free(opaque(valloc(10)));
    free(opaque(pvalloc(10)));
    malloc_usable_size(NULL);
}

static void files(void)
{
    char byte = 0;
    int fd = open("/dev/zero", O_RDWR), other;
    if (read(fd, &byte, 1) == 1 && pread(fd, &byte, 1, 0) == 1 && write(fd, &byte, 1) == 1 &&
        pwrite(fd, &byte, 1, 0) == 1)
        close(fd);
    fd = openat(AT_FDCWD, "/dev/null", O_RDONLY);
    other = dup(fd);
    dup2(fd, other);
    dup3(fd, other, O_CLOEXEC);
    close(creat("/dev/null", 0600));
    close_range((unsigned)other, (unsigned)other, 0);
    close(fd);
    closefrom(900);
}

static void processes(void)
{
    static jmp_buf buffer;
    char *none[] = {NULL};
    pid_t pid = fork();
    if (pid == 0)
        _exit(execve("/nonexistent", none, none) == -1 ? 0 : 1);
    waitpid(pid, NULL, 0);
    posix_spawn(&pid, "/nonexistent", NULL, NULL, none, none);
    execvp("/nonexistent", none);
    if (setjmp(buffer) == 0)
        longjmp(buffer, 1);
}

static void *everything(void *argument)
{
    struct timespec past = {1, 0};
    pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&condition, &mutex, &past);
    pthread_mutex_unlock(&mutex);
    pthread_setname_np(pthread_self(), "both");
    memory();
    files();
    processes();
    return argument;
}

int main(void)
{
    pthread_t thread;
    int before = lookups;
    everything(NULL);
    pthread_create(&thread, NULL, everything, NULL);
    pthread_join(thread, NULL);
    book("lookups_before_main %d\nrepeated %d\nlookups_later %d\n", before, repeated,
         lookups - before);
    return 0;
}
