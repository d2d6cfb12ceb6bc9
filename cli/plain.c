/* What names and paths of a traced program say to a terminal: nothing. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_control(unsigned char byte, unsigned char before)
{
    int is_c1 = before == 0xc2 && byte >= 0x80 && byte < 0xa0; /* U+0080 … U+009F */
    return (byte < 0x20 && byte != '\n') || byte == 0x7f || is_c1;
}

static int write_all(int descriptor, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(descriptor, bytes, size);
        if (wrote < 0)
            return -1;
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

/* 0 is an error, to a stream. */
static ssize_t write_plain(void *descriptor, const char *bytes, size_t size)
{
    static unsigned char before; /* the last byte */
    char plain[4096];
    for (size_t done = 0, count; done < size; done += count) {
        count = size - done < sizeof plain ? size - done : sizeof plain;
        for (size_t i = 0; i < count; i++) {
            unsigned char byte = (unsigned char)bytes[done + i];
            plain[i] = is_control(byte, before) ? '?' : bytes[done + i];
            before = byte;
        }
        if (write_all(*(int *)descriptor, plain, count) != 0)
            return 0;
    }
    return (ssize_t)size;
}

void plain_output(FILE **stream)
{
    static int descriptors[] = {STDOUT_FILENO, STDERR_FILENO};
    const cookie_io_functions_t functions = {.write = write_plain};
    fflush(*stream);
    int *descriptor = &descriptors[*stream == stderr];
    FILE *plain = fopencookie(descriptor, "w", functions);
    if (!plain)
        return;
    if (*descriptor == STDERR_FILENO)
        setvbuf(plain, NULL, _IOLBF, 0);
    *stream = plain;
}
