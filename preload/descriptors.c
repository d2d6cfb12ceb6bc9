/* Names of descriptors: see descriptors.h. */
#include "preload/descriptors.h"

#include "runtime/definitions.h"

#include <string.h>

uint32_t descriptor_names[DESCRIPTORS];

void descriptor_opened(int fd, const char *path)
{
    if (fd >= 0 && path)
        descriptor_set(fd, definitions_string(path, strlen(path)));
}

void descriptor_forget(unsigned first, unsigned last)
{
    for (unsigned fd = first; fd <= last && fd < DESCRIPTORS; fd++)
        if (descriptor_names[fd]) /* do not touch pages that hold nothing */
            descriptor_names[fd] = 0;
}
