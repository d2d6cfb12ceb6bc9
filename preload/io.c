/* Files by descriptor: the rows of calls/io.def. */
#include "preload/wrap.h"

#include <fcntl.h>
#include <stdarg.h>
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

static int duplicate(enum call_number number, int fd, int to, int flags)
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
    if (!((unsigned)flags & CLOSE_RANGE_CLOEXEC) && owns_names(begun))
        descriptor_forget(first, last);
    int answer = real.close_range(first, last, flags);
    if (begun)
        call_end(NUMBER_close_range, begun, RESULT_WORD_NUMBER(answer), fields, 2);
    return answer;
}
