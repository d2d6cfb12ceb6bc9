/* The program's signalfds for sets that had the sampler's signal in them, which they are made
 * without: nobody who reads all signals is to get the sampler's. When it becomes the program's,
 * they get it, too. Descriptors that were duplicated have it through the first one. */
#ifndef VT_RUNTIME_SIGNALFDS_H
#define VT_RUNTIME_SIGNALFDS_H

#include <stdint.h>

/* Whether there is room for another one; there is for one that is known. */
int signalfds_have_room(int fd);

/* It was given `set`, whether the signal is in it or not: numbers are used again. */
void signalfds_note(int fd, uint64_t set);

/* All of them get what the program asked for. May run in a handler. */
void signalfds_give_back(void);

#endif
