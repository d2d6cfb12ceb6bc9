/* A libc that lacks some functions: asked for them, it knows nothing of them. Calls each of them,
 * by the names that the tracer in front exports, and prints what came back. Built so that it can be
 * run without a tracer too: then nothing is missing. */
#define _GNU_SOURCE
#include "book.h"
#include "lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const missing[] = {"creat",
                                      "dup3",
                                      "pread",
                                      "__open_2",
                                      "closefrom",
                                      "close_range",
                                      "fexecve",
                                      "execvpe",
                                      "_Fork",
                                      "posix_spawnp",
                                      "pthread_setname_np",
                                      "valloc",
                                      "pvalloc",
                                      "__read_chk",
                                      "reallocarray",
                                      "aligned_alloc",
                                      "posix_memalign",
                                      "_exit",
                                      "memalign",
                                      "pthread_mutex_timedlock",
                                      "malloc_usable_size"};
static int hidden, refused, wrong;

static void *answer(const char *name, const char *version)
{
    (void)version;
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        if (strcmp(name, missing[i]) == 0) {
            hidden++;
            return NULL;
        }
    return in_libc(name, 0);
}

/* A call that must say that there is no such function. */
static void expect(const char *name, int right)
{
    refused += right;
    wrong += !right;
    if (!right)
        dprintf(2, "%s: wrong answer\n", name);
    errno = 0;
}

static void files(void)
{
    char byte;
    extern int __open_2(const char *, int);
    extern ssize_t __read_chk(int, void *, size_t, size_t);
    expect("creat", creat("x", 0600) == -1 && errno == ENOSYS);
    expect("dup3", dup3(1, 900, 0) == -1 && errno == ENOSYS);
    expect("pread", pread(0, &byte, 1, 0) == -1 && errno == ENOSYS);
    expect("__open_2", __open_2("/", 0) == -1 && errno == ENOSYS);
    expect("__read_chk", __read_chk(0, &byte, 1, 1) == -1 && errno == ENOSYS);
    expect("close_range", close_range(900, 901, 0) == -1 && errno == ENOSYS);
    closefrom(900); /* says nothing */
}

static void memory(void)
{
    void *block = &block, *volatile some = malloc(10);
    expect("valloc", valloc(1) == NULL && errno == ENOMEM);
    expect("pvalloc", pvalloc(1) == NULL && errno == ENOMEM);
    expect("memalign", memalign(16, 1) == NULL && errno == ENOMEM);
    expect("aligned_alloc", aligned_alloc(16, 16) == NULL && errno == ENOMEM);
    expect("reallocarray", reallocarray(some, 10, 10) == NULL && errno == ENOMEM);
    expect("posix_memalign", posix_memalign(&block, 16, 1) == ENOMEM && block == &block);
    expect("malloc_usable_size", malloc_usable_size(some) == 0);
    free(some);
}

static void processes(void)
{
    char *none[] = {NULL};
    struct timespec past = {1, 0};
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pid_t pid = -5;
    expect("fexecve", fexecve(0, (char *[]){"x", NULL}, none) == -1 && errno == ENOSYS);
    expect("execvpe", execvpe("/bin/true", none, none) == -1 && errno == ENOSYS);
    expect("_Fork", _Fork() == -1 && errno == ENOSYS);
    expect("posix_spawnp", posix_spawnp(&pid, "true", NULL, NULL, none, none) == ENOSYS);
    expect("pthread_setname_np", pthread_setname_np(pthread_self(), "x") == ENOSYS);
    pthread_mutex_lock(&mutex);
    expect("pthread_mutex_timedlock", pthread_mutex_timedlock(&mutex, &past) == ENOSYS);
    pthread_mutex_unlock(&mutex);
    pid = fork();
    if (pid == 0)
        _exit(7);
    int status = 0;
    waitpid(pid, &status, 0);
    expect("_exit", WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

int main(void)
{
    if (!hidden) {
        book("hidden 0\n");
        return 0;
    }
    files();
    memory();
    processes();
    book("hidden %d\nrefused %d\nwrong %d\n", hidden, refused, wrong);
    return wrong != 0;
}
