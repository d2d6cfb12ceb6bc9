/* Lives before everybody's constructors: while the loader still puts the program together, it runs
 * a function of the program to choose another one. Nobody has read the environment by then.
 * Allocates and does I/O there, and looks whether a tracer has built anything already; counts what
 * is registered to run at exit, and from where. Keeps some blocks for main. */
#define _GNU_SOURCE
#include "book.h"
#include "lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT = 8, LATER = 5 };

static int early, errno_early, registered, registered_early, session_early, wrong, environment;
static void *kept[KEPT];

static void *answer(const char *name, const char *version)
{
    (void)version;
    return in_libc(name, 0);
}

/* ---- what a library may register ---- */

static void *registers(const char *name)
{
    registered++;
    registered_early += early;
    return in_libc(name, 0);
}

int on_exit(void (*function)(int, void *), void *argument)
{
    int (*real)(void (*)(int, void *), void *) = registers("on_exit");
    return real(function, argument);
}

int __cxa_at_quick_exit(void (*function)(void *), void *library)
{
    int (*real)(void (*)(void *), void *) = registers("__cxa_at_quick_exit");
    return real(function, library);
}

int __cxa_atexit(void (*function)(void *), void *argument, void *library)
{
    int (*real)(void (*)(void *), void *, void *) = registers("__cxa_atexit");
    return real(function, argument, library);
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    int (*real)(pthread_key_t *, void (*)(void *)) = registers("pthread_key_create");
    return real(key, destructor);
}

/* ---- */

static int session_there(void)
{
    char path[64];
    snprintf(path, sizeof path, "vitte-trace-%d.vtrace", (int)getpid());
    return syscall(SYS_access, path, F_OK) == 0;
}

static void allocate(void)
{
    kept[0] = opaque(malloc(100));
    kept[1] = calloc(10, 10);
    kept[2] = realloc(malloc(10), 100);
    kept[3] = reallocarray(NULL, 10, 10);
    wrong += posix_memalign(&kept[4], 64, 100) != 0;
    kept[5] = aligned_alloc(64, 128);
    for (int i = 6; i < KEPT; i++)
        kept[i] = opaque(malloc(100));
    free(opaque(malloc(5000)));
    for (int i = 0; i < KEPT; i++) {
        wrong += kept[i] == NULL;
        memset(kept[i], i + 1, 100);
    }
}

static void use_files(void)
{
    char bytes[4] = "abc";
    int fd = open("/dev/zero", O_RDWR);
    int copy = dup(fd);
    wrong += fd < 0 || copy < 0 || write(copy, bytes, 4) != 4 || read(fd, bytes, 4) != 4;
    wrong += bytes[0] != 0 || close(copy) != 0 || close(fd) != 0;
    wrong += close(fd) != -1 || errno != EBADF;
}

static int chosen(void)
{
    return 1;
}

/* The loader asks which function `choice` is when it relocates the program: thread-local storage is
 * there, but not yet what it is to hold. */
__attribute__((used)) static int (*choose(void))(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    extern char **environ;
    early = 1;
    environment = environ != NULL;
    allocate();
    use_files();
    wrong += pthread_mutex_lock(&mutex) != 0 || pthread_mutex_unlock(&mutex) != 0;
    session_early = session_there();
    early = 0;
    return chosen;
}
int choice(void) __attribute__((ifunc("choose")));

/* Before the constructors of all libraries but those that ask to be the first of all. */
static void preinit(void)
{
    errno_early = errno;
    errno = 77;
}
__attribute__((section(".preinit_array"), used)) static void (*const entry)(void) = preinit;

int main(void)
{
    int errno_after = errno;
    wrong += !choice();
    for (int i = 0; i < KEPT; i++) {
        for (int k = 0; k < 100; k++)
            wrong += ((char *)kept[i])[k] != i + 1;
        free(kept[i]);
    }
    for (int i = 0; i < LATER; i++)
        free(opaque(malloc(300)));
    book("environment_readable %d\nsession_early %d\nsession_in_main %d\n", environment,
         session_early, session_there());
    book("registered %d\nregistered_early %d\nerrno_early %d\nerrno %d\n", registered,
         registered_early, errno_early, errno_after);
    book("kept %d\nlater %d\nwrong %d\n", KEPT, LATER, wrong);
    return wrong != 0;
}
