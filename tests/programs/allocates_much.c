/* Three million allocations from two places, a tenth of them large; every thirtieth is kept. Prints
 * what came from where. */
#include <stdio.h>
#include <stdlib.h>

enum { ALL = 3000000, SMALL = 48, LARGE = 5000 };

static void *volatile kept[ALL / 30];

__attribute__((noinline)) static void *small_one(void)
{
    void *block = malloc(SMALL);
    __asm__ volatile("" : : "r"(block) : "memory");
    return block;
}

__attribute__((noinline)) static void *large_one(void)
{
    void *block = malloc(LARGE);
    __asm__ volatile("" : : "r"(block) : "memory");
    return block;
}

int main(void)
{
    int count = 0;
    for (int i = 0; i < ALL; i++) {
        void *block = i % 10 ? small_one() : large_one();
        if (i % 30 == 0)
            kept[count++] = block;
        else
            free(block);
    }
    printf("small_one %ld\n", (long)SMALL * (ALL - ALL / 10));
    printf("large_one %ld\n", (long)LARGE * (ALL / 10));
    printf("kept %ld\n", (long)LARGE * count);
    return 0;
}
