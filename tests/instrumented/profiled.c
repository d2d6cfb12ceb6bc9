/* For the report of the Vitte profiler: calls, recursion and allocations that are known by count.
 *
 *     profiled books           a little of everything; prints what the report has to say
 *     profiled limits N        at the limits of the warnings (N 0), or one above each (N 1) */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUIET __attribute__((no_instrument_function))

enum { CALLS = 30, DEPTH = 40, BLOCKS = 25, READS = 7 };

static volatile int sink;
static void *volatile kept;

void leaf(void)
{
    sink++;
}

/* As the compiler of Vitte names a procedure. */
int vitte_fn_fib_1(int n)
{
    return n < 2 ? n : vitte_fn_fib_1(n - 1) + vitte_fn_fib_1(n - 2);
}

void descend(int levels)
{
    sink++;
    if (levels > 1)
        descend(levels - 1);
    sink--;
}

void allocate(long blocks, size_t size)
{
    for (long i = 0; i < blocks; i++) {
        kept = malloc(size);
        free(kept);
    }
}

void read_zeros(void)
{
    char zeros[16];
    int fd = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < READS; i++)
        sink += (int)read(fd, zeros, sizeof zeros);
    close(fd);
}

static void *worker(void *argument)
{
    pthread_setname_np(pthread_self(), "worker");
    for (int i = 0; i < CALLS; i++)
        leaf();
    return argument;
}

static void books(void)
{
    pthread_t thread;
    for (int i = 0; i < CALLS; i++)
        leaf();
    vitte_fn_fib_1(10);
    descend(DEPTH);
    allocate(BLOCKS, 100);
    read_zeros();
    pthread_create(&thread, NULL, worker, NULL);
    pthread_join(thread, NULL);
    printf("leaf %d\nfib %d\ndescend %d\ndepth %d\nblocks %d\nbytes %d\nreads %d\n", CALLS, 177,
           DEPTH, DEPTH - 1, BLOCKS, BLOCKS * 100, READS);
}

/* Not by computing: what the machine is busy with makes no difference. */
void wait_for(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void limits(int above)
{
    wait_for(above ? 1001 : 100);
    allocate(100000 + above, 16);
    descend(65 + above);
}

int QUIET main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "books") == 0)
        books();
    if (argc > 2 && strcmp(argv[1], "limits") == 0)
        limits(atoi(argv[2]));
    return 0;
}
