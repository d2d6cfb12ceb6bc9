/* THREADS threads, one after the other, on stacks of their own and of libc's; each makes calls and
 * moves some memory. Before the first and behind the last of them a file is asked for that does not
 * exist, by a system call of the program's own: marks for who watches its system calls. Prints
 * whether libgcc_s was loaded. */
#define _GNU_SOURCE
#include "../programs/book.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PLAIN __attribute__((no_instrument_function))

enum { THREADS = 40, CALLS = 1000, STACK = 128 << 10 };

static volatile int sink;

__attribute__((noinline)) static void called(int i)
{
    sink += i;
}

PLAIN static void *routine(void *argument)
{
    for (int i = 0; i < CALLS; i++)
        called(i);
    free(opaque(malloc(100)));
    return argument;
}

PLAIN static int is_loaded(const char *library)
{
    static char text[1 << 16];
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY), length = 0, got;
    while ((got = syscall(SYS_read, fd, text + length, sizeof text - 1 - length)) > 0)
        length += got;
    text[length] = '\0';
    return strstr(text, library) != NULL;
}

PLAIN int main(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    alarm(60);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK);
    syscall(SYS_openat, AT_FDCWD, "/mark/first", O_RDONLY);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, i % 2 ? &attributes : NULL, routine, NULL) != 0 ||
            pthread_join(thread, NULL) != 0)
            return 1;
    syscall(SYS_openat, AT_FDCWD, "/mark/last", O_RDONLY);
    book("calls %d\nthreads %d\nlibc %d\nlibgcc %d\n", THREADS * CALLS, THREADS + 1,
         is_loaded("/libc.so"), is_loaded("/libgcc_s"));
    return 0;
}
