/* Streams: the rows of calls/stdio.def and their variadic relatives, and popen. Sizes are in bytes,
 * whatever the items are. */
#include "preload/wrap.h"
#include "runtime/sampler_mask.h"

#include <stdlib.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    WRAP(category, result, type, name, parameters, arguments, fields)
#include "preload/calls/stdio.def"

int stream_descriptor(FILE *stream)
{
    int saved = errno;
    int fd = stream ? fileno(stream) : -1;
    errno = saved;
    return fd;
}

uint64_t nothing_came(FILE *stream)
{
    return is_plausible(stream) && feof_unlocked(stream) ? 0 : ERROR_WORD;
}

/* ---- opening and closing ---- */

/* A wrapper that makes a stream; `named` says what the new descriptor is. */
#define OPEN(name, parameters, arguments, named, ...)                                              \
    OPEN_BY(real.name, name, parameters, arguments, named, __VA_ARGS__)
#define OPEN_BY(opens, name, parameters, arguments, named, ...)                                    \
    EXPORT FILE *name parameters                                                                   \
    {                                                                                              \
        uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_##name, 0) : 0;         \
        FILE *stream = opens arguments;                                                            \
        if (begun) {                                                                               \
            int fd_made = stream_descriptor(stream);                                               \
            named;                                                                                 \
            uint64_t word = stream ? descriptor_field(fd_made) : ERROR_WORD;                       \
            call_end(NUMBER_##name, begun, word, __VA_ARGS__);                                     \
        }                                                                                          \
        return stream;                                                                             \
    }
OPEN(fopen, (const char *path, const char *mode), (path, mode), descriptor_opened(fd_made, path),
     F1(PATH, path))
OPEN(fopen64, (const char *path, const char *mode), (path, mode), descriptor_opened(fd_made, path),
     F1(PATH, path))
OPEN(fdopen, (int fd, const char *mode), (fd, mode), (void)0, F1(FD, fd))
OPEN(tmpfile, (void), (), descriptor_learn(fd_made), F0())
OPEN(tmpfile64, (void), (), descriptor_learn(fd_made), F0())

static FILE *popen_handing_on(const char *command, const char *mode)
{
    uint64_t mask = sampler_mask_hand_on();
    FILE *stream = real.popen(command, mode);
    sampler_mask_take_back(mask);
    return stream;
}
OPEN_BY(popen_handing_on, popen, (const char *command, const char *mode), (command, mode),
        descriptor_learn(fd_made), F1(COMMAND, command))

/* The old descriptor is closed on the way; without a path the file stays what it is. */
#define REOPEN(name)                                                                               \
    EXPORT FILE *name(const char *path, const char *mode, FILE *stream)                            \
    {                                                                                              \
        uint64_t field = VALUE_STREAM(stream);                                                     \
        uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_##name, field) : 0;     \
        FILE *made = real.name(path, mode, stream);                                                \
        if (begun) {                                                                               \
            descriptor_opened(stream_descriptor(made), path);                                      \
            uint64_t word = made ? descriptor_field(stream_descriptor(made)) : ERROR_WORD;         \
            call_end(NUMBER_##name, begun, word, (uint64_t[]){VALUE_PATH(path), (uint32_t)field},  \
                     2);                                                                           \
        }                                                                                          \
        return made;                                                                               \
    }
REOPEN(freopen)
REOPEN(freopen64)

EXPORT int fclose(FILE *stream)
{
    int fd = stream_descriptor(stream);
    uint64_t field = descriptor_field(fd);
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_fclose, field) : 0;
    if (begun && fd >= 0)
        descriptor_set(fd, 0); /* before the descriptor is somebody else's */
    int answer = real.fclose(stream);
    if (begun)
        call_end(NUMBER_fclose, begun, RESULT_WORD_NUMBER(answer), &field, 1);
    return answer;
}

EXPORT int pclose(FILE *stream)
{
    int fd = stream_descriptor(stream);
    uint64_t field = descriptor_field(fd);
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_pclose, field) : 0;
    if (begun && fd >= 0)
        descriptor_set(fd, 0);
    int status = real.pclose(stream);
    if (begun) {
        uint64_t word = RESULT_WORD_NUMBER(status);
        call_end(NUMBER_pclose, begun, word, (uint64_t[]){field, (uint64_t)(int64_t)status}, 2);
    }
    return status;
}

/* ---- blocks ---- */

/* Moves items with the real function, and records bytes; `nothing` is the word of a call that moved
 * none. */
#define MOVE(name, parameters, arguments, nothing)                                                 \
    EXPORT size_t name parameters                                                                  \
    {                                                                                              \
        if (!process_captures(CATEGORY_IO))                                                        \
            return real.name arguments;                                                            \
        uint64_t fields[] = {VALUE_STREAM(stream), size * count};                                  \
        uint64_t begun = call_begin(NUMBER_##name, fields[0]);                                     \
        size_t items = real.name arguments;                                                        \
        if (begun)                                                                                 \
            call_end(NUMBER_##name, begun, items || !fields[1] ? items * size : (nothing), fields, \
                     2);                                                                           \
        return items;                                                                              \
    }
MOVE(fread, (void *data, size_t size, size_t count, FILE *stream), (data, size, count, stream),
     nothing_came(stream))
MOVE(fread_unlocked, (void *data, size_t size, size_t count, FILE *stream),
     (data, size, count, stream), nothing_came(stream))
MOVE(__fread_chk, (void *data, size_t room, size_t size, size_t count, FILE *stream),
     (data, room, size, count, stream), nothing_came(stream))
MOVE(fwrite, (const void *data, size_t size, size_t count, FILE *stream),
     (data, size, count, stream), ERROR_WORD)
MOVE(fwrite_unlocked, (const void *data, size_t size, size_t count, FILE *stream),
     (data, size, count, stream), ERROR_WORD)

/* ---- lines ---- */

/* What came is counted up to the end of the string: a line with a NUL in it looks shorter. */
#define GET_LINE(name, parameters, arguments)                                                      \
    EXPORT char *name parameters                                                                   \
    {                                                                                              \
        if (!process_captures(CATEGORY_IO))                                                        \
            return real.name arguments;                                                            \
        uint64_t fields[] = {VALUE_STREAM(stream), (uint64_t)size};                                \
        uint64_t begun = call_begin(NUMBER_##name, fields[0]);                                     \
        char *line = real.name arguments;                                                          \
        if (begun)                                                                                 \
            call_end(NUMBER_##name, begun,                                                         \
                     line       ? strlen(line)                                                     \
                     : size > 0 ? nothing_came(stream)                                             \
                                : 0,                                                               \
                     fields, 2);                                                                   \
        return line;                                                                               \
    }
GET_LINE(fgets, (char *buffer, int size, FILE *stream), (buffer, size, stream))
GET_LINE(fgets_unlocked, (char *buffer, int size, FILE *stream), (buffer, size, stream))
GET_LINE(__fgets_chk, (char *buffer, size_t room, int size, FILE *stream),
         (buffer, room, size, stream))

#define PUT_STRING(name, parameters, arguments, stream, extra)                                     \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        if (!process_captures(CATEGORY_IO))                                                        \
            return real.name arguments;                                                            \
        uint64_t field = VALUE_STREAM(stream);                                                     \
        uint64_t begun = call_begin(NUMBER_##name, field);                                         \
        int answer = real.name arguments;                                                          \
        if (begun)                                                                                 \
            call_end(NUMBER_##name, begun, answer < 0 ? ERROR_WORD : strlen(string) + (extra),     \
                     &field, 1);                                                                   \
        return answer;                                                                             \
    }
PUT_STRING(fputs, (const char *string, FILE *stream), (string, stream), stream, 0)
PUT_STRING(fputs_unlocked, (const char *string, FILE *stream), (string, stream), stream, 0)
PUT_STRING(puts, (const char *string), (string), stdout, 1)

/* ---- printf and its kin end in the one that takes a va_list ---- */

#define PRINT(name, parameters, last, call)                                                        \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        va_list values;                                                                            \
        va_start(values, last);                                                                    \
        int answer = call;                                                                         \
        va_end(values);                                                                            \
        return answer;                                                                             \
    }
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
PRINT(printf, (const char *format, ...), format, vprintf(format, values))
PRINT(fprintf, (FILE * stream, const char *format, ...), format, vfprintf(stream, format, values))
PRINT(dprintf, (int fd, const char *format, ...), format, vdprintf(fd, format, values))
PRINT(__printf_chk, (int flag, const char *format, ...), format,
      __vprintf_chk(flag, format, values))
PRINT(__fprintf_chk, (FILE * stream, int flag, const char *format, ...), format,
      __vfprintf_chk(stream, flag, format, values))
PRINT(__dprintf_chk, (int fd, int flag, const char *format, ...), format,
      __vdprintf_chk(fd, flag, format, values))
