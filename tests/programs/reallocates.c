/* Blocks that grow: one a hundred times, and one that cannot, which stays where it is. "kept"
 * prints what is never freed. */
#include "book.h"

#include <stdint.h>
#include <stdlib.h>

enum { GROWTH = 100, STEP = 1000, KEPT = 1 << 20, LAST = 16 };

__attribute__((noinline)) static char *make(size_t size)
{
    char *block = malloc(size);
    __asm__ volatile("" : : "r"(block) : "memory");
    return block;
}

__attribute__((noinline)) static void grow(void)
{
    char *volatile block = NULL;
    for (int i = 1; i <= GROWTH; i++)
        block = realloc(block, (size_t)i * STEP);
    free(block);
}

__attribute__((noinline)) static void fail_to_grow(void)
{
    volatile size_t too_much = SIZE_MAX / 4;
    char *volatile block = make(KEPT);
    if (realloc(block, too_much))
        abort();
    char *volatile other = make(LAST);
    (void)other;
}

int main(void)
{
    grow();
    fail_to_grow();
    book("kept %d\ngrowth %d\n", KEPT + LAST, GROWTH);
    return 0;
}
