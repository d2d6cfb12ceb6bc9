/* The calls of preload/calls/io.def that h58_twins leaves out: vectors, bytes that go from
 * descriptor to descriptor, what is told to the kernel about a file, and special descriptors (H61).
 * See expected.h. */
#define _GNU_SOURCE
#include "expected.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#define FAR (INT64_C(5) << 30)

enum { DATA = 3, NULL_ = 4, OTHER = 5, READ_END = 6, WRITE_END = 7, SECOND_READ = 8, SECOND_WRITE };

static char bytes[4096], copy[4096];

static void open_files(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    OPENS(open, DATA, "data", ("data", O_RDWR | O_CREAT, 0600),
          "'path':'data','flags':'O_RDWR|O_CREAT'");
    OPENS(open, NULL_, "/dev/null", ("/dev/null", O_WRONLY),
          "'path':'/dev/null','flags':'O_WRONLY'");
    OPENS(creat, OTHER, "other", ("other", 0600), "'path':'other'");
}

static void vectors(void)
{
    struct iovec out[] = {{bytes, 100}, {bytes + 100, 0}, {bytes + 100, 57}};
    struct iovec in[] = {{copy, 3}, {copy + 3, 1000}};
    const char *data = descriptor(DATA);
    volatile int negative = -1;
    MOVES(writev, 157, (DATA, out, 3), "%s,'size':157", data);
    MOVES(pwritev, 157, (DATA, out, 3, 157), "%s,'size':157,'offset':157", data);
    MOVES(pwritev2, 157, (DATA, out, 3, 314, 0), "%s,'size':157,'offset':314", data);
    MOVES(pwritev64v2, 0, (DATA, out, 0, FAR, 0), "%s,'size':0,'offset':%lld", data,
          (long long)FAR);
    CALLS(lseek, 100, (DATA, 100, SEEK_SET), "%s,'offset':100,'number':0", data);
    MOVES(readv, 371, (DATA, in, 2), "%s,'size':1003", data);
    expect(memcmp(copy, bytes + 100, 57) == 0 && memcmp(copy + 57, bytes, 157) == 0, "readv");
    MOVES(preadv, 471, (DATA, in, 2, 0), "%s,'size':1003,'offset':0", data);
    expect(memcmp(copy, bytes, 157) == 0, "preadv: what it read");
    MOVES(preadv2, 1, (DATA, in, 2, 470, 0), "%s,'size':1003,'offset':470", data);
    MOVES(preadv2, 0, (DATA, in, 2, -1, 0), "%s,'size':1003,'offset':-1", data); /* no offset */
    FAILS(readv, EBADF, (WRITE_END, in, 2), "'fd':7,'size':0");
    FAILS(writev, EINVAL, (DATA, out, negative), "%s,'size':0", data);
    FAILS(preadv, EINVAL, (DATA, in, 2, -1), "%s,'size':0,'offset':-1", data);
    FAILS(pwritev2, EOPNOTSUPP, (DATA, out, 2, 0, 0x40000000), "%s,'size':0,'offset':0", data);
    for (int i = 0; i < 3; i++) {
        struct iovec *wrong = bad_pointers[i], inside[] = {{(void *)1, 5}};
        FAILS(readv, EFAULT, (DATA, wrong, 2), "%s,'size':0", data);
        FAILS(writev, EFAULT, (DATA, wrong, 2), "%s,'size':0", data);
        FAILS(preadv, EFAULT, (DATA, wrong, 1, 0), "%s,'size':0,'offset':0", data);
        FAILS(pwritev, EFAULT, (DATA, inside, 1, 0), "%s,'size':0,'offset':0", data);
        FAILS(vmsplice, EFAULT, (DATA, wrong, 1, 0), "%s,'count':1", data);
        MOVES(writev, 0, (DATA, wrong, 0), "%s,'size':0", data);
        FAILS(pread, EFAULT, (DATA, wrong, 5, 0), "%s,'size':5,'offset':0", data);
        FAILS(pwrite, EFAULT, (DATA, wrong, 5, 0), "%s,'size':5,'offset':0", data);
        FAILS(pipe, EFAULT, ((int *)wrong), "'flags':'O_RDONLY'");
        FAILS(open, EFAULT, ((char *)wrong, O_RDWR), "'flags':'O_RDWR'");
        FAILS(openat, EFAULT, (DATA, (char *)wrong, 0), "%s,'flags':'O_RDONLY'", at(DATA));
        FAILS(creat, EFAULT, ((char *)wrong, 0), "");
        FAILS(memfd_create, EFAULT, ((char *)wrong, 0), "");
        FAILS(sendfile, EFAULT, (NULL_, DATA, (void *)bad_pointers[1], 5), "%s,%s,'size':5",
              to(NULL_), data);
    }
}

static void pipes(void)
{
    int fds[2] = {-5, -5}, more[2] = {-5, -5};
    struct iovec parts[] = {{bytes, 30}, {bytes + 30, 20}};
    off_t from = 10;
    off64_t in = 20, out = 60;
    CALLS(pipe, 0, (fds), "'flags':'O_RDONLY'");
    CALLS(pipe2, 0, (more, O_CLOEXEC | O_NONBLOCK), "'flags':'O_RDONLY|O_NONBLOCK|O_CLOEXEC'");
    expect(fds[0] == READ_END && fds[1] == WRITE_END && more[0] == SECOND_READ, "pipes");
    for (int fd = READ_END; fd <= SECOND_WRITE; fd++)
        learn(fd);
    FAILS(pipe2, EINVAL, (fds, O_CREAT | O_TRUNC), "'flags':'O_RDONLY|O_CREAT|O_TRUNC'");
    expect(fds[0] == READ_END, "pipe2: what it left alone");
    MOVES(sendfile, 40, (WRITE_END, DATA, &from, 40), "%s,%s,'size':40", to(WRITE_END),
          descriptor(DATA));
    expect(from == 50, "sendfile: its offset");
    MOVES(tee, 40, (READ_END, SECOND_WRITE, 100, 0), "%s,%s,'size':100", descriptor(READ_END),
          to(SECOND_WRITE));
    MOVES(read, 40, (SECOND_READ, copy, 100), "%s,'size':100", descriptor(SECOND_READ));
    expect(memcmp(copy, bytes + 10, 40) == 0, "tee: what it moved");
    FAILS(tee, EAGAIN, (SECOND_READ, WRITE_END, 10, SPLICE_F_NONBLOCK), "%s,%s,'size':10",
          descriptor(SECOND_READ), to(WRITE_END));
    MOVES(splice, 40, (READ_END, NULL, OTHER, &out, 60, SPLICE_F_MOVE), "%s,%s,'size':60",
          descriptor(READ_END), to(OTHER));
    expect(out == 100, "splice: its offset");
    FAILS(splice, EINVAL, (DATA, NULL, OTHER, NULL, 60, 0), "%s,%s,'size':60", descriptor(DATA),
          to(OTHER));
    MOVES(vmsplice, 50, (WRITE_END, parts, 2, 0), "%s,'count':2", descriptor(WRITE_END));
    CALLS(ioctl, 0, (READ_END, FIONREAD, &fds[0]), "%s,'request':'0x541b'", descriptor(READ_END));
    expect(fds[0] == 50, "ioctl: what it says");
    FAILS(ioctl, ENOTTY, (DATA, TIOCGWINSZ, bad_pointers[0]), "%s,'request':'0x5413'",
          descriptor(DATA));
    FAILS(ioctl, EFAULT, (READ_END, FIONREAD, bad_pointers[1]), "%s,'request':'0x541b'",
          descriptor(READ_END));
    MOVES(copy_file_range, 30, (DATA, &in, OTHER, &out, 30, 0), "%s,%s,'size':30", descriptor(DATA),
          to(OTHER));
    expect(in == 50 && out == 130, "copy_file_range: its offsets");
    FAILS(copy_file_range, EBADF, (OTHER, NULL, DATA, NULL, 30, 0), "%s,%s,'size':30",
          descriptor(OTHER), to(DATA));
    FAILS(sendfile, EBADF, (WRITE_END, OTHER, NULL, 1), "%s,%s,'size':1", to(WRITE_END),
          descriptor(OTHER));
}

static void about_a_file(void)
{
    const char *data = descriptor(DATA), *end = descriptor(READ_END);
    FAILS(lseek, ESPIPE, (READ_END, 0, SEEK_CUR), "%s,'offset':0,'number':1", end);
    CALLS(lseek, 463, (DATA, -8, SEEK_END), "%s,'offset':-8,'number':2", data);
    CALLS(fsync, 0, (DATA), "%s", data);
    CALLS(fdatasync, 0, (DATA), "%s", data);
    CALLS(syncfs, 0, (DATA), "%s", data);
    FAILS(fsync, EINVAL, (READ_END), "%s", end);
    sync();
    EVENT("sync", "%s", "");
    CALLS(sync_file_range, 0, (DATA, 5, 10, SYNC_FILE_RANGE_WRITE), "%s,'offset':5,'size':10",
          data);
    FAILS(sync_file_range, EINVAL, (DATA, 5, 10, ~0u), "%s,'offset':5,'size':10", data);
    CALLS(ftruncate, 0, (DATA, 300), "%s,'size':300", data);
    FAILS(ftruncate, EINVAL, (DATA, -1), "%s,'size':-1", data);
    CALLS(fallocate, 0, (DATA, FALLOC_FL_KEEP_SIZE, 300, 100), "%s,'offset':300,'size':100", data);
    FAILS(fallocate, EINVAL, (DATA, 0, 0, 0), "%s,'offset':0,'size':0", data);
    TELLS(posix_fallocate, 0, (DATA, 0, 400), "%s,'offset':0,'size':400", data);
    TELLS(posix_fallocate, EBADF, (60, 0, 400), "'fd':60,'offset':0,'size':400");
    CALLS(flock, 0, (DATA, LOCK_EX), "%s,'number':2", data);
    FAILS(flock, EINVAL, (DATA, 77), "%s,'number':77", data);
    CALLS(lockf, 0, (DATA, F_LOCK, 10), "%s,'number':1", data);
    FAILS(lockf, EINVAL, (DATA, 77, 10), "%s,'number':77", data);
}

static void controls(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    const char *data = descriptor(DATA);
    CALLS(fcntl, 20, (DATA, F_DUPFD, 20), "%s,'number':%d", data, F_DUPFD);
    paths[20] = "data";
    CALLS(fcntl64, 21, (20, F_DUPFD_CLOEXEC, 20), "%s,'number':%d", descriptor(20),
          F_DUPFD_CLOEXEC);
    paths[21] = "data";
    CALLS(fcntl, FD_CLOEXEC, (21, F_GETFD), "%s,'number':%d", descriptor(21), F_GETFD);
    CALLS(fcntl, 0, (DATA, F_SETFL, O_APPEND), "%s,'number':%d", data, F_SETFL);
    CALLS(fcntl, 0, (DATA, F_SETLK, &lock), "%s,'number':%d", data, F_SETLK);
    FAILS(fcntl, EFAULT, (DATA, F_SETLK, bad_pointers[1]), "%s,'number':%d", data, F_SETLK);
    FAILS(fcntl, EINVAL, (DATA, 9999), "%s,'number':9999", data);
    FAILS(fcntl, EBADF, (60, F_GETFD), "'fd':60,'number':%d", F_GETFD);
    FAILS(close_range, EINVAL, (20, 21, 0x1000), "'fd':20,'number':21");
    FAILS(close_range, EINVAL, (21, 20, 0), "'fd':21,'number':20");
    CALLS(close_range, 0, (20, 20, CLOSE_RANGE_CLOEXEC), "'fd':20,'number':20");
    CALLS(fcntl, FD_CLOEXEC, (20, F_GETFD), "%s,'number':%d", descriptor(20), F_GETFD);
    shut(20);
    shut(21);
    shut(20);
    FAILS(dup, EBADF, (60), "'fd':60");
    FAILS(dup2, EBADF, (DATA, -1), "%s,'number':-1", data);
}

/* One more call shows what the new descriptor is thought to be. */
#define MAKES(name, arguments, ...)                                                                \
    do {                                                                                           \
        CALLS(name, 10, arguments, __VA_ARGS__);                                                   \
        learn(10);                                                                                 \
        shut(10);                                                                                  \
    } while (0)

static void special_ones(void)
{
    char shared[64];
    sigset_t none;
    sigemptyset(&none);
    MAKES(epoll_create, (1), "");
    MAKES(epoll_create1, (EPOLL_CLOEXEC), "");
    MAKES(eventfd, (5, EFD_NONBLOCK), "");
    MAKES(timerfd_create, (CLOCK_MONOTONIC, 0), "");
    MAKES(signalfd, (-1, &none, 0), "");
    MAKES(inotify_init, (), "");
    MAKES(inotify_init1, (IN_CLOEXEC), "");
    MAKES(memfd_create, ("a name", 0), "'name':'a name'");
    snprintf(shared, sizeof shared, "/vitte-surface-%d", (int)getpid());
    MAKES(shm_open, (shared, O_RDWR | O_CREAT | O_EXCL, 0600),
          "'name':'%s','flags':'O_RDWR|O_CREAT|O_EXCL'", shared);
    FAILS(shm_open, EEXIST, (shared, O_RDWR | O_CREAT | O_EXCL, 0600),
          "'name':'%s','flags':'O_RDWR|O_CREAT|O_EXCL'", shared);
    shm_unlink(shared);
    MAKES(posix_openpt, (O_RDWR | O_NOCTTY), "'flags':'O_RDWR'");
    MAKES(pidfd_open, (getpid(), 0), "'pid':%d", getpid());
    FAILS(epoll_create, EINVAL, (0), "");
    FAILS(epoll_create1, EINVAL, (-1), "");
    FAILS(eventfd, EINVAL, (0, -1), "");
    FAILS(timerfd_create, EINVAL, (999, 0), "");
    FAILS(signalfd, EFAULT, (-1, bad_pointers[1], 0), "");
    FAILS(inotify_init1, EINVAL, (-1), "");
    FAILS(memfd_create, EINVAL, ("x", 0x8000), "'name':'x'");
    FAILS(pidfd_open, EINVAL, (-1, 0), "'pid':-1");
}

/* The last field stands beside the result in one word of the record, where both fit. */
static void at_the_edge(void)
{
    static char much[65538];
    for (size_t edge = 65534; edge <= 65537; edge++) {
        MOVES(write, (ssize_t)edge, (NULL_, much, edge), "%s,'size':%zu", descriptor(NULL_), edge);
        MOVES(pwrite, 3, (NULL_, much, 3, (off_t)edge), "%s,'size':3,'offset':%zu",
              descriptor(NULL_), edge);
        FAILS(read, EBADF, (NULL_, much, edge), "%s,'size':%zu", descriptor(NULL_), edge);
    }
    CALLS(lseek, FAR, (DATA, FAR, SEEK_SET), "%s,'offset':%lld,'number':0", descriptor(DATA),
          (long long)FAR);
}

int main(void)
{
    surface_begin();
    open_files();
    vectors();
    at_the_edge();
    pipes();
    about_a_file();
    controls();
    special_ones();
    return 0;
}
