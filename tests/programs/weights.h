/* Does known things on known stacks, and says what each stack comes to: lines "WEIGHT STACK VALUE",
 * the stack from work() or worker() on. One source for two programs: with instrumented functions,
 * and without. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APART    __attribute__((noinline))
#define UNSEEN   __attribute__((noinline, no_instrument_function))
#define NOT_LAST __asm__ volatile("" ::: "memory") /* so that no call becomes a jump */

static struct {
    char weight[16], stack[64];
    unsigned long value;
} book[64];
static size_t lines;

UNSEEN static void note(const char *weight, const char *stack, unsigned long value)
{
    size_t i = 0;
    while (i < lines && (strcmp(book[i].weight, weight) != 0 || strcmp(book[i].stack, stack) != 0))
        i++;
    if (i == lines) {
        strcpy(book[i].weight, weight);
        strcpy(book[i].stack, stack);
        lines++;
    }
    book[i].value += value;
}

/* In one write, without an allocation. */
UNSEEN static void tell(void)
{
    static char text[8192];
    size_t size = 0;
    for (size_t i = 0; i < lines; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s %s %lu\n", book[i].weight,
                                 book[i].stack, book[i].value);
    if (write(1, text, size) != (ssize_t)size)
        _exit(1);
}

static void *kept[3], *handed_over;
static char moved[300];

/* `stack` is what the caller says that it is. */
APART void *leaf(size_t size, const char *stack)
{
    char line[64];
    void *block = malloc(size);
    NOT_LAST;
    snprintf(line, sizeof line, "%s;leaf;malloc", stack);
    note("allocated", line, size);
    note("calls", line, 1);
    snprintf(line, sizeof line, "%s;leaf", stack);
    note("calls", line, 1);
    return block;
}

APART void leaks(void)
{
    static const size_t sizes[] = {1000, 2000, 30};
    for (size_t i = 0; i < 3; i++) {
        kept[i] = leaf(sizes[i], "work;leaks");
        note("leaked", "work;leaks;leaf;malloc", sizes[i]);
        note("peak", "work;leaks;leaf;malloc", sizes[i]);
    }
    note("calls", "work;leaks", 1);
    NOT_LAST;
}

APART void temporaries(void)
{
    for (int i = 0; i < 10; i++) {
        void *block = leaf(100, "work;temporaries");
        free(block);
        note("temporary", "work;temporaries;leaf;malloc", 1);
        note("calls", "work;temporaries;free", 1);
    }
    note("calls", "work;temporaries", 1);
    NOT_LAST;
}

APART void grows(void)
{
    void *block = leaf(5000, "work;grows");
    void *larger = realloc(block, 700000);
    note("allocated", "work;grows;realloc", 700000);
    note("peak", "work;grows;realloc", 700000); /* the old block is gone by then */
    void *small = leaf(50, "work;grows");       /* so that the larger one is not temporary */
    note("peak", "work;grows;leaf;malloc", 50);
    free(larger);
    free(small);
    note("temporary", "work;grows;leaf;malloc", 1);
    note("calls", "work;grows;realloc", 1);
    note("calls", "work;grows;free", 2);
    note("calls", "work;grows", 1);
    NOT_LAST;
}

APART void moves(void)
{
    int from = open("/dev/zero", O_RDONLY), to = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 3; i++)
        if (read(from, moved, sizeof moved) == sizeof moved && write(to, moved, 100) == 100) {
            note("io-bytes", "work;moves;read", sizeof moved);
            note("io-bytes", "work;moves;write", 100);
            note("calls", "work;moves;read", 1);
            note("calls", "work;moves;write", 1);
        }
    close(from);
    close(to);
    note("calls", "work;moves;open", 2);
    note("calls", "work;moves;close", 2);
    note("calls", "work;moves", 1);
    NOT_LAST;
}

/* The block is another thread's by then: it did not leak. */
APART void frees(void)
{
    free(handed_over);
    note("calls", "work;frees;free", 1);
    note("calls", "work;frees", 1);
    NOT_LAST;
}

APART void work(void)
{
    leaks();
    temporaries();
    grows();
    moves();
    frees();
    note("calls", "work", 1);
    NOT_LAST;
}

APART void *worker(void *unused)
{
    (void)unused;
    handed_over = leaf(4000, "worker");
    note("peak", "worker;leaf;malloc", 4000);
    note("calls", "worker", 1);
    return NULL;
}

APART static int run_weights(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, worker, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    work();
    tell();
    return 0;
}
