/* Numbers for keys of 64 bits: 1, 2, 3 … in the order in which the keys come, so that what belongs
 * to a key lies in an array. */
#ifndef VT_COLLECTOR_NUMBERING_H
#define VT_COLLECTOR_NUMBERING_H

#include <stddef.h>
#include <stdint.h>

/* All zeros: no key has a number. */
struct numbering {
    struct numbered *slots;
    size_t room;
    uint32_t count;
};

/* The number of the key; 0: it has none. */
uint32_t numbering_find(const struct numbering *numbering, uint64_t key);
/* The same, but a key that has none is given the next one. */
uint32_t numbering_of(struct numbering *numbering, uint64_t key);

/* Takes all numbers back. */
void numbering_clear(struct numbering *numbering);
void numbering_free(struct numbering *numbering);

#endif
