/* See signalfds.h. */
#include "runtime/signalfds.h"

#include "base/sys.h"
#include "runtime/sampler.h"

#include <stdatomic.h>

enum { ENTRIES = 32 };

static struct {
    _Atomic int taken; /* the descriptor's number and one, or 0 */
    _Atomic uint64_t set;
} entries[ENTRIES];

static int find(int taken)
{
    for (int i = 0; i < ENTRIES; i++)
        if (atomic_load(&entries[i].taken) == taken)
            return i;
    return -1;
}

static int claim(int taken)
{
    for (int i = 0; i < ENTRIES; i++) {
        int nobody = 0;
        if (atomic_compare_exchange_strong(&entries[i].taken, &nobody, taken))
            return i;
    }
    return -1;
}

int signalfds_have_room(int fd)
{
    return find(fd + 1) >= 0 || find(0) >= 0;
}

void signalfds_note(int fd, uint64_t set)
{
    int entry = find(fd + 1);
    if (entry < 0 && set & SAMPLER_BIT)
        entry = claim(fd + 1);
    if (entry < 0)
        return;
    atomic_store(&entries[entry].set, set);
    if (!(set & SAMPLER_BIT))
        atomic_store(&entries[entry].taken, 0);
}

void signalfds_give_back(void)
{
    for (int i = 0; i < ENTRIES; i++) {
        int taken = atomic_exchange(&entries[i].taken, 0);
        uint64_t set = atomic_exchange(&entries[i].set, 0);
        if (taken && set)
            SYS4(SYS_signalfd4, taken - 1, &set, sizeof set, 0);
    }
}
