/* CPU samples: a timer of its own for each thread, on that thread's CPU time, whose signal is
 * handled by the thread itself: where it is is its stack. No helper thread, no descriptor.
 *
 * The kernel (5.11 and newer) lets such a timer expire on the way back to the program only, so
 * nearly no system call of the program's is interrupted by it. The exception is io_uring_enter,
 * whose waits also do work of that kind: a process that sets up an io_uring by libc's syscall() is
 * not sampled any more; one that does it in another way is not seen. A thread that waits is not
 * sampled: it needs no CPU time. */
#ifndef VT_RUNTIME_SAMPLER_H
#define VT_RUNTIME_SAMPLER_H

#include "runtime/sampler_mask.h"
#include "runtime/thread.h"

#include <signal.h>

/* The signal: one that nobody is known to use. */
enum { SAMPLER_SIGNAL = 53 };
static const uint64_t SAMPLER_BIT = UINT64_C(1) << (SAMPLER_SIGNAL - 1); /* in a signal mask */

/* The smallest alternative stack that its handler may run on: the kernel's frame with the registers
 * of AVX-512, and ours. */
enum { SAMPLER_STACK = 6144 };

/* What a thread keeps of this in a fork's child, too. It is thread-local, and small (H10). */
struct sampler_self {
    struct sampler_belief belief;
    unsigned char has_small_stack; /* of its own, as pthread_create made it */
    unsigned char awaits;          /* waits for signals, with the sampler's blocked */
    unsigned char passed_on; /* signals that its handler gave back to the program: what one of these
                              * interrupted would not have been without us */
};
extern __thread struct sampler_self sampler_self;

/* Samples every thread that attaches from now on. `only_uninstrumented`: ends with the first
 * function event. */
void sampler_begin(uint32_t hz, int only_uninstrumented);

/* No more samples in this process: it is about to be sealed; the same because the program wants the
 * signal for itself, or the samples would disturb it, which the trace says. */
void sampler_end(void);
void sampler_give_up(void);

int sampler_is_on(void);

/* Whether it is on, or was. */
int sampler_has_begun(void);

/* The calling thread is sampled no more: there is no room for it. */
void sampler_leave_thread(void);

/* Whether the calling thread's timer sent the signal, rather than one of the program's. */
int sampler_sent(const siginfo_t *info);

/* Whether this is the handler of the sampler's. */
int sampler_has(const void *handler);

/* The calling thread, which has just attached to `self`; the timer of whoever had the slot before
 * goes. */
void sampler_attach(struct thread *self);

/* The calling thread will soon compute no more: what it did since its last sample is told. */
void sampler_finish(void);

#endif
