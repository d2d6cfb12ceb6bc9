/* The sampler's signal among the program's: what signals.c has for other wrappers. */
#ifndef VT_PRELOAD_SIGNALS_H
#define VT_PRELOAD_SIGNALS_H

#include <signal.h>

/* A set of signals that the program waits for, without the sampler's while that is the sampler's;
 * the copy is the caller's memory for it. */
const sigset_t *signals_without_ours(const sigset_t *set, sigset_t *copy);

/* Whether the caller is a vfork's child: its signals are its own, but what is remembered of them is
 * its parent's (H38). */
int signals_are_borrowed(void);

/* A longjmp, maybe out of a handler that the sampler's signal was kept away from. */
void signals_jump(void);

#endif
