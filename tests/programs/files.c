/* Calls that move bytes, each written down as it should be in the trace: "NAME PATH SIZE RESULT",
 * where RESULT is a number or the name of an error, and "-" stands for what a call does not have.
 * The books go through stdio into a file named on the command line, to leave the descriptors alone
 * until the end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char books[64 << 10];
static size_t written_down;

static void write_down(const char *name, const char *path, long size, long result)
{
    char *at = books + written_down;
    size_t room = sizeof books - written_down;
    int length = snprintf(at, room, "%s %s ", name, path);
    length += size < 0 ? snprintf(at + length, room - (size_t)length, "- ")
                       : snprintf(at + length, room - (size_t)length, "%ld ", size);
    length += result < 0
                  ? snprintf(at + length, room - (size_t)length, "%s\n", strerrorname_np(errno))
                  : snprintf(at + length, room - (size_t)length, "%ld\n", result);
    written_down += (size_t)length;
}

#define DO(name, path, size, ...)                                                                  \
    ({                                                                                             \
        long result_ = name(__VA_ARGS__);                                                          \
        write_down(#name, path, size, result_);                                                    \
        (int)result_;                                                                              \
    })

static void named(void)
{
    char bytes[4096];
    memset(bytes, 'x', sizeof bytes);
    int fd = DO(open, "new file", -1, "new file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    DO(write, "new file", 4096, fd, bytes, 4096);
    DO(write, "new file", 0, fd, bytes, 0);
    DO(pwrite, "new file", 10, fd, bytes, 10, 5000);
    DO(pread, "new file", 4096, fd, bytes, 4096, 4000);
    DO(read, "new file", 100, fd, bytes, 100);
    int copy = DO(dup, "new file", -1, fd);
    DO(read, "new file", 4000, copy, bytes, 4000);
    int other = DO(open64, "/dev/null", -1, "/dev/null", O_WRONLY | O_CLOEXEC);
    DO(write, "/dev/null", 7, other, "ignored", 7);
    DO(dup2, "new file", -1, fd, other);
    DO(write, "new file", 3, other, "end", 3);
    DO(close, "new file", -1, other);
    DO(close, "new file", -1, copy);
    DO(close, "new file", -1, fd);
}

static void failing(void)
{
    char byte;
    DO(open, "no such file", -1, "no such file", O_RDONLY);
    DO(open, "/", -1, "/", O_WRONLY);
    DO(read, "-", 1, 999, &byte, 1);
    DO(close, "-", -1, 999);
    int fd = DO(openat, "/dev/null", -1, AT_FDCWD, "/dev/null", O_RDONLY);
    DO(write, "/dev/null", 1, fd, "x", 1);
    DO(read, "/dev/null", 1, fd, &byte, 1);
    DO(close, "/dev/null", -1, fd);
}

static void unnamed(void)
{
    char bytes[64];
    int ends[2];
    char name[64] = "", link[32];
    DO(pipe, "-", -1, ends);
    snprintf(link, sizeof link, "/proc/self/fd/%d", ends[0]);
    syscall(SYS_readlink, link, name, sizeof name - 1); /* which is no event */
    DO(write, name, 5, ends[1], "hello", 5);
    DO(read, name, 64, ends[0], bytes, 64);
    DO(close, name, -1, ends[1]);
    DO(read, name, 64, ends[0], bytes, 64);
    DO(close, name, -1, ends[0]);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    named();
    failing();
    unnamed();
    FILE *file = fopen(argv[1], "w");
    return !file || fwrite(books, 1, written_down, file) != written_down || fclose(file) != 0;
}
