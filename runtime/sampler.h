/* CPU samples: a timer of its own for each thread, on that thread's CPU time, whose signal is
 * handled by the thread itself: where it is is its stack. No helper thread, no descriptor.
 *
 * The kernel (5.11 and newer) lets such a timer expire on the way back to the program only, so no
 * system call of the program's is interrupted by it. A thread that waits is not sampled: it needs
 * no CPU time. */
#ifndef VT_RUNTIME_SAMPLER_H
#define VT_RUNTIME_SAMPLER_H

#include "runtime/thread.h"

/* The signal: one that nobody is known to use. */
enum { SAMPLER_SIGNAL = 53 };
static const uint64_t SAMPLER_BIT = UINT64_C(1) << (SAMPLER_SIGNAL - 1); /* in a signal mask */

/* The smallest alternative stack that its handler may run on: the kernel's frame with the registers
 * of AVX-512, and ours. */
enum { SAMPLER_STACK = 6144 };

/* The calling thread has been told that the signal is blocked, which it is not. */
extern __thread int sampler_seems_blocked;

/* Samples every thread that attaches from now on. `only_uninstrumented`: ends with the first
 * function event. */
void sampler_begin(uint32_t hz, int only_uninstrumented);

/* The program wants the signal for itself, or the process is about to be sealed: no more samples in
 * this process. */
void sampler_end(void);

int sampler_is_on(void);

/* The calling thread is sampled no more: it chose an alternative stack that is too small. */
void sampler_leave_thread(void);

/* The signal mask for a thread that has just attached and had this one: it may have been started
 * with the signal blocked. */
uint64_t sampler_mask(uint64_t mask);

/* What the calling thread believes of its mask becomes true, because the signal is the program's
 * now. */
void sampler_settle_mask(void);

/* Whether this is the handler of the sampler's. */
int sampler_has(const void *handler);

/* The calling thread, which has just attached to `self`; the timer of whoever had the slot before
 * goes. */
void sampler_attach(struct thread *self);

/* The calling thread will soon compute no more: what it did since its last sample is told. */
void sampler_finish(void);

#endif
