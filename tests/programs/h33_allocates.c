/* h33_allocates LIBRARY: calls the allocate() of a library that it loads. */
#include "book.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 10 };

int main(int argc, char **argv)
{
    void *(*allocate)(void);
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    void *found = library ? dlsym(library, "allocate") : NULL;
    int allocated = 0;
    if (!found)
        return 2;
    memcpy(&allocate, &found, sizeof found);
    for (int i = 0; i < BLOCKS; i++) {
        void *block = opaque(allocate());
        allocated += block != NULL;
        free(block);
    }
    book("allocated %d\n", allocated);
    return 0;
}
