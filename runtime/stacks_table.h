/* Which stacks have an id: a table of (frame, caller) → entry of the definitions. Lock-free; a
 * fork's child goes on with its parent's, whose ids it can still resolve. */
#ifndef VT_RUNTIME_STACKS_TABLE_H
#define VT_RUNTIME_STACKS_TABLE_H

#include <stdint.h>

/* Id of the stack whose innermost frame is at `address`, called from the stack `caller` (0: none),
 * with enum stack_flags. 0: no room, counted by the definitions. Any thread, any time. */
uint32_t stacks_intern(uint64_t address, uint32_t caller, uint32_t flags);

/* Before the process is sealed: memory for the stacks of before and after, which cannot be had
 * later. Those that find no room in it are written anew each time. */
void stacks_seal(void);

#endif
