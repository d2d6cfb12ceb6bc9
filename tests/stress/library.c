/* A library to be loaded and unloaded; built twice, as a.so and b.so, whose functions have the same
 * places and different names. */
#include "stress.h"

#define PASTE(a, b) a##b
#define JOIN(a, b)  PASTE(a, b)
#define OURS(name)  JOIN(LETTER, name)

__attribute__((constructor)) NOINLINE void OURS(_begin)(void)
{
    stress_book(JOIN(FUNCTION_, OURS(_begin)), 1);
}

__attribute__((destructor)) NOINLINE void OURS(_end)(void)
{
    stress_book(JOIN(FUNCTION_, OURS(_end)), 1);
}

NOINLINE int OURS(_work)(int depth)
{
    stress_book(JOIN(FUNCTION_, OURS(_work)), 1);
    return depth ? OURS(_work)(depth - 1) + 1 : 0;
}

PLAIN int library_work(int depth)
{
    return OURS(_work)(depth);
}
