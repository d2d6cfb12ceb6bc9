/* The cold half of the clock: see clock.h. */
#include "runtime/clock.h"

#include "base/sys.h"

int clock_in_nsec;
int clock_forbidden;

uint64_t clock_nsec(void)
{
    struct timespec now = {0, 0};
    sys_clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct clock_pair clock_read_pair(void)
{
    if (clock_in_nsec) {
        uint64_t now = clock_nsec();
        return (struct clock_pair){now, now};
    }
    struct clock_pair best = {0, 0};
    uint64_t best_width = UINT64_MAX;
    for (int i = 0; i < 4 && best_width > 2000; i++) {
        uint64_t before = arch_ticks();
        uint64_t nsec = clock_nsec();
        uint64_t width = arch_ticks() - before;
        if (width < best_width) {
            best_width = width;
            best = (struct clock_pair){before + width / 2, nsec};
        }
    }
    return best;
}

/* Not in floating point, whose flags are the program's. */
uint64_t clock_ticks_since(struct clock_pair start, uint64_t nsec)
{
    struct clock_pair now = clock_read_pair();
    if (now.nsec <= start.nsec || now.tick <= start.tick)
        return nsec;
    unsigned __int128 ticks =
        (unsigned __int128)nsec * (now.tick - start.tick) / (now.nsec - start.nsec);
    return ticks > UINT64_MAX ? UINT64_MAX : (uint64_t)ticks;
}
