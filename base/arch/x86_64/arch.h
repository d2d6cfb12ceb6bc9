/* What differs between processors, for x86_64. One folder per architecture, chosen by include path;
 * every folder offers the same five functions, so no body anywhere tests for an architecture.
 *
 *   arch_ticks           the cheapest monotonic counter, the same on all cores
 *   arch_ticks_reliable  whether arch_ticks may be used as a clock (else the capture uses
 * nanoseconds) arch_claim           take `bytes` from a cursor in one instruction, so that a signal
 * handler that interrupts the caller takes the bytes behind ours and never the same ones
 *   arch_replace         puts a word in the place of another and says whether that was there: in
 * one instruction where the caller's own handlers are concerned, not where other threads are
 *   arch_syscall         a system call that touches neither errno nor any library
 */
#ifndef VT_BASE_ARCH_H
#define VT_BASE_ARCH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t arch_ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* CPUID 0x80000007, EDX bit 8: the invariant TSC. A trap under most hypervisors: once per session.
 */
static inline int arch_ticks_reliable(void)
{
    uint32_t a = 0x80000000u, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (a < 0x80000007u)
        return 0;
    a = 0x80000007u, c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (d >> 8) & 1;
}

static inline uint64_t *arch_claim(uint64_t **cursor, size_t bytes)
{
    uint64_t old = bytes;
    __asm__ volatile("xaddq %0, %1" : "+r"(old), "+m"(*cursor) : : "memory", "cc");
    return (uint64_t *)old;
}

static inline int arch_replace(uint64_t *at, uint64_t old, uint64_t replacement)
{
    int was_there;
    __asm__ volatile("cmpxchgq %3, %1"
                     : "=@ccz"(was_there), "+m"(*at), "+a"(old)
                     : "r"(replacement)
                     : "memory");
    return was_there;
}

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* What a handler returns to that was installed without libc: the kernel asks for it here. */
#define ARCH_SA_RESTORER 0x04000000
__attribute__((naked, unused)) static void arch_signal_return(void)
{
    __asm__("movl $15, %eax\n\tsyscall"); /* rt_sigreturn */
}

#endif
