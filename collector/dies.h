/* From an address to the DWARF entries (DIEs) of the functions around it: sorted lists of address
 * ranges, and from a function down through the blocks and inlined functions that contain it. */
#ifndef VT_COLLECTOR_DIES_H
#define VT_COLLECTOR_DIES_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t low, high; /* [low, high) */
    uint64_t what;      /* the caller's; of functions: the offset of the DIE */
};

/* Empty when zeroed; the list is the owner's to free. */
struct ranges {
    struct range *list; /* by low, once sorted */
    size_t count;
};

/* Adds all addresses of a DIE. Functions that the linker threw away are at 0: they are left out. */
void ranges_add(struct ranges *ranges, Dwarf_Die *die, uint64_t what);
void ranges_sort(struct ranges *ranges);
/* The range around the address that starts last, or NULL. */
const struct range *ranges_find(const struct ranges *ranges, uint64_t address);

/* Those of a compilation unit, read when they are first asked for. */
struct functions {
    struct ranges ranges;
    enum { FUNCTIONS_NONE, FUNCTIONS_OUTER, FUNCTIONS_ALL } read; /* outer: in no other one */
};

/* Sets `function` to the one of the unit that contains the address; 0: there is none. Functions
 * within functions (lambdas, most of them) are only looked for when there is no other: that means
 * reading the whole unit. */
int functions_find(struct functions *functions, Dwarf_Die *unit, uint64_t address,
                   Dwarf_Die *function);

/* Puts the inlined functions in `function` around the address into `inlined`, outermost first, no
 * more than `most`; returns how many. */
size_t function_inlined(Dwarf_Die *function, uint64_t address, Dwarf_Die *inlined, size_t most);

#endif
