/* See dies.h. What a damaged file says is checked where it could lead round in circles. */
#include "collector/dies.h"

#include "collector/memory.h"

#include <dwarf.h>

enum {
    MAX_NESTED = 32,      /* namespaces, classes and functions around a function */
    MAX_RANGES = 1 << 20, /* of one unit or function: each of its functions may be apart */
    BEHIND_MAX = 16,      /* ranges that may start within another one before an address */
};

static int by_low(const void *a, const void *b)
{
    const struct range *left = a, *right = b;
    return (left->low > right->low) - (left->low < right->low);
}

void ranges_sort(struct ranges *ranges)
{
    if (ranges->count)
        qsort(ranges->list, ranges->count, sizeof *ranges->list, by_low);
}

const struct range *ranges_find(const struct ranges *ranges, uint64_t address)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->list[middle].low <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < BEHIND_MAX && low-- > 0; i++)
        if (address < ranges->list[low].high)
            return &ranges->list[low];
    return NULL;
}

void ranges_add(struct ranges *ranges, Dwarf_Die *die, uint64_t what)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t at = 0;
    for (int i = 0; i < MAX_RANGES && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0; i++) {
        if (low >= high || low == 0)
            continue;
        ranges->list = grow_array(ranges->list, ranges->count, sizeof *ranges->list);
        ranges->list[ranges->count++] = (struct range){low, high, what};
    }
}

/* The next DIE on the same level; sibling references may lead anywhere. */
static int next_sibling(Dwarf_Die *die)
{
    Dwarf_Off before = dwarf_dieoffset(die);
    return dwarf_siblingof(die, die) == 0 && dwarf_dieoffset(die) > before;
}

/* Adds the functions below `parent`; with `all` those inside other functions too. */
static void list_functions(struct ranges *functions, Dwarf_Die *parent, int all, int depth)
{
    Dwarf_Die die, child;
    if (depth == MAX_NESTED || dwarf_child(parent, &die) != 0)
        return;
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_subprogram:
            ranges_add(functions, &die, dwarf_dieoffset(&die));
            if (!all)
                break;
            /* fall through */
        case DW_TAG_lexical_block:
        case DW_TAG_namespace:
        case DW_TAG_module:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
            child = die;
            list_functions(functions, &child, all, depth + 1);
            break;
        default:
            break;
        }
    } while (next_sibling(&die));
}

int functions_find(struct functions *functions, Dwarf_Die *unit, uint64_t address,
                   Dwarf_Die *function)
{
    const struct range *range = ranges_find(&functions->ranges, address);
    while (!range && functions->read != FUNCTIONS_ALL) {
        functions->read++;
        functions->ranges.count = 0;
        free(functions->ranges.list);
        functions->ranges.list = NULL;
        list_functions(&functions->ranges, unit, functions->read == FUNCTIONS_ALL, 0);
        ranges_sort(&functions->ranges);
        range = ranges_find(&functions->ranges, address);
    }
    return range && dwarf_offdie(dwarf_cu_getdwarf(unit->cu), range->what, function);
}

static int is_block(int tag)
{
    return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
           tag == DW_TAG_try_block || tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt;
}

size_t function_inlined(Dwarf_Die *function, uint64_t address, Dwarf_Die *inlined, size_t most)
{
    Dwarf_Die die = *function, child;
    size_t count = 0;
    for (size_t depth = 0; depth < 4 * most && dwarf_child(&die, &child) == 0; depth++) {
        int found;
        do
            found = is_block(dwarf_tag(&child)) && dwarf_haspc(&child, address) == 1;
        while (!found && next_sibling(&child));
        if (!found || count == most)
            break;
        if (dwarf_tag(&child) == DW_TAG_inlined_subroutine)
            inlined[count++] = child;
        die = child;
    }
    return count;
}
