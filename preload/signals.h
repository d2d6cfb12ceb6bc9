/* The sampler's signal among the program's: what signals.c has for other wrappers. */
#ifndef VT_PRELOAD_SIGNALS_H
#define VT_PRELOAD_SIGNALS_H

#include <signal.h>
#include <stdint.h>
#include <string.h>

/* The first word of a set: the kernel's signals. */
static inline uint64_t signals_word(const sigset_t *set)
{
    uint64_t word;
    memcpy(&word, set, sizeof word);
    return word;
}
static inline void signals_set_word(sigset_t *set, uint64_t word)
{
    memcpy(set, &word, sizeof word);
}

/* Whether the sampler's signal is meant, rather than all. */
int signals_name_ours(const sigset_t *set);

/* Whether the caller is a vfork's child: its signals are its own, but what is remembered of them is
 * its parent's (H38). */
int signals_are_borrowed(void);

/* A mask for the time of a wait; the copy is the caller's memory for it. The sampler's signal stays
 * as it is: where it is really blocked, in a handler for one, one that is pending would end the
 * wait; and elsewhere it has to reach our handler, which sees whether somebody else sent it. */
const sigset_t *signals_for_wait(const sigset_t *mask, sigset_t *copy);

/* A longjmp, maybe out of a handler that the sampler's signal was kept away from, or out of a wait
 * for signals. */
void signals_jump(void);

#endif
