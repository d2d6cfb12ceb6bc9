/* What the kernel says of the process, sampled by whichever thread records a call when it is time:
 * no thread and no timer of ours. */
#ifndef VT_RUNTIME_USAGE_H
#define VT_RUNTIME_USAGE_H

#include "runtime/process.h"

void usage_sample(uint64_t tick) __attribute__((cold));

/* Called with the tick of every recorded call. */
static inline void usage_look(uint64_t tick)
{
    if (__builtin_expect(tick >= process.usage_tick, 0))
        usage_sample(tick);
}

#endif
