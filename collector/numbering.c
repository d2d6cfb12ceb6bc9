/* See numbering.h. Open addressing with linear probing, at most half full. */
#include "collector/numbering.h"

#include "collector/memory.h"

#include <string.h>

enum { FIRST_ROOM = 1024, WASTE = 16 };

struct numbered {
    uint64_t key;
    uint32_t number; /* 0: the slot is empty */
};

static struct numbered *slot_of(const struct numbering *numbering, uint64_t key)
{
    size_t last = numbering->room - 1;
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 24) & last;
    while (numbering->slots[at].number && numbering->slots[at].key != key)
        at = (at + 1) & last;
    return &numbering->slots[at];
}

static void grow(struct numbering *numbering)
{
    struct numbered *old = numbering->slots;
    size_t room = numbering->room;
    numbering->room = room ? 2 * room : FIRST_ROOM;
    numbering->slots = need(calloc(numbering->room, sizeof *old));
    for (size_t i = 0; i < room; i++)
        if (old[i].number)
            *slot_of(numbering, old[i].key) = old[i];
    free(old);
}

uint32_t numbering_find(const struct numbering *numbering, uint64_t key)
{
    return numbering->count ? slot_of(numbering, key)->number : 0;
}

uint32_t numbering_of(struct numbering *numbering, uint64_t key)
{
    if (2 * (size_t)numbering->count >= numbering->room)
        grow(numbering);
    struct numbered *slot = slot_of(numbering, key);
    if (!slot->number)
        *slot = (struct numbered){key, ++numbering->count};
    return slot->number;
}

/* After many keys a few: the room of the many is not to be cleared again each time. */
void numbering_clear(struct numbering *numbering)
{
    if (numbering->room / WASTE > numbering->count)
        numbering_free(numbering);
    else if (numbering->count)
        memset(numbering->slots, 0, numbering->room * sizeof *numbering->slots);
    numbering->count = 0;
}

void numbering_free(struct numbering *numbering)
{
    free(numbering->slots);
    *numbering = (struct numbering){NULL, 0, 0};
}
