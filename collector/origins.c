/* See origins.h. */
#include "collector/origins.h"

#include "collector/memory.h"
#include "collector/show.h"
#include "collector/stack_text.h"

#include <string.h>

struct origins {
    enum origin_kind kind;
    struct image *image;
    struct sums *sums;
    size_t hint;               /* for the clock */
    uint64_t last[SLOT_COUNT]; /* each thread's last allocation, if it is still live */
};

int origin_named(const char *name)
{
    static const char *const names[] = {[ORIGIN_STACK] = "stack",
                                        [ORIGIN_FUNCTION] = "function",
                                        [ORIGIN_MODULE] = "module",
                                        [ORIGIN_SIZE] = "size"};
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static uint32_t class_of(uint64_t size)
{
    return size > 1 ? 64 - (uint32_t)__builtin_clzll(size - 1) : 0; /* up to 2^class */
}

static uint64_t *values_of(struct origins *origins, const struct heap_block *block)
{
    return sums_at(origins->sums,
                   origins->kind == ORIGIN_SIZE ? class_of(block->size) : block->stack,
                   block->tick);
}

static void taken(void *data, const struct heap_block *block)
{
    struct origins *origins = data;
    uint64_t *values = values_of(origins, block);
    values[ORIGIN_ALLOCATIONS] += block->weight.count;
    values[ORIGIN_ALLOCATED] += block->weight.bytes;
    origins->last[block->slot % SLOT_COUNT] = block->address;
}

static void released(void *data, const struct heap_block *block, const struct merged_record *record,
                     enum heap_end end)
{
    struct origins *origins = data;
    uint64_t *values = values_of(origins, block);
    if (end == HEAP_NEVER) {
        values[ORIGIN_LIVE] += block->weight.bytes;
        values[ORIGIN_LIVE_BLOCKS] += block->weight.count;
        return;
    }
    const struct clock_map *clock = &origins->image->session->clock;
    uint64_t *last = &origins->last[record->slot % SLOT_COUNT];
    values[ORIGIN_FREES] += block->weight.count;
    values[ORIGIN_LIVED] +=
        block->weight.count * (clock_map_nsec(clock, record->tick, &origins->hint) -
                               clock_map_nsec(clock, block->tick, &origins->hint));
    int all_seen = !origins->image->header.memory_rate; /* else the next one is not known */
    if (end == HEAP_FREED && all_seen && *last == block->address && record->slot == block->slot) {
        values[ORIGIN_TEMPORARY] += block->weight.count;
        *last = 0;
    }
}

static void at_peak(void *data, const struct heap_block *block)
{
    values_of(data, block)[ORIGIN_PEAK] += block->weight.bytes;
}

static const char *size_text(struct image *image, uint32_t number)
{
    char text[64], bytes[32];
    int length = snprintf(text, sizeof text, "up to %s",
                          show_bytes(bytes, number < 64 ? UINT64_C(1) << number : UINT64_MAX));
    return names_make(image->session->names, CATEGORY_MEMORY, "", text, (size_t)length, 0)->text;
}

const char *origin_text(void *data, struct image *image, uint32_t number, uint64_t tick)
{
    enum origin_kind kind = *(const enum origin_kind *)data;
    struct image_frame frame;
    if (kind == ORIGIN_SIZE)
        return size_text(image, number);
    if (kind == ORIGIN_STACK)
        return stack_text(image, number, tick);
    if (!allocator_caller(image, number, tick, &frame))
        return STACK_TEXT_NONE;
    return kind == ORIGIN_FUNCTION ? frame.name->text
           : frame.name->module[0] ? frame.name->module
                                   : "[no module]";
}

static int add_image(struct origins *origins, struct problem *problem)
{
    const struct heap_follower follower = {taken, released, at_peak, origins};
    memset(origins->last, 0, sizeof origins->last);
    origins->hint = 0;
    int failed = heap_follow(origins->image, &follower, problem);
    sums_end_image(origins->sums, origins->image, origin_text, &origins->kind);
    return failed;
}

struct sums *origins_of(struct session *session, enum origin_kind kind, struct problem *problem)
{
    struct origins *origins = need(calloc(1, sizeof *origins));
    struct sums *sums = sums_new(0);
    int failed = 0;
    origins->kind = kind;
    origins->sums = sums;
    for (size_t i = 0; i < session->image_count && !failed; i++) {
        origins->image = image_open(session, i, problem);
        if (!origins->image && session->keep_going)
            continue;
        failed = !origins->image || add_image(origins, problem) != 0;
        image_close(origins->image);
    }
    free(origins);
    if (!failed)
        return sums;
    sums_free(sums);
    return NULL;
}
