/* What differs between processors, for aarch64. The contract is in ../x86_64/arch.h. */
#ifndef VT_BASE_ARCH_H
#define VT_BASE_ARCH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t arch_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}

static inline int arch_ticks_reliable(void)
{
    return 1;
}

/* A load and a store: a signal between the two may write the same words twice. The reader then sees
 * one damaged event, resynchronises, and counts it. */
static inline uint64_t *arch_claim(uint64_t **cursor, size_t bytes)
{
    uint64_t *volatile *shared = (uint64_t *volatile *)cursor;
    uint64_t *old = *shared;
    *shared = (uint64_t *)((char *)old + bytes);
    return old;
}

static inline int arch_replace(uint64_t *at, uint64_t old, uint64_t replacement)
{
    return __atomic_compare_exchange_n(at, &old, replacement, 0, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

/* The kernel brings what a handler returns to. */
#define ARCH_SA_RESTORER   0
#define arch_signal_return NULL

#endif
