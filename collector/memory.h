/* Memory of our own process: without it the command cannot go on, and says so. */
#ifndef VT_COLLECTOR_MEMORY_H
#define VT_COLLECTOR_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/* What an allocator gave; ends the command when that is nothing. */
static inline void *need(void *memory)
{
    if (!memory) {
        fputs("vitte-trace: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Room for one more item in an array whose room is the next power of two. */
static inline void *grow_array(void *array, size_t count, size_t size)
{
    return count & (count - 1) ? array : need(realloc(array, (count ? 2 * count : 1) * size));
}

#endif
