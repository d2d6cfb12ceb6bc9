/* loads_library LIBRARY: loads it by dlopen, unloads it and loads it again, while threads from
 * before that time live on, and calls what it exports from all of them. */
#define _GNU_SOURCE
#include "book.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 3 };

static pthread_barrier_t barrier;
static void *library;
static int wrong;

static void *symbol(const char *name)
{
    void *found = dlsym(library, name);
    if (!found)
        abort();
    return found;
}

static void *caller(void *argument)
{
    pthread_barrier_wait(&barrier); /* until the library is there */
    void *(*allocate)(size_t) = symbol("malloc");
    void (*release)(void *) = symbol("free");
    void (*enter)(void *, void *) = symbol("__cyg_profile_func_enter");
    ssize_t (*reads)(int, void *, size_t) = symbol("read");
    int (*closes)(int) = symbol("close");
    char bytes[8] = "1234567";
    int fd = open("/dev/zero", O_RDONLY);
    int bad = reads(fd, bytes, sizeof bytes) != 8 || bytes[0] != 0 || closes(fd) != 0;
    for (int i = 0; i < 100; i++) {
        char *block = allocate(100);
        enter(caller, caller);
        bad += block == NULL;
        memset(block, 1, 100);
        release(block);
        free(allocate(10)); /* one family: libc's own free is right for it */
    }
    __atomic_fetch_add(&wrong, bad, __ATOMIC_RELAXED);
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    if (argc < 2)
        return 2;
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, caller, NULL);
    library = dlopen(argv[1], RTLD_NOW);
    book("loaded %d\n", library != NULL);
    if (!library) {
        dprintf(2, "%s\n", dlerror());
        _exit(1);
    }
    book("unloaded %d\n", dlclose(library) == 0);
    library = dlopen(argv[1], RTLD_NOW);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_create(&threads[0], NULL, (void *(*)(void *))(void *)free, NULL);
    pthread_join(threads[0], NULL);
    dlclose(library);
    book("wrong %d\n", wrong);
    return wrong != 0;
}
