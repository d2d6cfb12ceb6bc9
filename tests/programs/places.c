/* An allocation below an inlined function: prints the lines that a trace must have of its stack. */
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 4711 };

static int ask_line, pass_line, begin_line;
static void *volatile kept;

static inline __attribute__((always_inline)) void ask(size_t size)
{
    ask_line = __LINE__ + 1;
    kept = malloc(size);
}

static __attribute__((noinline)) void pass(size_t size)
{
    pass_line = __LINE__ + 1;
    ask(size);
    free(kept);
}

int main(void)
{
    begin_line = __LINE__ + 1;
    pass(SIZE);
    printf("ask %d\npass %d\nbegin %d\n", ask_line, pass_line, begin_line);
    return 0;
}
