/* errno around everything: what succeeds leaves it alone, what fails sets it to what it is known to
 * be. Instrumented calls and the program's own events never touch it, also while the tracer's files
 * are away, so that its own calls fail. Prints how much was looked at and how much was wrong. */
#define _GNU_SOURCE
#include "../programs/book.h"
#include "vitte_trace.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define PLAIN __attribute__((no_instrument_function))

enum { MARK = 4321 };

static int checks, wrong;
static volatile size_t huge = PTRDIFF_MAX, half = SIZE_MAX / 2;

/* The call's errno is `expected`; MARK: untouched. */
#define CHECK(call, expected)                                                                      \
    do {                                                                                           \
        errno = MARK;                                                                              \
        (void)(call);                                                                              \
        int after = errno;                                                                         \
        checks++;                                                                                  \
        if (after != (expected)) {                                                                 \
            wrong++;                                                                               \
            dprintf(2, "%s: errno %d, not %d\n", #call, after, (expected));                        \
        }                                                                                          \
    } while (0)

__attribute__((noinline)) static int called(void)
{
    return errno != MARK;
}

/* Enough calls for several blocks. */
PLAIN static void functions(void)
{
    errno = MARK;
    for (int i = 0; i < 40000; i++)
        wrong += called();
    checks++;
    wrong += errno != MARK;
}

static void scopes(void)
{
    struct vt_arg argument = VT_STRING("key", "value");
    CHECK(vt_begin("scope", 1, &argument), MARK);
    CHECK(vt_end(), MARK);
    CHECK(vt_instant("instant", 0, NULL), MARK);
    CHECK(vt_counter_int("counter", 1), MARK);
    CHECK(vt_thread_name("named"), MARK);
    CHECK(vt_tracer_flush(), MARK);
}

static void memory(void)
{
    void *block = NULL, *volatile some = NULL;
    CHECK(some = opaque(malloc(1000)), MARK);
    CHECK(some = opaque(realloc(some, 100000)), MARK);
    CHECK(opaque(realloc(some, huge)), ENOMEM);
    CHECK(opaque(reallocarray(some, half, 4)), ENOMEM);
    CHECK(free(some), MARK);
    CHECK(free(opaque(calloc(10, 10))), MARK);
    CHECK(opaque(malloc(huge)), ENOMEM);
    CHECK(opaque(calloc(half, 4)), ENOMEM);
    CHECK(opaque(aligned_alloc(64, huge)), ENOMEM);
    CHECK(posix_memalign(&block, 3, 10), MARK);
    CHECK(posix_memalign(&block, 64, 10), MARK);
    CHECK(free(block), MARK);
}

static void files(void)
{
    char bytes[4];
    int fd = -1, copy = -1;
    CHECK(open("/nonexistent", O_RDONLY), ENOENT);
    CHECK(openat(-1, "x", O_RDONLY), EBADF);
    CHECK(creat("/dev", 0600), EISDIR);
    CHECK(fd = open("/dev/zero", O_RDWR), MARK);
    CHECK(read(fd, bytes, 4), MARK);
    CHECK(write(fd, bytes, 4), MARK);
    CHECK(pread(fd, bytes, 4, 0), MARK);
    CHECK(pread(fd, bytes, 4, -1), EINVAL);
    CHECK(copy = dup(fd), MARK);
    CHECK(dup2(fd, copy), MARK);
    CHECK(dup2(-1, copy), EBADF);
    CHECK(dup3(fd, fd, 0), EINVAL);
    CHECK(close(copy), MARK);
    CHECK(close(copy), EBADF);
    CHECK(close(fd), MARK);
    CHECK(read(fd, bytes, 4), EBADF);
    CHECK(write(-1, bytes, 4), EBADF);
    CHECK(close_range(2000, 1000, 0), EINVAL);
    CHECK(closefrom(900), MARK);
}

static void streams(void)
{
    char bytes[64] = "some bytes";
    FILE *stream = NULL;
    CHECK(fopen("/nonexistent", "r"), ENOENT);
    CHECK(stream = fmemopen(bytes, sizeof bytes, "r+"), MARK); /* it has no descriptor */
    CHECK(fread(bytes + 32, 1, 4, stream), MARK);
    CHECK(fclose(stream), MARK);
    CHECK(stream = fopen("/dev/null", "w"), MARK);
    CHECK(fwrite(bytes, 1, 4, stream), MARK);
    CHECK(fclose(stream), MARK);
}

static void processes(void)
{
    static jmp_buf buffer;
    char *none[] = {NULL}, *command[] = {"true", NULL};
    pid_t pid = 0;
    int status = 1;
    CHECK(execve("/nonexistent", none, none), ENOENT);
    CHECK(execv("/dev/null", command), EACCES);
    CHECK(execlp("no such program", "x", NULL), ENOENT);
    CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, command, none), MARK);
    waitpid(pid, NULL, 0);
    CHECK(pid = fork(), MARK);
    if (pid == 0)
        _exit(errno != MARK);
    waitpid(pid, &status, 0);
    wrong += status != 0;
    CHECK(setjmp(buffer) == 0 ? longjmp(buffer, 1) : (void)0, MARK);
}

static void *threads(void *argument)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec past = {1, 0};
    pthread_t thread = pthread_self();
    wrong += errno != 0; /* a new thread's */
    CHECK(pthread_mutex_lock(&mutex), MARK);
    CHECK(pthread_mutex_timedlock(&mutex, &past), MARK);
    CHECK(pthread_cond_timedwait(&condition, &mutex, &past), MARK);
    CHECK(pthread_mutex_unlock(&mutex), MARK);
    CHECK(pthread_setname_np(thread, "a name that is too long"), MARK);
    functions();
    if (argument) {
        CHECK(pthread_create(&thread, NULL, threads, NULL), MARK);
        CHECK(pthread_join(thread, NULL), MARK);
    }
    return argument;
}

static void everything(void)
{
    functions();
    scopes();
    memory();
    files();
    streams();
    processes();
    errno = 0;
    threads(&errno);
}

/* The folder of the session: what follows the colon in the tracer's own variable. */
static const char *session(void)
{
    const char *ticket = getenv("VITTE_TRACE_SESSION");
    return ticket && strchr(ticket, ':') ? strchr(ticket, ':') + 1 : NULL;
}

PLAIN int main(void)
{
    int at_start = errno;
    const char *error = dlerror();
    char away[PATH_MAX];
    wrong += at_start != 0 || error != NULL;
    everything();
    if (session()) {
        snprintf(away, sizeof away, "%s.away", session());
        wrong += rename(session(), away) != 0;
        everything();
        wrong += rename(away, session()) != 0;
    }
    book("checks %d\nwrong %d\n", checks, wrong);
    return wrong != 0;
}
