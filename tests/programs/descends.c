/* Allocates at the bottom of so many calls of one function (the argument). */
#include <stdlib.h>

__attribute__((noinline)) static int descend(int levels)
{
    if (levels > 1)
        return descend(levels - 1) + 1;
    void *volatile block = malloc(1234);
    free(block);
    return 1;
}

int main(int count, char **arguments)
{
    int levels = count > 1 ? atoi(arguments[1]) : 1;
    return descend(levels) == levels ? 0 : 1;
}
