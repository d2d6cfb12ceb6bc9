/* counts WHAT: does things that the kernel counts, with pauses that nobody sleeps through, so that
 * the tracer, which looks when a call is over and 20 ms have gone by, has its chances. Prints what
 * the process knows of itself.
 *     usage     faults, switches, descriptors: "first" and "last" numbers of the kernel's, between
 *               which there is at least one look
 *     memory    mmap and brk, without malloc: "resident NAME BYTES" for each state
 *     heap      malloc in steps: "level BYTES" for each change, in order
 *     bursts    many at once, then a pause: "level BYTES" after each burst */
#define _GNU_SOURCE
#include "book.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum {
    LOOK_USEC = 30000, /* more than the 20 ms between two looks */
    STEP_USEC = 3000,  /* more than the 1 ms between two tellings of the heap's size */
    MAPPED = 64 << 20,
    BROKEN = 24 << 20,
    FILES = 50,
    STEPS = 20,
    BURST = 100
};

static void pass(long usec)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t until = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000 + usec;
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000 < until);
}

/* Long enough for a look, then a call for it to happen at; more than once. */
static void let_look(void)
{
    for (int i = 0; i < 3; i++) {
        pass(LOOK_USEC);
        close(-1);
    }
}

static long resident(void)
{
    char text[128] = "", *at;
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/statm", O_RDONLY);
    if (syscall(SYS_read, fd, text, sizeof text - 1) <= 0)
        abort();
    syscall(SYS_close, fd);
    strtol(text, &at, 10);
    return strtol(at, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void tell_usage(const char *when)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    book("%s_minor %ld\n%s_major %ld\n%s_voluntary %ld\n%s_involuntary %ld\n", when,
         usage.ru_minflt, when, usage.ru_majflt, when, usage.ru_nvcsw, when, usage.ru_nivcsw);
}

static int descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 4096; fd++)
        count += syscall(SYS_fcntl, fd, F_GETFD) >= 0;
    return count;
}

static void touch(char *memory, size_t size)
{
    for (size_t i = 0; i < size; i += 4096)
        ((volatile char *)memory)[i] = 1;
}

static void *map(void)
{
    char *memory = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    madvise(memory, MAPPED, MADV_NOHUGEPAGE);
    touch(memory, MAPPED);
    return memory;
}

static void usage(void)
{
    struct timespec moment = {0, 1000};
    int files[FILES];
    let_look();
    map();
    for (int i = 0; i < 200; i++) /* gives the processor away; nothing depends on it */
        nanosleep(&moment, NULL);
    for (int i = 0; i < FILES; i++)
        files[i] = open("/dev/null", O_RDONLY);
    tell_usage("first");
    let_look();
    tell_usage("last");
    for (int i = 0; i < FILES; i++)
        close(files[i]);
    let_look();
    book("files %d\nfaults %d\ndescriptors %d\n", FILES, MAPPED / 4096, descriptors());
}

static void memory(void)
{
    free(opaque(malloc(1000)));
    pass(STEP_USEC);
    free(opaque(malloc(1000)));
    let_look();
    book("resident_start %ld\n", resident());
    void *mapped = map();
    let_look();
    book("resident_mapped %ld\n", resident());
    char *broken = sbrk(BROKEN);
    if (broken == (void *)-1)
        abort();
    touch(broken, BROKEN);
    let_look();
    book("resident_broken %ld\n", resident());
    munmap(mapped, MAPPED);
    let_look();
    book("resident_end %ld\nmapped %d\nbroken %d\n", resident(), MAPPED, BROKEN);
}

static void heap(void)
{
    static void *blocks[STEPS];
    long live = 0;
    for (int i = 0; i < STEPS; i++) {
        pass(STEP_USEC);
        blocks[i] = opaque(malloc(10000 + (size_t)i));
        book("level %ld\n", live += 10000 + i);
    }
    for (int i = 0; i < STEPS; i += 2) {
        pass(STEP_USEC);
        free(blocks[i]);
        book("level %ld\n", live -= 10000 + i);
    }
    pass(STEP_USEC);
    blocks[1] = opaque(realloc(blocks[1], 500000));
    book("level %ld\n", live += 500000 - 10001);
}

static void bursts(void)
{
    static void *blocks[STEPS][BURST];
    long live = 0;
    for (int i = 0; i < STEPS; i++) {
        pass(STEP_USEC);
        for (int k = 0; k < BURST; k++)
            blocks[i][k] = opaque(malloc(1000));
        book("level %ld\n", live += 1000 * BURST);
    }
    pass(STEP_USEC);
    for (int k = 0; k < BURST; k++)
        free(blocks[0][k]);
    book("level %ld\n", live -= 1000 * BURST);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    alarm(60);
    if (strcmp(argv[1], "usage") == 0)
        usage();
    else if (strcmp(argv[1], "memory") == 0)
        memory();
    else if (strcmp(argv[1], "heap") == 0)
        heap();
    else if (strcmp(argv[1], "bursts") == 0)
        bursts();
    else
        return 2;
    return 0;
}
