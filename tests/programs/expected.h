/* For targets that print the event that each of their calls is to give, one JSON object a line, in
 * the order of the calls, and look on the spot whether the tracer changed what a call answers: its
 * result, errno, and what it wrote. The reading side is tests/expected.h. One thread only. In the
 * texts of events a ' stands for a ". */
#ifndef VT_TESTS_PROGRAMS_EXPECTED_H
#define VT_TESTS_PROGRAMS_EXPECTED_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

enum { UNTOUCHED = 4242 }; /* an errno that no call sets */

static const char *paths[64]; /* what the descriptors are, for the events */

UNUSED static void expect(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s (errno %d)\n", what, errno);
        abort();
    }
}

/* One of many buffers, so that texts last for a while. */
static char *text_buffer(void)
{
    static char texts[64][256];
    static unsigned next;
    return texts[next++ % 64];
}

/* What is known of a descriptor; a file's name is told with its folder. */
static const char *known(int fd)
{
    const char *path = fd >= 0 && fd < 64 ? paths[fd] : NULL;
    if (!path || strchr(path, ':') || strncmp(path, "socket", 6) == 0 || path[0] == '/')
        return path;
    static char here[128]; /* as it was at first: some go elsewhere */
    char *text = text_buffer();
    if (!here[0] && syscall(SYS_getcwd, here, sizeof here) < 0)
        abort();
    snprintf(text, 256, "%s/%s", here, path);
    return text;
}

/* A descriptor and what it is, under these keys. */
static const char *named_descriptor(const char *key, int fd, const char *path_key)
{
    char *text = text_buffer();
    if (known(fd))
        snprintf(text, 256, "'%s':%d,'%s':'%s'", key, fd, path_key, known(fd));
    else
        snprintf(text, 256, "'%s':%d", key, fd);
    return text;
}

UNUSED static const char *descriptor(int fd)
{
    return named_descriptor("fd", fd, "path");
}

/* Beside a path of the call's own: the folder that it begins in. */
UNUSED static const char *at(int fd)
{
    return named_descriptor("fd", fd, "folder");
}

/* Where bytes go. */
UNUSED static const char *to(int fd)
{
    return named_descriptor("to_fd", fd, "to");
}

/* How a call ended; -1 is an error, in errno. */
UNUSED static const char *result(const char *key, long value)
{
    char *text = text_buffer();
    if (value == -1)
        snprintf(text, 256, "'error':'%s'", strerrorname_np(errno));
    else
        snprintf(text, 256, "'%s':%ld", key, value);
    return text;
}

/* The kernel's name for a descriptor that was not opened by a path. */
UNUSED static void learn(int fd)
{
    char link[32], name[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlink, link, name, sizeof name);
    expect(length > 0 && fd < 64, "a descriptor's name");
    paths[fd] = strndup(name, (size_t)length);
}

static void print(const char *start, const char *name, const char *middle, const char *args,
                  const char *end)
{
    char line[1024];
    int length = snprintf(line, sizeof line, "%s%s%s%s%s", start, name, middle, args, end);
    expect(length > 0 && length < (int)sizeof line, "a line's length");
    for (char *at_quote = line; (at_quote = strchr(at_quote, '\''));)
        *at_quote = '"';
    puts(line);
}

UNUSED static void event(const char *name, const char *format, ...)
{
    char args[768];
    va_list values;
    va_start(values, format);
    vsnprintf(args, sizeof args, format, values);
    va_end(values);
    size_t length = strlen(args);
    if (length && args[length - 1] == ',') /* nothing behind it */
        args[length - 1] = '\0';
    print("{'name':'", name, "','args':{", args[0] == ',' ? args + 1 : args, "}}");
}

#define EVENT(name, ...) event(name, __VA_ARGS__)

/* A call that gives no event, whatever is captured; it has been made. */
#define SILENT(name) print("{'silent':'", #name, "'", "", "}")

UNUSED static char *formatted(const char *format, ...)
{
    va_list values;
    char *text = malloc(512);
    va_start(values, format);
    vsnprintf(text, 512, format, values);
    va_end(values);
    return text;
}

/* One line makes the call, looks at its result and at errno, and prints its event: what is told of
 * it beside the result, a format and its values that are looked at before the call. */
#define ANSWERS(key, name, wanted, arguments, ...)                                                 \
    do {                                                                                           \
        char *told_ = formatted(__VA_ARGS__);                                                      \
        errno = UNTOUCHED;                                                                         \
        long answer_ = (long)name arguments;                                                       \
        expect(answer_ == (long)(wanted), #name);                                                  \
        expect(errno == UNTOUCHED, #name " succeeds and sets errno");                              \
        EVENT(#name, "%s,'%s':%ld", told_, key, answer_);                                          \
        free(told_);                                                                               \
    } while (0)
#define CALLS(name, wanted, arguments, ...) ANSWERS("result", name, wanted, arguments, __VA_ARGS__)
#define MOVES(name, wanted, arguments, ...) ANSWERS("bytes", name, wanted, arguments, __VA_ARGS__)

/* A call that answers -1 or NULL, and why in errno. */
#define FAILS_WITH(answer, name, error, arguments, ...)                                            \
    do {                                                                                           \
        char *told_ = formatted(__VA_ARGS__);                                                      \
        errno = UNTOUCHED;                                                                         \
        long answer_ = (long)name arguments;                                                       \
        int error_ = errno;                                                                        \
        expect(answer_ == (answer), #name " has to fail");                                         \
        expect(error_ == (error), #name ": its error");                                            \
        EVENT(#name, "%s,'error':'%s'", told_, strerrorname_np(error_));                           \
        free(told_);                                                                               \
    } while (0)
#define FAILS(name, error, arguments, ...)      FAILS_WITH(-1, name, error, arguments, __VA_ARGS__)
#define FAILS_NULL(name, error, arguments, ...) FAILS_WITH(0, name, error, arguments, __VA_ARGS__)

/* A call that answers an error's number, or 0; errno is none of its business. */
#define TELLS(name, error, arguments, ...)                                                         \
    do {                                                                                           \
        char *told_ = formatted(__VA_ARGS__);                                                      \
        errno = UNTOUCHED;                                                                         \
        int answer_ = name arguments;                                                              \
        expect(answer_ == (error), #name);                                                         \
        expect(errno == UNTOUCHED, #name " sets errno");                                           \
        if (answer_)                                                                               \
            EVENT(#name, "%s,'error':'%s'", told_, strerrorname_np(answer_));                      \
        else                                                                                       \
            EVENT(#name, "%s,", told_);                                                            \
        free(told_);                                                                               \
    } while (0)

/* For opening: the new descriptor is `path_` from now on. */
#define OPENS(name, wanted, path_, arguments, ...)                                                 \
    do {                                                                                           \
        CALLS(name, wanted, arguments, __VA_ARGS__);                                               \
        paths[wanted] = path_;                                                                     \
    } while (0)

UNUSED static void shut(int fd)
{
    const char *what = descriptor(fd);
    int failed = close(fd);
    EVENT("close", "%s,%s", what, result("result", failed));
    if (fd >= 0)
        paths[fd] = NULL;
}

/* Descriptors are numbered from 3 on; and nothing may last for ever. */
UNUSED static void surface_begin(void)
{
    alarm(30);
    closefrom(3);
    EVENT("closefrom", "'number':3");
}

/* Pointers that cannot be any; the compiler must not know. */
UNUSED static void *volatile bad_pointers[] = {NULL, (void *)1, (void *)-1L};

#endif
