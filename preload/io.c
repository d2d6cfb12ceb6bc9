/* Files by descriptor: the rows of calls/io.def. */
#include "preload/wrap.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/sendfile.h>
#include <sys/timerfd.h>
#include <unistd.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    WRAP(category, result, type, name, parameters, arguments, fields)
#include "preload/calls/io.def"

/* The mode is there only with O_CREAT or O_TMPFILE (H60). */
static mode_t mode_argument(int flags, va_list *arguments)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(*arguments, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
    EXPORT int name(const char *path, int flags, ...)                                              \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_argument(flags, &arguments);                                            \
        va_end(arguments);                                                                         \
        WRAPPED(IO, FD, int, name, (path, flags, mode), F2(PATH, path, FLAGS, flags))              \
    }
#define OPENAT(name)                                                                               \
    EXPORT int name(int folder, const char *path, int flags, ...)                                  \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_argument(flags, &arguments);                                            \
        va_end(arguments);                                                                         \
        WRAPPED(IO, FD, int, name, (folder, path, flags, mode),                                    \
                F3(FD, folder, PATH, path, FLAGS, flags))                                          \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* Whether the table of names is this process's: a vfork's child, whose calls do not begin, shares
 * its parent's but has descriptors of its own (H38). */
static int owns_names(uint64_t begun)
{
    return begun || (process_captures(CATEGORY_IO) && !process_is_borrowed());
}

/* The name goes before the descriptor does: behind the call it may be another thread's. */
EXPORT int close(int fd)
{
    uint64_t field = descriptor_field(fd);
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_close, field) : 0;
    if (owns_names(begun))
        descriptor_set(fd, 0);
    int answer = real.close(fd);
    if (begun)
        call_end(NUMBER_close, begun, RESULT_WORD_NUMBER(answer), &field, 1);
    return answer;
}

EXPORT int dup(int fd)
{
    uint64_t field = descriptor_field(fd);
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_dup, field) : 0;
    int answer = real.dup(fd);
    if (answer >= 0 && owns_names(begun))
        descriptor_set(answer, descriptor_name(fd));
    if (begun)
        call_end(NUMBER_dup, begun, RESULT_WORD_FD(answer), &field, 1);
    return answer;
}

static ALWAYS_INLINE int duplicate(enum call_number number, int fd, int to, int flags)
{
    uint64_t fields[] = {descriptor_field(fd), (uint64_t)to};
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(number, fields[0]) : 0;
    int answer = number == NUMBER_dup2 ? real.dup2(fd, to) : real.dup3(fd, to, flags);
    if (answer >= 0 && owns_names(begun))
        descriptor_set(answer, descriptor_name(fd));
    if (begun)
        call_end(number, begun, RESULT_WORD_FD(answer), fields, 2);
    return answer;
}

EXPORT int dup2(int fd, int to)
{
    return duplicate(NUMBER_dup2, fd, to, 0);
}

EXPORT int dup3(int fd, int to, int flags)
{
    return duplicate(NUMBER_dup3, fd, to, flags);
}

EXPORT void closefrom(int first)
{
    uint64_t field = (uint64_t)first;
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_closefrom, field) : 0;
    if (owns_names(begun))
        descriptor_forget(first < 0 ? 0 : (unsigned)first, UINT32_MAX);
    real.closefrom(first);
    if (begun)
        call_end(NUMBER_closefrom, begun, 0, &field, 1);
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    uint64_t fields[] = {first, last};
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_close_range, first) : 0;
    if (!((unsigned)flags & ~CLOSE_RANGE_UNSHARE) && owns_names(begun)) /* else: not closed */
        descriptor_forget(first, last);
    int answer = real.close_range(first, last, flags);
    if (begun)
        call_end(NUMBER_close_range, begun, RESULT_WORD_NUMBER(answer), fields, 2);
    return answer;
}

/* What a vectored call asked for; looked at behind the call, when the kernel has found it readable.
 */
static uint64_t size_of_parts(const struct iovec *parts, int count)
{
    uint64_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

#define VECTOR(name, parameters, arguments, fields)                                                \
    EXPORT ssize_t name parameters                                                                 \
    {                                                                                              \
        uint64_t begun =                                                                           \
            process_captures(CATEGORY_IO) ? call_begin(NUMBER_##name, descriptor_field(fd)) : 0;   \
        ssize_t answer = real.name arguments;                                                      \
        if (begun) {                                                                               \
            uint64_t word = RESULT_WORD_BYTES(answer);                                             \
            uint64_t size = answer >= 0 ? size_of_parts(parts, count) : 0;                         \
            call_end(NUMBER_##name, begun, word, fields);                                          \
        }                                                                                          \
        return answer;                                                                             \
    }
#define HERE  F2(FD, fd, BYTES, size)
#define THERE F3(FD, fd, BYTES, size, OFFSET, offset)
#define PARTS int fd, const struct iovec *parts, int count
VECTOR(readv, (PARTS), (fd, parts, count), HERE)
VECTOR(writev, (PARTS), (fd, parts, count), HERE)
VECTOR(preadv, (PARTS, off_t offset), (fd, parts, count, offset), THERE)
VECTOR(preadv64, (PARTS, off64_t offset), (fd, parts, count, offset), THERE)
VECTOR(pwritev, (PARTS, off_t offset), (fd, parts, count, offset), THERE)
VECTOR(pwritev64, (PARTS, off64_t offset), (fd, parts, count, offset), THERE)
VECTOR(preadv2, (PARTS, off_t offset, int flags), (fd, parts, count, offset, flags), THERE)
VECTOR(preadv64v2, (PARTS, off64_t offset, int flags), (fd, parts, count, offset, flags), THERE)
VECTOR(pwritev2, (PARTS, off_t offset, int flags), (fd, parts, count, offset, flags), THERE)
VECTOR(pwritev64v2, (PARTS, off64_t offset, int flags), (fd, parts, count, offset, flags), THERE)

/* The argument is a long or a pointer, or is not there; it travels alike (H60). */
static ALWAYS_INLINE int control(enum call_number number, int (*really)(int, int, long), int fd,
                                 int command, long argument)
{
    uint64_t fields[] = {descriptor_field(fd), (uint64_t)command};
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(number, fields[0]) : 0;
    int answer = really(fd, command, argument);
    uint64_t word = RESULT_WORD_NUMBER(answer);
    if (answer >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC) && owns_names(begun))
        descriptor_set(answer, descriptor_name(fd));
    if (begun)
        call_end(number, begun, word, fields, 2);
    return answer;
}

#define CONTROL(name)                                                                              \
    EXPORT int name(int fd, int command, ...)                                                      \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, command);                                                              \
        long argument = va_arg(arguments, long);                                                   \
        va_end(arguments);                                                                         \
        return control(NUMBER_##name, real.name, fd, command, argument);                           \
    }
CONTROL(fcntl)
CONTROL(fcntl64)

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    WRAPPED(IO, NUMBER, int, ioctl, (fd, request, argument), F2(FD, fd, REQUEST, request))
}

static ALWAYS_INLINE int pipe_made(enum call_number number, int *fds, int flags)
{
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(number, 0) : 0;
    int answer = number == NUMBER_pipe ? real.pipe(fds) : real.pipe2(fds, flags);
    uint64_t word = RESULT_WORD_NUMBER(answer);
    if (begun && answer == 0) {
        descriptor_learn(fds[0]);
        descriptor_set(fds[1], descriptor_name(fds[0]));
    }
    if (begun)
        call_end(number, begun, word, F1(FLAGS, flags));
    return answer;
}

EXPORT int pipe(int fds[2])
{
    return pipe_made(NUMBER_pipe, fds, 0);
}

EXPORT int pipe2(int fds[2], int flags)
{
    return pipe_made(NUMBER_pipe2, fds, flags);
}

EXPORT void sync(void)
{
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_sync, 0) : 0;
    real.sync();
    if (begun)
        call_end(NUMBER_sync, begun, 0, NULL, 0);
}
