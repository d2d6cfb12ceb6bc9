/* How deep a thread's stack was at each setjmp: where a longjmp goes back to. Each call first
 * forgets the setjmps that were deeper than the stack is: their callers have returned. */
#ifndef VT_COLLECTOR_JUMPS_H
#define VT_COLLECTOR_JUMPS_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: none. */
struct jumps {
    struct jump *first; /* by depth */
    size_t count;
};

/* setjmp for this buffer, at this depth. Of very many the older half is forgotten. */
void jumps_remember(struct jumps *jumps, uint64_t buffer, size_t depth);
/* How deep the stack is after longjmp to this buffer, at this depth; the same if it is nowhere. */
size_t jumps_find(struct jumps *jumps, uint64_t buffer, size_t depth);

void jumps_free(struct jumps *jumps);

#endif
