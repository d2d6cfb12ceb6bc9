/* Threads hand blocks to each other, which free them, or make them larger and pass them on. All use
 * one arena and sizes for which no thread keeps blocks of its own, so an address that one thread
 * gives back is soon another one's. Prints how much there was of each. */
#define _GNU_SOURCE
#include "book.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 3, ROUNDS = 6000, BOXES = 4, SMALLEST = 1100 };

static _Atomic(void *) boxes[BOXES];
static atomic_long allocated, reallocated, freed, wrong;
static pthread_barrier_t barrier;

/* A block's first bytes are its own address: nobody else may write there while it is live. */
static void *mark(void *block)
{
    memcpy(block, &block, sizeof block);
    return block;
}

static void check(const void *block, const void *marked)
{
    const void *there;
    memcpy(&there, block, sizeof there);
    wrong += there != marked;
}

static void *trade(void *argument)
{
    unsigned random = 1 + *(unsigned *)argument;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1103515245u + 12345u;
        _Atomic(void *) *box = &boxes[(random >> 16) % BOXES];
        void *mine = mark(opaque(malloc(SMALLEST + (random >> 20) % 3 * 100)));
        allocated++;
        void *other = atomic_exchange(box, mine);
        if (!other)
            continue;
        check(other, other);
        if ((random >> 24) % 4 == 0) {
            void *larger = opaque(realloc(other, SMALLEST + 500));
            reallocated++;
            check(larger, other);
            other = atomic_exchange(box, mark(larger));
        }
        freed += other != NULL;
        free(other);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];
    mallopt(M_ARENA_MAX, 1);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = 1000 * i;
        pthread_create(&threads[i], NULL, trade, &seeds[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < BOXES; i++)
        if (boxes[i]) {
            free(boxes[i]);
            freed++;
        }
    book("allocated %ld\nreallocated %ld\nfreed %ld\nwrong %ld\nsmallest %d\n", allocated,
         reallocated, freed, wrong, SMALLEST);
    return wrong != 0;
}
