/* Stacks for an unwinder: frames whose size is only known when they are made, frames that are
 * aligned to more than the stack is, and both. unwinds_alloca ROUNDS prints a sum. */
#include <alloca.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

static long sum;

__attribute__((noinline)) static void leaf(const char *text, size_t size)
{
    char *copy = (char *)malloc(size);
    memcpy(copy, text, size);
    for (size_t i = 0; i < size; i++)
        sum += copy[i];
    free(copy);
}

static void descend(int depth);

__attribute__((noinline)) static void with_alloca(int depth)
{
    size_t size = (size_t)(16 + depth * 24);
    char *text = (char *)alloca(size);
    memset(text, depth, size);
    leaf(text, size);
    descend(depth - 1);
    sum += text[size - 1];
}

__attribute__((noinline)) static void with_array(int depth)
{
    int size = 7 + depth * 5;
    char text[size];
    memset(text, 1, (size_t)size);
    descend(depth - 1);
    leaf(text, (size_t)size);
}

__attribute__((noinline)) static void with_alignment(int depth)
{
    alignas(64) char text[128];
    memset(text, depth, sizeof text);
    leaf(text, sizeof text);
    descend(depth - 1);
    sum += text[depth];
}

__attribute__((noinline)) static void with_both(int depth)
{
    alignas(128) char text[256];
    char *more = (char *)alloca((size_t)(depth + 1) * 8);
    memset(text, 1, sizeof text);
    memset(more, 2, (size_t)(depth + 1) * 8);
    leaf(more, 8);
    descend(depth - 1);
    leaf(text, sizeof text);
    sum += more[0];
}

__attribute__((noinline)) static void descend(int depth)
{
    static void (*const ways[])(int) = {with_alloca, with_array, with_alignment, with_both};
    if (depth > 0)
        ways[(depth * 7 + sum) & 3](depth);
    sum++;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 100;
    for (long i = 0; i < rounds; i++)
        descend((int)(i % 24));
    printf("sum %ld\n", sum);
    return 0;
}
