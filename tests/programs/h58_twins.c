/* Every call of preload/calls/io.def once or more, with its 64-bit and fortified twins. h58_twins:
 * prints the event that each is to give, one JSON object a line, in order. What it got itself it
 * checks on the spot. h58_twins overflow: reads more than there is room for, by a fortified call.
 */
#define _GNU_SOURCE
#include "expected.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *buffer, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *buffer, size_t size, off64_t offset, size_t room);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);

#define FAR (INT64_C(5) << 30)

static char bytes[4096];

/* One line makes the call, looks at its result and prints its event. */
#define MOVE(name, fd, size, wanted, arguments)                                                    \
    do {                                                                                           \
        ssize_t moved = name arguments;                                                            \
        expect(moved == (wanted), #name);                                                          \
        EVENT(#name, "%s,'size':%zu,%s", descriptor(fd), (size_t)(size), result("bytes", moved));  \
    } while (0)
#define MOVE_AT(name, fd, size, offset, wanted, arguments)                                         \
    do {                                                                                           \
        ssize_t moved = name arguments;                                                            \
        expect(moved == (wanted), #name);                                                          \
        EVENT(#name, "%s,'size':%zu,'offset':%lld,%s", descriptor(fd), (size_t)(size),             \
              (long long)(offset), result("bytes", moved));                                        \
    } while (0)
#define OPEN(name, wanted, path_, flags, arguments)                                                \
    do {                                                                                           \
        int fd = name arguments;                                                                   \
        expect(fd == (wanted), #name);                                                             \
        EVENT(#name, "'path':'%s','flags':'%s',%s", path_, flags, result("result", fd));           \
        if (fd >= 0)                                                                               \
            paths[fd] = path_;                                                                     \
    } while (0)
#define OPENAT(name, wanted, folder, path_, flags, arguments)                                      \
    do {                                                                                           \
        int fd = name arguments;                                                                   \
        expect(fd == (wanted), #name);                                                             \
        EVENT(#name, "%s,'path':'%s','flags':'%s',%s", at(folder), path_, flags,                   \
              result("result", fd));                                                               \
        if (fd >= 0)                                                                               \
            paths[fd] = (folder) == AT_FDCWD ? path_ : "folder/" path_;                            \
    } while (0)

static void move(void)
{
    OPEN(open, 3, "data", "O_RDWR|O_CREAT", ("data", O_RDWR | O_CREAT, 0600));
    MOVE(write, 3, 1000, 1000, (3, bytes, 1000));
    MOVE_AT(pwrite, 3, 50, 1000, 50, (3, bytes, 50, 1000));
    MOVE_AT(pwrite64, 3, 60, FAR, 60, (3, bytes, 60, FAR));
    MOVE(read, 3, 50, 50, (3, bytes, 50));
}

/* What the 64-bit twins of calls other than read and write do, on descriptor 3. */
static void twins(void)
{
    struct iovec parts[] = {{bytes, 10}, {bytes + 10, 20}};
    int64_t from = 0;
    MOVE_AT(preadv64, 3, 30, 5, 30, (3, parts, 2, 5));
    MOVE_AT(pwritev64, 3, 30, FAR, 30, (3, parts, 2, FAR));
    MOVE_AT(preadv64v2, 3, 30, FAR, 30, (3, parts, 2, FAR, 0));
    MOVE_AT(pwritev64v2, 3, 30, FAR, 30, (3, parts, 2, FAR, 0));
    expect(lseek64(3, 50, SEEK_SET) == 50, "lseek64");
    EVENT("lseek64", "%s,'offset':50,'number':0,'result':50", descriptor(3));
    expect(fallocate64(3, 0, 100, 200) == 0, "fallocate64");
    EVENT("fallocate64", "%s,'offset':100,'size':200,'result':0", descriptor(3));
    expect(posix_fallocate64(3, 100, 200) == 0, "posix_fallocate64");
    EVENT("posix_fallocate64", "%s,'offset':100,'size':200", descriptor(3));
    expect(lockf64(3, F_TEST, 10) == 0, "lockf64");
    EVENT("lockf64", "%s,'number':%d,'result':0", descriptor(3), F_TEST);
    expect(fcntl64(3, F_GETFD) == 0, "fcntl64");
    EVENT("fcntl64", "%s,'number':%d,'result':0", descriptor(3), F_GETFD);
    OPEN(open, 4, "/dev/null", "O_WRONLY", ("/dev/null", O_WRONLY));
    expect(sendfile64(4, 3, &from, 20) == 20, "sendfile64");
    EVENT("sendfile64", "%s,'to_fd':4,'to':'/dev/null','size':20,'bytes':20", descriptor(3));
    shut(4);
    expect(ftruncate64(3, FAR + 60) == 0, "ftruncate64");
    EVENT("ftruncate64", "%s,'size':%lld,'result':0", descriptor(3), (long long)FAR + 60);
}

static void move_checked(void)
{
    MOVE_AT(pread, 3, 600, 900, 600, (3, bytes, 600, 900));
    MOVE_AT(pread64, 3, 500, FAR, 60, (3, bytes, 500, FAR));
    MOVE(__read_chk, 3, 4096, 4096, (3, bytes, 4096, sizeof bytes));
    MOVE_AT(__pread_chk, 3, 30, FAR + 50, 10, (3, bytes, 30, FAR + 50, sizeof bytes));
    MOVE_AT(__pread64_chk, 3, 31, 5, 31, (3, bytes, 31, 5, sizeof bytes));
    MOVE(read, 3, 0, 0, (3, bytes, 0));
    MOVE(read, -1, 5, -1, (-1, bytes, 5));
    MOVE(__read_chk, 99, 6, -1, (99, bytes, 6, sizeof bytes));
    MOVE_AT(pread64, 3, 7, -9, -1, (3, bytes, 7, -9));
    shut(3);
    shut(3); /* no more */
}

static void open_all(void)
{
    OPEN(open, 3, "data", "O_RDONLY", ("data", O_RDONLY));
    OPEN(open64, 4, "data", "O_WRONLY|O_APPEND", ("data", O_WRONLY | O_APPEND));
    OPEN(__open_2, 5, "data", "O_RDONLY|O_CLOEXEC", ("data", O_CLOEXEC));
    OPEN(__open64_2, 6, "data", "O_RDWR|O_NONBLOCK", ("data", O_RDWR | O_NONBLOCK));
    OPEN(open, 7, "folder", "O_RDONLY|O_DIRECTORY", ("folder", O_RDONLY | O_DIRECTORY));
    OPEN(open, -1, "nowhere", "O_RDONLY", ("nowhere", O_RDONLY));
    OPEN(open64, -1, "data", "O_RDONLY|O_CREAT|O_EXCL", ("data", O_CREAT | O_EXCL, 0600));
    OPENAT(openat, 8, AT_FDCWD, "data", "O_RDONLY", (AT_FDCWD, "data", O_RDONLY));
    OPENAT(openat, 9, 7, "inside", "O_RDWR|O_CREAT", (7, "inside", O_RDWR | O_CREAT, 0600));
    OPENAT(openat64, 10, 7, "inside", "O_WRONLY|O_TRUNC", (7, "inside", O_WRONLY | O_TRUNC));
    OPENAT(__openat_2, 11, 7, "inside", "O_RDONLY", (7, "inside", O_RDONLY));
    OPENAT(__openat64_2, 12, AT_FDCWD, "data", "O_RDONLY|O_NOFOLLOW",
           (AT_FDCWD, "data", O_NOFOLLOW));
    OPENAT(openat64, -1, 3, "x", "O_RDONLY", (3, "x", O_RDONLY)); /* no folder */
    for (int fd = 3; fd < 13; fd++)
        shut(fd);
}

static void creat_and_dup(void)
{
    int fd = creat("made", 0600);
    expect(fd == 3, "creat");
    EVENT("creat", "'path':'made','result':3");
    fd = creat64("made", 0600);
    expect(fd == 4, "creat64");
    EVENT("creat64", "'path':'made','result':4");
    paths[3] = paths[4] = "made";
    expect(dup(3) == 5, "dup");
    EVENT("dup", "%s,'result':5", descriptor(3));
    expect(dup2(4, 9) == 9, "dup2");
    EVENT("dup2", "%s,'number':9,'result':9", descriptor(4));
    expect(dup3(9, 10, O_CLOEXEC) == 10, "dup3");
    paths[5] = paths[9] = paths[10] = "made";
    EVENT("dup3", "%s,'number':10,'result':10", descriptor(9));
    expect(fcntl(10, F_GETFD) == FD_CLOEXEC, "dup3's flag");
    EVENT("fcntl", "%s,'number':1,'result':1", descriptor(10));
    expect(dup3(9, 9, 0) == -1 && errno == EINVAL, "dup3 to itself");
    EVENT("dup3", "%s,'number':9,'error':'EINVAL'", descriptor(9));
    MOVE(write, 10, 8, 8, (10, bytes, 8));
    expect(close_range(9, 10, 0) == 0, "close_range");
    EVENT("close_range", "'fd':9,'number':10,'result':0");
    paths[9] = paths[10] = NULL;
    closefrom(4);
    EVENT("closefrom", "'number':4");
    paths[4] = paths[5] = NULL;
    MOVE(write, 5, 8, -1, (5, bytes, 8));
    MOVE(write, 3, 8, 8, (3, bytes, 8));
    shut(3);
}

int main(int argc, char **argv)
{
    char small[16];
    if (argc > 1 && strcmp(argv[1], "overflow") == 0)
        return (int)__read_chk(0, small, (size_t)atoi(argv[2]), sizeof small);
    mkdir("folder", 0700);
    EVENT("mkdir", "'path':'folder','result':0");
    closefrom(3);
    EVENT("closefrom", "'number':3");
    move();
    twins();
    move_checked();
    open_all();
    creat_and_dup();
    return 0;
}
