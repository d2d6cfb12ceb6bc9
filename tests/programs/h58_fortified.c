/* Compiled with _FORTIFY_SOURCE, as distributions do: the calls become their __*_chk and *_2 forms
 * where the compiler cannot see that all is well. Prints the events to come, as h58_twins does. */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE 2
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define APART __attribute__((noinline))

static char bytes[64];

APART static void expect(int condition, const char *what)
{
    if (!condition) {
        perror(what);
        abort();
    }
}

APART static int open_it(int (*which)(const char *, int), const char *name, const char *path,
                         int flags)
{
    int fd = which(path, flags);
    expect(fd >= 0, name);
    printf("{\"name\":\"%s\",\"args\":{\"path\":\"%s\",\"flags\":\"O_RDONLY\",\"result\":%d}}\n",
           name, path, fd);
    return fd;
}

/* The flags are not known here, so that the checking form is called. */
APART static int plain(const char *path, int flags)
{
    return open(path, flags);
}
APART static int large(const char *path, int flags)
{
    return open64(path, flags);
}

APART static void moves(int fd, size_t size, const char *path)
{
    expect(read(fd, bytes, size) == (ssize_t)size, "read");
    printf("{\"name\":\"__read_chk\",\"args\":{\"fd\":%d,\"path\":\"%s\",\"size\":%zu,\"bytes\":%"
           "zu}}\n",
           fd, path, size, size);
    expect(pread(fd, bytes, size - 1, 7) == (ssize_t)size - 1, "pread");
    printf("{\"name\":\"__pread_chk\",\"args\":{\"fd\":%d,\"path\":\"%s\",\"size\":%zu,\"offset\":"
           "7,\"bytes\":%zu}}\n",
           fd, path, size - 1, size - 1);
    expect(pread64(fd, bytes, size - 2, 8) == (ssize_t)size - 2, "pread64");
    printf("{\"name\":\"__pread64_chk\",\"args\":{\"fd\":%d,\"path\":\"%s\",\"size\":%zu,"
           "\"offset\":8,\"bytes\":%zu}}\n",
           fd, path, size - 2, size - 2);
}

int main(int argc, char **argv)
{
    const char *path = "/dev/zero";
    if (argc < 2)
        return 2;
    int fd = open_it(plain, "__open_2", path, O_RDONLY);
    moves(fd, (size_t)atoi(argv[1]), path);
    fd = open_it(large, "__open64_2", path, O_RDONLY);
    moves(fd, (size_t)atoi(argv[1]), path);
    return 0;
}
