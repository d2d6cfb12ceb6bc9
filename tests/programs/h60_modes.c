/* Makes files with modes, by every call that takes one: h60_modes UMASK. Prints "name mode" as the
 * file system says. fcntl and ioctl with arguments of all kinds are tried too. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s (errno %d)\n", what, errno);
        abort();
    }
}

static void show(const char *name, int fd)
{
    struct stat info;
    expect(fd >= 0 && fstat(fd, &info) == 0, name);
    printf("%s %04o\n", name, info.st_mode & 07777);
    close(fd);
}

static void make(int folder)
{
    show("open", open("open", O_CREAT | O_RDWR, 0666));
    show("open64", open64("open64", O_CREAT | O_EXCL | O_WRONLY, 0640));
    show("open_7777", open("open_7777", O_CREAT | O_RDWR | O_TRUNC, 07777));
    show("open_0", open("open_0", O_CREAT | O_RDWR, 0));
    show("openat", openat(AT_FDCWD, "openat", O_CREAT | O_RDWR, 0751));
    show("openat_in", openat(folder, "openat_in", O_CREAT | O_RDWR, 0604));
    show("openat64", openat64(folder, "openat64", O_CREAT | O_RDWR, 04755));
    show("creat", creat("creat", 0620));
    show("creat64", creat64("creat64", 0602));
    show("tmpfile", open(".", O_TMPFILE | O_RDWR, 0644));
    show("tmpfile_at", openat(folder, ".", O_TMPFILE | O_RDWR, 0460));
    show("tmpfile64", open64("folder", O_TMPFILE | O_WRONLY, 0777));
    show("again", open("open", O_CREAT | O_RDWR, 0111)); /* it is there: its mode stays */
}

/* O_TMPFILE has O_DIRECTORY's bit in it, and needs a mode; O_DIRECTORY alone has none. */
static void open_folder(void)
{
    int fd = open("folder", O_DIRECTORY | O_RDONLY);
    expect(fd >= 0, "O_DIRECTORY");
    close(fd);
    expect(open("folder", O_DIRECTORY | O_RDWR) == -1 && errno == EISDIR, "a folder to write");
    expect(openat(AT_FDCWD, "nowhere", O_DIRECTORY) == -1 && errno == ENOENT, "no folder");
}

static void control(void)
{
    int ends[2], waiting = 0;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    int fd = open("open", O_RDWR);
    expect(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "F_SETFD");
    expect(fcntl(fd, F_SETFL, (long)O_NONBLOCK) == 0, "F_SETFL");
    expect(fcntl64(fd, F_GETFL) & O_NONBLOCK, "F_GETFL");
    expect(fcntl64(fd, F_SETLK, &lock) == 0 && fcntl(fd, F_GETLK, &lock) == 0, "F_SETLK");
    expect(lock.l_type == F_UNLCK, "F_GETLK");
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    expect(high == 100 && close(high) == 0, "F_DUPFD_CLOEXEC");
    expect(pipe(ends) == 0 && write(ends[1], "abc", 3) == 3, "pipe");
    expect(ioctl(ends[0], FIONREAD, &waiting) == 0 && waiting == 3, "FIONREAD");
    expect(ioctl(ends[0], FIOCLEX) == 0 && fcntl(ends[0], F_GETFD) == FD_CLOEXEC, "FIOCLEX");
    close(ends[0]);
    close(ends[1]);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 2 || mkdir("folder", 0777) != 0)
        return 2;
    umask((mode_t)strtoul(argv[1], NULL, 8));
    int folder = open("folder", O_PATH | O_DIRECTORY);
    expect(folder >= 0, "folder");
    make(folder);
    open_folder();
    control();
    return 0;
}
