/* From ticks to nanoseconds since the session's start: a line through each two neighbouring pairs
 * of readings that the session holds, so that a clock that was slewed during a long trace stays
 * right. Monotonic: a later tick never maps to an earlier time. */
#ifndef VT_COLLECTOR_CLOCK_MAP_H
#define VT_COLLECTOR_CLOCK_MAP_H

#include "runtime/layout.h"

#include <stddef.h>

struct clock_segment {
    uint64_t tick, nsec; /* where it begins; nsec since the session's start */
    double nsec_per_tick;
};

struct clock_map {
    struct clock_pair *pairs;
    size_t pair_count, pair_room;
    struct clock_segment *segments;
    size_t segment_count;
    uint64_t origin;  /* CLOCK_MONOTONIC of the session's start */
    int uncalibrated; /* there were too few pairs: a tick is taken as a nanosecond */
};

/* Adds one pair; in any order, any number. 0 or -1 (no memory). */
int clock_map_add(struct clock_map *map, struct clock_pair pair);
/* After the last pair. 0 or -1 (no memory). */
int clock_map_build(struct clock_map *map);
void clock_map_free(struct clock_map *map);

/* `hint` remembers the caller's last segment; start it at 0. */
uint64_t clock_map_nsec(const struct clock_map *map, uint64_t tick, size_t *hint);

#endif
