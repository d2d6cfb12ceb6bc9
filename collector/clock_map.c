/* See clock_map.h. Pairs closer than a quarter of a second are thinned out: over a short stretch
 * the microsecond that may lie between two readings would bend the line. */
#include "collector/clock_map.h"

#include <stdlib.h>

static const uint64_t MIN_STEP_NSEC = 250 * 1000 * 1000;

int clock_map_add(struct clock_map *map, struct clock_pair pair)
{
    if (pair.tick == 0 || pair.nsec == 0) /* never taken; or its second half could not be */
        return 0;
    if (map->pair_count == map->pair_room) {
        size_t room = map->pair_room ? 2 * map->pair_room : 64;
        struct clock_pair *grown = realloc(map->pairs, room * sizeof *grown);
        if (!grown)
            return -1;
        map->pairs = grown;
        map->pair_room = room;
    }
    map->pairs[map->pair_count++] = pair;
    return 0;
}

static int by_tick(const void *a, const void *b)
{
    const struct clock_pair *left = a, *right = b;
    return (left->tick > right->tick) - (left->tick < right->tick);
}

/* Keeps the first, the last, and between them those that are far enough apart. */
static void thin_out(struct clock_map *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->pair_count; i++) {
        struct clock_pair pair = map->pairs[i];
        int last = i + 1 == map->pair_count;
        if (kept > 0 && pair.nsec < map->pairs[kept - 1].nsec + MIN_STEP_NSEC) {
            if (!last)
                continue;
            if (kept > 1)
                kept--; /* the last replaces its close neighbour */
        }
        if (kept == 0 ||
            (pair.tick > map->pairs[kept - 1].tick && pair.nsec > map->pairs[kept - 1].nsec))
            map->pairs[kept++] = pair;
    }
    map->pair_count = kept;
}

int clock_map_build(struct clock_map *map)
{
    if (map->pair_count == 0)
        return 0;
    qsort(map->pairs, map->pair_count, sizeof *map->pairs, by_tick);
    thin_out(map);
    size_t count = map->pair_count > 1 ? map->pair_count - 1 : 1;
    map->segments = calloc(count, sizeof *map->segments);
    if (!map->segments)
        return -1;
    map->segment_count = count;
    for (size_t i = 0; i < count; i++) {
        struct clock_pair at = map->pairs[i];
        struct clock_segment *segment = &map->segments[i];
        segment->tick = at.tick;
        segment->nsec = at.nsec > map->origin ? at.nsec - map->origin : 0;
        if (segment->nsec > INT64_MAX)
            segment->nsec = INT64_MAX;
        segment->nsec_per_tick = 1;
        if (map->pair_count > 1) {
            struct clock_pair next = map->pairs[i + 1];
            segment->nsec_per_tick = (double)(next.nsec - at.nsec) / (double)(next.tick - at.tick);
        }
    }
    map->uncalibrated = map->pair_count < 2;
    return 0;
}

void clock_map_free(struct clock_map *map)
{
    free(map->pairs);
    free(map->segments);
}

/* A damaged clock leads far away, but not out of what a signed number holds. */
static uint64_t scale(uint64_t ticks, double nsec_per_tick)
{
    double nsec = (double)ticks * nsec_per_tick;
    return nsec < (double)INT64_MAX ? (uint64_t)nsec : INT64_MAX;
}

uint64_t clock_map_nsec(const struct clock_map *map, uint64_t tick, size_t *hint)
{
    if (map->segment_count == 0)
        return 0;
    size_t i = *hint < map->segment_count ? *hint : 0;
    while (i > 0 && tick < map->segments[i].tick)
        i--;
    while (i + 1 < map->segment_count && tick >= map->segments[i + 1].tick)
        i++;
    *hint = i;
    const struct clock_segment *segment = &map->segments[i];
    if (tick < segment->tick) {
        uint64_t before = scale(segment->tick - tick, segment->nsec_per_tick);
        return before < segment->nsec ? segment->nsec - before : 0;
    }
    uint64_t nsec = segment->nsec + scale(tick - segment->tick, segment->nsec_per_tick);
    uint64_t end = i + 1 < map->segment_count ? map->segments[i + 1].nsec : INT64_MAX;
    return nsec < end ? nsec : end;
}
