/* Every call of preload/calls/stdio.def, and printf's variadic kin: see expected.h. The events are
 * of streams alone: what libc reads and writes for them is none (H57). */
#define _GNU_SOURCE
#define __NO_INLINE__ 1 /* getline is to be getline */
#include "expected.h"

#include <fcntl.h>
#include <sys/stat.h>

size_t __fread_chk(void *buffer, size_t room, size_t size, size_t count, FILE *stream);
char *__fgets_chk(char *buffer, size_t room, int size, FILE *stream);
ssize_t __getdelim(char **line, size_t *room, int delimiter, FILE *stream);
int __printf_chk(int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list values);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list values);
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list values);

static char bytes[4096];

/* A stream on descriptor `fd`, or NULL. */
#define STREAMS(variable, name, fd_, arguments, ...)                                               \
    do {                                                                                           \
        char *told_ = formatted(__VA_ARGS__);                                                      \
        errno = UNTOUCHED;                                                                         \
        variable = name arguments;                                                                 \
        expect(variable &&fileno(variable) == (fd_) && errno == UNTOUCHED, #name);                 \
        EVENT(#name, "%s,'result':%d", told_, fd_);                                                \
        free(told_);                                                                               \
    } while (0)

/* Items were moved; the event is in bytes. */
#define ITEMS(name, wanted, size, asked, moved, arguments, stream)                                 \
    do {                                                                                           \
        const char *what_ = descriptor(fileno(stream));                                            \
        errno = UNTOUCHED;                                                                         \
        expect(name arguments == (wanted), #name);                                                 \
        expect(errno == UNTOUCHED || !(moved), #name ": errno");                                   \
        EVENT(#name, "%s,'size':%d,'bytes':%d", what_, (size) * (asked), moved);                   \
    } while (0)

static void opening(void)
{
    FILE *stream, *other;
    STREAMS(stream, fopen, 3, ("data", "w+"), "'path':'data'");
    paths[3] = "data";
    STREAMS(other, fopen64, 4, ("data", "r"), "'path':'data'");
    paths[4] = "data";
    STREAMS(other, freopen, 4, ("other", "w", other), "'path':'other','fd':4");
    paths[4] = "other";
    STREAMS(other, freopen64, 4, ("/dev/null", "r+", other), "'path':'/dev/null','fd':4");
    paths[4] = "/dev/null";
    CALLS(fclose, 0, (other), "%s", descriptor(4));
    paths[4] = NULL;
    STREAMS(other, tmpfile, 4, (), "%s", "");
    learn(4);
    CALLS(fclose, 0, (other), "%s", descriptor(4));
    STREAMS(other, tmpfile64, 4, (), "%s", "");
    learn(4);
    CALLS(fclose, 0, (other), "%s", descriptor(4));
    OPENS(open, 4, "data", ("data", O_RDONLY), "'path':'data','flags':'O_RDONLY'");
    STREAMS(other, fdopen, 4, (4, "r"), "%s", descriptor(4));
    CALLS(fclose, 0, (other), "%s", descriptor(4));
    paths[4] = NULL;
    FAILS(close, EBADF, (4), "'fd':4");
    FAILS_NULL(fopen, ENOENT, ("nowhere/x", "r"), "'path':'nowhere/x'");
    FAILS_NULL(fopen64, EINVAL, ("data", "?"), "'path':'data'");
    FAILS_NULL(fdopen, EBADF, (60, "r"), "'fd':60");
    for (int i = 0; i < 3; i++)
        FAILS_NULL(fopen, EFAULT, (bad_pointers[i], "r"), "%s", "");
    CALLS(fclose, 0, (stream), "%s", descriptor(3));
    paths[3] = NULL;
    /* a stream that has no descriptor */
    stream = fmemopen(bytes, sizeof bytes, "r+");
    expect(stream && fileno(stream) == -1, "fmemopen");
    ITEMS(fwrite, 3, 2, 3, 6, ("abcdef", 2, 3, stream), stream);
    CALLS(fclose, 0, (stream), "'fd':-1");
}

static void blocks(FILE *stream)
{
    ITEMS(fwrite, 10, 7, 10, 70, (bytes, 7, 10, stream), stream);
    ITEMS(fwrite_unlocked, 5, 6, 5, 30, (bytes, 6, 5, stream), stream);
    CALLS(fflush, 0, (stream), "%s", descriptor(3));
    CALLS(fseek, 0, (stream, 1, SEEK_SET), "%s,'offset':1,'number':0", descriptor(3));
    ITEMS(fread, 4, 10, 4, 40, (bytes, 10, 4, stream), stream);
    ITEMS(fread_unlocked, 3, 10, 3, 30, (bytes, 10, 3, stream), stream);
    ITEMS(__fread_chk, 2, 10, 5, 20, (bytes, sizeof bytes, 10, 5, stream),
          stream); /* 29 are left */
    ITEMS(fread, 0, 10, 1, 0, (bytes, 10, 1, stream), stream);
    ITEMS(fread, 0, 0, 1, 0, (bytes, 0, 1, stream), stream);
    CALLS(fseeko, 0, (stream, -5, SEEK_END), "%s,'offset':-5,'number':2", descriptor(3));
    CALLS(fseeko64, 0, (stream, 0, SEEK_SET), "%s,'offset':0,'number':0", descriptor(3));
    FAILS(fseek, EINVAL, (stream, -5, SEEK_SET), "%s,'offset':-5,'number':0", descriptor(3));
    FAILS(fseeko, EINVAL, (stream, 0, 77), "%s,'offset':0,'number':77", descriptor(3));
}

/* A line that was read, or none. */
#define LINE(name, wanted, size, arguments)                                                        \
    do {                                                                                           \
        errno = UNTOUCHED;                                                                         \
        const char *line_ = name arguments;                                                        \
        expect(line_ ? strcmp(line_, wanted) == 0 : !wanted[0], #name);                            \
        expect(errno == UNTOUCHED, #name ": errno");                                               \
        EVENT(#name, "%s,'size':%d,'bytes':%zu", descriptor(3), size, strlen(wanted));             \
    } while (0)

/* Strings: what fputs answers is not how much went out. */
#define PUTS(name, bytes, arguments)                                                               \
    do {                                                                                           \
        errno = UNTOUCHED;                                                                         \
        expect(name arguments >= 0 && errno == UNTOUCHED, #name);                                  \
        EVENT(#name, "%s,'bytes':%d", descriptor(3), bytes);                                       \
    } while (0)

static void lines(FILE *stream)
{
    char line[16], *room = NULL;
    const char *what = descriptor(3);
    size_t size = 0;
    PUTS(fputs, 4, ("one\n", stream));
    PUTS(fputs_unlocked, 4, ("two\n", stream));
    PUTS(fputs, 13, ("three;four;5\n", stream));
    CALLS(fseek, 0, (stream, 0, SEEK_SET), "%s,'offset':0,'number':0", what);
    LINE(fgets, "one\n", 16, (line, 16, stream));
    LINE(fgets_unlocked, "tw", 3, (line, 3, stream));
    LINE(__fgets_chk, "o\n", 16, (line, sizeof line, 16, stream));
    MOVES(getdelim, 6, (&room, &size, ';', stream), "%s", what);
    expect(strcmp(room, "three;") == 0 && size > 6, "getdelim: what it read");
    MOVES(__getdelim, 5, (&room, &size, ';', stream), "%s", what);
    MOVES(getline, 2, (&room, &size, stream), "%s", what);
    expect(strcmp(room, "5\n") == 0, "getline: what it read");
    FAILS(getline, EINVAL, ((char **)bad_pointers[0], &size, stream), "%s", what);
    LINE(fgets, "", 16, (line, 16, stream));
    /* the end is no error */
#define ENDS(name, arguments)                                                                      \
    do {                                                                                           \
        errno = UNTOUCHED;                                                                         \
        expect(name arguments == -1 && errno == UNTOUCHED, #name " at the end");                   \
        EVENT(#name, "%s,'bytes':0", what);                                                        \
    } while (0)
    ENDS(getline, (&room, &size, stream));
    ENDS(getdelim, (&room, &size, ';', stream));
    ENDS(__getdelim, (&room, &size, ';', stream));
    free(room);
}

/* Streams that cannot do it. */
static void wrong_way(void)
{
    FILE *stream;
    char line[4], *room = NULL;
    size_t size = 0;
    STREAMS(stream, fopen, 3, ("data", "r"), "'path':'data'");
    FAILS(fputs, EBADF, ("x", stream), "%s", descriptor(3));
    FAILS(fputs_unlocked, EBADF, ("x", stream), "%s", descriptor(3));
    errno = UNTOUCHED;
    expect(fprintf(stream, "x") == -1 && errno == EBADF, "fprintf");
    EVENT("vfprintf", "%s,'error':'EBADF'", descriptor(3));
    CALLS(fclose, 0, (stream), "%s", descriptor(3));
    STREAMS(stream, fopen, 3, ("data", "a"), "'path':'data'");
    FAILS(getline, EBADF, (&room, &size, stream), "%s", descriptor(3));
    errno = UNTOUCHED;
    expect(!fgets(line, 4, stream) && errno == EBADF, "fgets");
    EVENT("fgets", "%s,'size':4,'error':'EBADF'", descriptor(3));
    errno = UNTOUCHED;
    expect(fread(line, 1, 4, stream) == 0 && errno == EBADF, "fread");
    EVENT("fread", "%s,'size':4,'error':'EBADF'", descriptor(3));
    CALLS(fclose, 0, (stream), "%s", descriptor(3));
    STREAMS(stream, fopen, 3, ("/dev/full", "w"), "'path':'/dev/full'");
    paths[3] = "/dev/full";
    setvbuf(stream, NULL, _IONBF, 0);
    errno = UNTOUCHED;
    expect(fwrite("xyz", 1, 3, stream) == 0 && errno == ENOSPC, "fwrite");
    EVENT("fwrite", "%s,'size':3,'error':'ENOSPC'", descriptor(3));
    setvbuf(stream, bytes, _IOFBF, sizeof bytes);
    PUTS(fputs, 1, ("x", stream));
    FAILS(fflush, ENOSPC, (stream), "%s", descriptor(3));
    PUTS(fputs, 1, ("x", stream));
    FAILS(fclose, ENOSPC, (stream), "%s", descriptor(3));
    paths[3] = NULL;
    free(room);
}

/* ---- printf and its kin ---- */

static int list(int which, FILE *stream, const char *format, ...)
{
    va_list values;
    int answer = -2;
    va_start(values, format);
    switch (which) {
    case 0:
        answer = vprintf(format, values);
        break;
    case 1:
        answer = __vprintf_chk(1, format, values);
        break;
    case 2:
        answer = vfprintf(stream, format, values);
        break;
    case 3:
        answer = __vfprintf_chk(stream, 1, format, values);
        break;
    case 4:
        answer = vdprintf(3, format, values);
        break;
    case 5:
        answer = __vdprintf_chk(3, 1, format, values);
        break;
    }
    va_end(values);
    return answer;
}

/* All print "5 and six, 7.25\n"; the event is of the one that takes a list. */
#define PRINTS(name, call)                                                                         \
    do {                                                                                           \
        FILE *standard_ = stdout;                                                                  \
        errno = UNTOUCHED;                                                                         \
        stdout = stream;                                                                           \
        int answer_ = call;                                                                        \
        stdout = standard_;                                                                        \
        expect(answer_ == 16 && errno == UNTOUCHED, #name);                                        \
        EVENT(#name, "%s,'bytes':16", descriptor(3));                                              \
    } while (0)
#define VALUES "%d and %s, %.2f\n", 5, "six", 7.25

static void prints(FILE *stream)
{
    char line[20];
    PRINTS(vprintf, printf(VALUES));
    PRINTS(vprintf, list(0, NULL, VALUES));
    PRINTS(__vprintf_chk, __printf_chk(1, VALUES));
    PRINTS(__vprintf_chk, list(1, NULL, VALUES));
    PRINTS(vfprintf, fprintf(stream, VALUES));
    PRINTS(vfprintf, list(2, stream, VALUES));
    PRINTS(__vfprintf_chk, __fprintf_chk(stream, 1, VALUES));
    PRINTS(__vfprintf_chk, list(3, stream, VALUES));
    PRINTS(puts, puts("5 and six, 7.25"));
    CALLS(fflush, 0, (NULL), "'fd':-1");
    PRINTS(vdprintf, dprintf(3, VALUES));
    PRINTS(vdprintf, list(4, NULL, VALUES));
    PRINTS(__vdprintf_chk, __dprintf_chk(3, 1, VALUES));
    PRINTS(__vdprintf_chk, list(5, NULL, VALUES));
    CALLS(fseek, 0, (stream, 0, SEEK_SET), "%s,'offset':0,'number':0", descriptor(3));
    for (int i = 0; i < 13; i++)
        LINE(fgets, "5 and six, 7.25\n", 20, (line, 20, stream));
    LINE(fgets, "", 20, (line, 20, stream));
    errno = UNTOUCHED;
    expect(dprintf(60, "x") == -1 && errno == EBADF, "dprintf");
    EVENT("vdprintf", "'fd':60,'error':'EBADF'");
}

/* By the character there are no events. */
static void characters(FILE *stream)
{
    expect(putc('a', stream) == 'a' && fputc('b', stream) == 'b', "putc");
    rewind(stream);
    expect(getc(stream) == '5' && fgetc(stream) == ' ' && ungetc('x', stream) == 'x', "getc");
    SILENT(putc);
    SILENT(getc);
}

/* Another one for each group, so that nothing of one is in the next. */
static FILE *fresh(void)
{
    FILE *stream;
    STREAMS(stream, fopen, 3, ("data", "w+"), "'path':'data'");
    paths[3] = "data";
    return stream;
}

static void done(FILE *stream)
{
    CALLS(fclose, 0, (stream), "%s", descriptor(3));
    paths[3] = NULL;
}

int main(void)
{
    surface_begin();
    opening();
    FILE *stream = fresh();
    blocks(stream);
    done(stream);
    stream = fresh();
    lines(stream);
    done(stream);
    stream = fresh();
    prints(stream);
    characters(stream);
    done(stream);
    paths[3] = "data";
    wrong_way();
    return 0;
}
