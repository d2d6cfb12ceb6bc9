/* For processors without a folder of their own: correct, not fast. Ticks are nanoseconds, and
 * system calls go through libc, which may set errno: it is put back. The contract is in
 * ../x86_64/arch.h. */
#ifndef VT_BASE_ARCH_H
#define VT_BASE_ARCH_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t arch_ticks(void)
{
    return 0; /* never used as a clock: arch_ticks_reliable says so */
}

static inline int arch_ticks_reliable(void)
{
    return 0;
}

static inline uint64_t *arch_claim(uint64_t **cursor, size_t bytes)
{
    uint64_t *volatile *shared = (uint64_t *volatile *)cursor;
    uint64_t *old = *shared;
    *shared = (uint64_t *)(void *)((char *)old + bytes);
    return old;
}

static inline int arch_replace(uint64_t *at, uint64_t old, uint64_t replacement)
{
    return __atomic_compare_exchange_n(at, &old, replacement, 0, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1)
        result = -errno;
    errno = saved;
    return result;
}

/* The kernel brings what a handler returns to. */
#define ARCH_SA_RESTORER   0
#define arch_signal_return NULL

#endif
