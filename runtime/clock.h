/* The clock of events: ticks. Ticks are the processor's counter where it is invariant, nanoseconds
 * of CLOCK_MONOTONIC elsewhere; the session decides once, so that all its processes agree. What a
 * tick is in nanoseconds is the reader's business: every block carries a pair of readings. Not
 * wall-clock time, and not comparable across a reboot. */
#ifndef VT_RUNTIME_CLOCK_H
#define VT_RUNTIME_CLOCK_H

#include "arch.h"
#include "runtime/layout.h"

/* Set once, before the first event: ticks are nanoseconds. The hot path never looks (see emit.h).
 */
extern int clock_in_nsec __attribute__((visibility("hidden")));

/* The processor's counter may not be read any more: doing it is fatal in the strict seccomp
 * sandbox. */
extern int clock_forbidden __attribute__((visibility("hidden")));

uint64_t clock_nsec(void);

static inline uint64_t clock_tick(void)
{
    return __builtin_expect(clock_in_nsec, 0) ? clock_nsec() : arch_ticks();
}

/* Both clocks, read within a microsecond of each other unless the machine prevents it. */
struct clock_pair clock_read_pair(void);

/* Ticks that so many nanoseconds take, as far as that can be told from the time since `start`: the
 * clock is not calibrated here. At most UINT64_MAX. */
uint64_t clock_ticks_since(struct clock_pair start, uint64_t nsec);

#endif
