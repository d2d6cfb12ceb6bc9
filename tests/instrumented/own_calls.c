/* Stands in front of libc functions and counts who calls them, while it makes events of every kind
 * with others. Prints the counts of everything between main's first line and its last: with a
 * tracer they must be what they are without one. */
#define _GNU_SOURCE
#include "../programs/book.h"
#include "../programs/lookup.h"
#include "vitte_trace.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define PLAIN __attribute__((no_instrument_function))

/* Every function by its number of arguments, all of which fit in registers. */
/* clang-format off */
#define COUNTED(X)                                                                                 \
    X(malloc)                                                                                      \
    X(calloc)                                                                                      \
    X(realloc)                                                                                     \
    X(reallocarray)                                                                                \
    X(free) X(posix_memalign) X(aligned_alloc) X(memalign) X(pthread_mutex_lock)                   \
        X(pthread_mutex_unlock) X(pthread_mutex_trylock) X(pthread_once) X(pthread_rwlock_rdlock)  \
            X(pthread_rwlock_wrlock) X(pthread_sigmask) X(pthread_getattr_np) X(pthread_kill)      \
                X(sigprocmask) X(sigaction) X(open) X(open64) X(read) X(write) X(pwrite) X(close)  \
                    X(fcntl) X(fcntl64) X(ioctl) X(lseek) X(mmap) X(mmap64) X(munmap) X(mprotect)  \
                        X(madvise) X(ftruncate) X(fallocate) X(posix_fallocate) X(mkdir) X(unlink) \
                            X(rename) X(stat) X(access) X(readlink) X(getcwd) X(clock_gettime)     \
                                X(clock_nanosleep) X(nanosleep) X(sched_yield) X(getpid)           \
                                    X(getppid) X(gettid) X(getenv) X(secure_getenv) X(setenv)      \
                                        X(prctl) X(fopen) X(fopen64) X(fwrite) X(fputs) X(fflush)  \
                                            X(vfprintf) X(sem_wait) X(sem_post) X(dlopen)          \
                                                X(dladdr) X(backtrace) X(raise) X(kill) X(atexit)  \
                                                    X(on_exit) X(pthread_key_create)               \
                                                        X(sigaltstack) X(shm_open) X(memfd_create) \
                                                            X(sysconf) X(getrandom)
/* clang-format on */

enum {
#define NUMBER(name) NUMBER_##name,
    COUNTED(NUMBER) FUNCTIONS
};
static const char *const names[] = {
#define NAME(name) #name,
    COUNTED(NAME)};
static long counts[FUNCTIONS];

typedef long function(long, long, long, long, long, long);

PLAIN static void *answer(const char *name, const char *version)
{
    (void)version;
    return in_libc(name, 0);
}

#define DEFINE(name)                                                                               \
    PLAIN long counted_##name(long, long, long, long, long, long) __asm__(#name);                  \
    long counted_##name(long a, long b, long c, long d, long e, long f)                            \
    {                                                                                              \
        static function *real;                                                                     \
        if (!real)                                                                                 \
            real = (function *)in_libc(#name, 0);                                                  \
        if (NUMBER_##name != NUMBER_free || a) /* libc frees NULL once per loaded library */       \
            __atomic_fetch_add(&counts[NUMBER_##name], 1, __ATOMIC_RELAXED);                       \
        return real(a, b, c, d, e, f);                                                             \
    }
COUNTED(DEFINE)

/* ---- the events ---- */

__attribute__((noinline)) static void called(void)
{
    __asm__ volatile("");
}

static void scopes(void)
{
    VT_SCOPE("scope");
    vt_counter_int("counter", 1);
    vt_instant("instant", 1, (struct vt_arg[]){VT_STRING("key", "value")});
    vt_thread_name("renamed");
}

static void files(void)
{
    char byte;
    extern int openat(int, const char *, int, ...);
    int fd = openat(-100, "/dev/zero", 0);
    if (pread(fd, &byte, 1, 0) == 1)
        dup2(fd, dup(fd));
    close_range((unsigned)fd, (unsigned)fd + 1, 0);
}

static void *events(void *argument)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec past = {1, 0};
    for (int i = 0; i < 20000; i++) /* more than two blocks */
        called();
    for (int i = 0; i < 100; i++)
        scopes();
    files();
    pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&condition, &mutex, &past);
    pthread_mutex_unlock(&mutex);
    pthread_setname_np(pthread_self(), "named");
    return argument;
}

PLAIN int main(void)
{
    static long results[FUNCTIONS];
    char *none[] = {NULL};
    memset(counts, 0, sizeof counts);
    events(NULL);
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, events, NULL);
        pthread_join(thread, NULL);
    }
    execve("/nonexistent", none, none);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    memcpy(results, counts, sizeof results);
    for (int i = 0; i < FUNCTIONS; i++)
        book("%s %ld\n", names[i], results[i]);
    return 0;
}
