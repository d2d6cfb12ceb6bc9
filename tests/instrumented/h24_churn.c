/* THREADS short threads, eight at a time, each with calls, a block and a read. Prints what they
 * did, and by how many KiB the address space has grown since the first hundred. */
#define _GNU_SOURCE
#include "../programs/book.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum { THREADS = 10000, AT_ONCE = 8, CALLS = 20, SIZE = 321 };

static int zero;
static volatile int sink;

__attribute__((noinline)) static void called(int i)
{
    sink += i;
}

PLAIN static void *routine(void *argument)
{
    char byte;
    for (int i = 0; i < CALLS; i++)
        called(i);
    free(opaque(malloc(SIZE)));
    if (read(zero, &byte, 1) != 1)
        abort();
    return argument;
}

PLAIN static long address_space(void)
{
    char text[4096];
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY);
    long length = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    text[length > 0 ? length : 0] = '\0';
    const char *line = strstr(text, "VmSize:");
    return line ? atol(line + 7) : -1;
}

PLAIN int main(void)
{
    pthread_t threads[AT_ONCE];
    long before = 0;
    alarm(100);
    mallopt(M_ARENA_MAX, 1); /* libc's own arenas would be counted */
    zero = open("/dev/zero", O_RDONLY);
    for (int made = 0; made < THREADS; made += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++)
            if (pthread_create(&threads[i], NULL, routine, NULL) != 0)
                return 1;
        for (int i = 0; i < AT_ONCE; i++)
            pthread_join(threads[i], NULL);
        if (made == 96)
            before = address_space();
    }
    book("threads %d\ncalls %d\nblocks %d\nsize %d\ngrown %ld\n", THREADS + 1, THREADS * CALLS,
         THREADS, SIZE, address_space() - before);
    return 0;
}
