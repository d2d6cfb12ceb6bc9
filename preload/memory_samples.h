/* Which allocations are recorded when not all are: one in so many bytes, on average. The bytes
 * between two of them are drawn anew each time (an exponential distribution), so that an allocation
 * of s bytes is recorded with probability 1 - exp(-s / rate), whatever pattern the program has; the
 * reader weighs it with the inverse. Of those that are recorded the releases are, too: their
 * addresses are in a table. */
#ifndef VT_PRELOAD_MEMORY_SAMPLES_H
#define VT_PRELOAD_MEMORY_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

extern uint32_t memory_samples_rate; /* bytes; 0: every allocation is recorded */

/* 0, or negative errno: then every allocation is recorded. */
long memory_samples_begin(uint32_t rate);

/* Whether the next allocation of the thread, of so many bytes, is to be recorded. */
int memory_samples_draw(size_t size);

/* Remembers a recorded block; 0 when there is no room: then it is not to be recorded. */
int memory_samples_add(const void *block);

/* Forgets it; whether it was a recorded one. */
int memory_samples_remove(const void *block);

#endif
