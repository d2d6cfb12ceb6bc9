/* Stacks by libunwind, for comparison; only when VITTE_TRACE_UNWIND asks for it. It is loaded then,
 * with its names kept from the program (H28). It takes locks, which a handler must not (H29), and
 * keeps descriptors of its own, which a program that closes all has it use for others (H27): so
 * samples never come from it, and nobody gets it by default. */
#ifndef VT_RUNTIME_LIBUNWIND_H
#define VT_RUNTIME_LIBUNWIND_H

#include "runtime/unwind.h"

/* Whether it is there. Once, in the constructor. */
int libunwind_load(void);

/* As unwind() does it, but every time anew. */
void libunwind_walk(struct unwind_walk *walk, const struct unwind_state *state);

#endif
