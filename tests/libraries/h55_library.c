/* A library that makes calls of libc's, to be loaded in ways that hide them from a preload. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int library_uses(void);
int library_uses(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    void *volatile block = malloc(7777);
    free(block);
    return fd < 0 || close(fd);
}
