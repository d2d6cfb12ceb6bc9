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

/* Samples every thread that attaches from now on. `only_uninstrumented`: ends with the first
 * function event. */
void sampler_begin(uint32_t hz, int only_uninstrumented);

/* The program wants the signal for itself, or the process is about to be sealed: no more samples in
 * this process. */
void sampler_end(void);

int sampler_is_on(void);

/* Whether this is the handler of the sampler's. */
int sampler_has(const void *handler);

/* The calling thread, which has just attached to `self`; the timer of whoever had the slot before
 * goes. */
void sampler_attach(struct thread *self);

/* The calling thread will soon compute no more: what it did since its last sample is told. */
void sampler_finish(void);

#endif
