/* Streams: the rows of calls/stdio.def. Sizes are in bytes, whatever the items are. */
#include "preload/wrap.h"

#include <stdio.h>

/* A stream without a descriptor (fmemopen) has -1; errno is the program's. */
static int descriptor_of(FILE *stream)
{
    int saved = errno;
    int fd = stream ? fileno(stream) : -1;
    errno = saved;
    return fd;
}

static FILE *opened(enum call_number number, FILE *(*open)(const char *, const char *),
                    const char *path, const char *mode)
{
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(number, 0) : 0;
    FILE *stream = open(path, mode);
    if (begun) {
        uint64_t word = stream ? (uint64_t)descriptor_of(stream) : (uint64_t) - (int64_t)errno;
        descriptor_opened(descriptor_of(stream), path);
        call_end(number, begun, word, F1(PATH, path));
    }
    return stream;
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
    return opened(NUMBER_fopen, real.fopen, path, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return opened(NUMBER_fopen64, real.fopen64, path, mode);
}

EXPORT int fclose(FILE *stream)
{
    int fd = descriptor_of(stream);
    uint64_t field = descriptor_field(fd);
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_fclose, field) : 0;
    if (begun && fd >= 0)
        descriptor_set(fd, 0); /* before the descriptor is somebody else's */
    int answer = real.fclose(stream);
    if (begun)
        call_end(NUMBER_fclose, begun, RESULT_WORD_NUMBER(answer), &field, 1);
    return answer;
}

/* Moves items with `real`, and records bytes. */
#define MOVE(name, buffer)                                                                         \
    EXPORT size_t name(buffer, size_t size, size_t count, FILE *stream)                            \
    {                                                                                              \
        if (!process_captures(CATEGORY_IO))                                                        \
            return real.name(data, size, count, stream);                                           \
        uint64_t fields[] = {descriptor_field(descriptor_of(stream)), size * count};               \
        uint64_t begun = call_begin(NUMBER_##name, fields[0]);                                     \
        size_t items = real.name(data, size, count, stream);                                       \
        if (begun)                                                                                 \
            call_end(NUMBER_##name, begun, items *size, fields, 2);                                \
        return items;                                                                              \
    }
MOVE(fread, void *data)
MOVE(fwrite, const void *data)
MOVE(fread_unlocked, void *data)
MOVE(fwrite_unlocked, const void *data)
