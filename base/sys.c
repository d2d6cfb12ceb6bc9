/* The composed system calls of sys.h: they loop, retry or fall back. */
#include "base/sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/uio.h>

/* Where our short-lived descriptors live: above what ordinary programs reach, below the default
 * soft limit of 1024, and low enough that the kernel's table for them stays small. */
enum { HIGH_FD = 960 };

long sys_open_high(const char *path, int flags, unsigned mode)
{
    long low = sys_open(path, flags | O_CLOEXEC, mode);
    if (low < 0)
        return low;
    long high = sys_fcntl(low, F_DUPFD_CLOEXEC, HIGH_FD);
    if (high < 0) /* a small RLIMIT_NOFILE */
        high = sys_fcntl(low, F_DUPFD_CLOEXEC, 3);
    if (high < 0)
        return low > 2 ? low : (sys_close(low), high);
    sys_close(low);
    return high;
}

/* A file that would pass RLIMIT_FSIZE brings SIGXFSZ, which ends a program by default. It is ours,
 * not the program's: it is taken off while signals are blocked. */
static void forget_size_signal(long result)
{
    uint64_t set = UINT64_C(1) << (SIGXFSZ - 1);
    struct timespec now = {0, 0};
    if (result == -EFBIG)
        SYS4(SYS_rt_sigtimedwait, &set, 0, &now, sizeof set);
}

static long write_all(long fd, const char *at, size_t size)
{
    while (size > 0) {
        long wrote = sys_write(fd, at, size);
        if (wrote == -EINTR || wrote == -EAGAIN)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? wrote : -EIO;
        at += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

long sys_write_all(long fd, const void *buffer, size_t size)
{
    uint64_t mask = sys_signals_block();
    long result = write_all(fd, buffer, size);
    forget_size_signal(result);
    sys_signals_restore(mask);
    return result;
}

/* Appends zeros until the file reaches `end`. Appending never writes over what another thread has
 * put there meanwhile, whoever reserves the same stretch. */
static long extend(long fd, uint64_t end)
{
    static const char zeros[4096];
    struct stat info = {0};
    long result;
    while ((result = SYS4(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH)) == 0 &&
           (uint64_t)info.st_size < end) {
        struct iovec part = {(void *)(uintptr_t)zeros, sizeof zeros};
        result = arch_syscall(SYS_pwritev2, fd, (long)&part, 1, -1, -1, RWF_APPEND);
        if (result < 0 && result != -EINTR)
            return result;
    }
    return result;
}

long sys_reserve(long fd, uint64_t offset, uint64_t size)
{
    uint64_t mask = sys_signals_block();
    long result;
    do
        result = sys_fallocate(fd, offset, size);
    while (result == -EINTR);
    if (result == -EOPNOTSUPP || result == -ENOSYS)
        result = extend(fd, offset + size);
    forget_size_signal(result);
    sys_signals_restore(mask);
    return result;
}
