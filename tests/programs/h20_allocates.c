/* Threads whose very first event, and many later ones, lie inside of an allocator that holds its
 * lock and opens a file: see libraries/h20_allocator.c, whose count of opens is printed. */
#define _GNU_SOURCE
#include "book.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 60, BLOCKS = 400, SIZE = 555 };

__attribute__((weak)) long h20_opens(void);

static void *routine(void *unused)
{
    for (int i = 0; i < BLOCKS; i++) {
        char *block = opaque(malloc(SIZE));
        if (!block)
            abort();
        memset(block, 1, SIZE);
        free(block);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    alarm(60);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, routine, NULL) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    book("blocks %d\nsize %d\nopens %ld\n", THREADS * BLOCKS, SIZE, h20_opens ? h20_opens() : -1);
    return 0;
}
