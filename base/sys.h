/* System calls for the traced process: no errno, no cancellation point, no libc symbol that another
 * preload could have replaced. Every function returns the kernel's answer: negative errno on
 * failure. Only what the runtime needs is here; add a call when something needs it. */
#ifndef VT_BASE_SYS_H
#define VT_BASE_SYS_H

#include "arch.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define SYS0(n)             arch_syscall(n, 0, 0, 0, 0, 0, 0)
#define SYS1(n, a)          arch_syscall(n, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(n, a, b)       arch_syscall(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(n, a, b, c)    arch_syscall(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(n, a, b, c, d) arch_syscall(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static inline long sys_open(const char *path, int flags, unsigned mode)
{
    return SYS4(SYS_openat, AT_FDCWD, path, flags, mode);
}
static inline long sys_close(long fd)
{
    return SYS1(SYS_close, fd);
}
static inline long sys_read(long fd, void *buffer, size_t size)
{
    return SYS3(SYS_read, fd, buffer, size);
}
static inline long sys_write(long fd, const void *buffer, size_t size)
{
    return SYS3(SYS_write, fd, buffer, size);
}
static inline long sys_fallocate(long fd, uint64_t offset, uint64_t size)
{
    return SYS4(SYS_fallocate, fd, 0, offset, size);
}
static inline long sys_ftruncate(long fd, uint64_t size)
{
    return SYS2(SYS_ftruncate, fd, size);
}
static inline long sys_fcntl(long fd, int command, long argument)
{
    return SYS3(SYS_fcntl, fd, command, argument);
}
static inline long sys_unlink(const char *path)
{
    return SYS3(SYS_unlinkat, AT_FDCWD, path, 0);
}
static inline long sys_mkdir(const char *path, unsigned mode)
{
    return SYS3(SYS_mkdirat, AT_FDCWD, path, mode);
}
static inline long sys_getpid(void)
{
    return SYS0(SYS_getpid);
}
static inline long sys_getppid(void)
{
    return SYS0(SYS_getppid);
}
static inline long sys_gettid(void)
{
    return SYS0(SYS_gettid);
}
static inline long sys_getcwd(char *buffer, size_t size)
{
    return SYS2(SYS_getcwd, buffer, size);
}
static inline long sys_readlink(const char *path, char *buffer, size_t size)
{
    return SYS4(SYS_readlinkat, AT_FDCWD, path, buffer, size);
}
static inline long sys_madvise(void *at, size_t size, int advice)
{
    return SYS3(SYS_madvise, at, size, advice);
}
static inline long sys_munmap(void *at, size_t size)
{
    return SYS2(SYS_munmap, at, size);
}
static inline long sys_clock_gettime(int clock, struct timespec *time)
{
    return SYS2(SYS_clock_gettime, clock, time);
}
/* Reads memory of this process that may not be there: the bytes read, or -EFAULT; anything else: we
 * may not ask. */
static inline long sys_peek(uint64_t at, void *to, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)(uintptr_t)at, size};
    return arch_syscall(SYS_process_vm_readv, sys_getpid(), (long)&here, 1, (long)&there, 1, 0);
}
/* Is there a thread `tid` in process `pid`? 0 or -ESRCH. */
static inline long sys_tgkill(long pid, long tid, int signal)
{
    return SYS3(SYS_tgkill, pid, tid, signal);
}

/* NULL on failure. `at` is an address to take (MAP_FIXED) or NULL. */
static inline void *sys_mmap(void *at, size_t size, int protection, int flags, long fd,
                             uint64_t offset)
{
    long result = arch_syscall(SYS_mmap, (long)at, (long)size, protection, flags, fd, (long)offset);
    return result < 0 && result > -4096 ? NULL : (void *)result;
}

/* Blocks every signal; returns the mask for sys_signals_restore. Kernel masks are 64 bits wide. */
static inline uint64_t sys_signals_block(void)
{
    uint64_t all = ~(uint64_t)0, old = 0;
    SYS4(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, &old, sizeof all);
    return old;
}
static inline void sys_signals_restore(uint64_t mask)
{
    SYS4(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &mask, 0, sizeof mask);
}

/* The system calls that not every program of ours needs and that retry or compose: sys.c. */

/* Opens at a high number, close-on-exec, so that the number is neither one of 0–2 nor the next one
 * that the program would get (H43). */
long sys_open_high(const char *path, int flags, unsigned mode);

/* Writes all bytes or says why not: 0 or negative errno. */
long sys_write_all(long fd, const void *buffer, size_t size);

/* Makes file bytes [offset, offset+size) exist on disk; file systems without fallocate get zeros
 * written. 0 or negative errno (-ENOSPC, …). */
long sys_reserve(long fd, uint64_t offset, uint64_t size);

#endif
