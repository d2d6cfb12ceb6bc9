/* The old glibc, where dlsym allocated: every lookup comes back to the allocator that is being
 * looked up. Keeps some of the blocks from that time and uses them later, in main. Prints how many
 * lookups came, how many blocks it kept, and how many of them it gave to realloc. */
#define _GNU_SOURCE
#include "book.h"
#include "lookup.h"

#include <malloc.h>
#include <stdlib.h>

enum { KEPT = 24, SIZE = 40 };

static int lookups, kept, wrong;
static unsigned char *blocks[KEPT];

static void check(int right)
{
    wrong += !right;
}

static int holds(const unsigned char *block, unsigned char value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != value)
            return 0;
    return 1;
}

/* What error messages and hash tables of a dynamic loader do. */
static void allocate(void)
{
    unsigned char *zeros = calloc(3, 8), *text = malloc(SIZE / 2), *larger;
    check(zeros && holds(zeros, 0, 24) && text && (uintptr_t)text % 16 == 0);
    memset(zeros, 0xff, 24);
    memset(text, kept, SIZE / 2);
    larger = realloc(text, SIZE);
    check(larger && holds(larger, (unsigned char)kept, SIZE / 2));
    check(malloc_usable_size(larger) >= SIZE);
    memset(larger, kept, SIZE);
    free(zeros);
    free(NULL);
    blocks[kept++] = larger;
}

static void allocate_aligned(void)
{
    void *block = NULL;
    volatile size_t half = SIZE_MAX / 2;
    check(posix_memalign(&block, 64, 32) == 0 && (uintptr_t)block % 64 == 0);
    free(block);
    block = aligned_alloc(32, 32);
    check(block && (uintptr_t)block % 32 == 0);
    free(block);
    block = memalign(128, 8);
    check(block && (uintptr_t)block % 128 == 0);
    free(reallocarray(block, 4, 16));
    check(calloc(half, 3) == NULL);
}

static void *answer(const char *name, const char *version)
{
    (void)version;
    lookups++;
    if (kept < KEPT)
        allocate();
    if (lookups == 3)
        allocate_aligned();
    return in_libc(name, 0);
}

int main(void)
{
    int reallocated = 0;
    for (int i = 0; i < kept; i++) {
        check(holds(blocks[i], (unsigned char)i, SIZE));
        if (i % 2 == 0) {
            blocks[i] = realloc(blocks[i], 5000);
            reallocated++;
            check(blocks[i] && holds(blocks[i], (unsigned char)i, SIZE));
            memset(blocks[i], 0xee, 5000);
        }
    }
    for (int i = 0; i < kept; i++)
        free(blocks[i]);
    book("lookups %d\nkept %d\nreallocated %d\nwrong %d\n", lookups, kept, reallocated, wrong);
    return wrong != 0;
}
