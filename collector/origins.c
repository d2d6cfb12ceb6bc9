/* See origins.h. Blocks are summed up by number within one image: that of the stack, or of the
 * size's class; then the sums by what that number means, which many processes share. */
#include "collector/origins.h"

#include "collector/memory.h"
#include "collector/show.h"
#include "collector/stack_text.h"

#include <stdlib.h>
#include <string.h>

struct local {
    uint32_t number; /* of the stack, or the class of the size; one more, 0 is empty */
    uint64_t tick;   /* when the newest of them was allocated */
    struct origin sum;
};

/* A thread's last allocation. */
struct last {
    uint64_t address;
};

struct origins {
    enum origin_kind kind;
    struct image *image;
    size_t hint; /* for the clock */
    struct local *locals;
    size_t room, used;
    struct last last[SLOT_COUNT];
    struct origin *sums;
    size_t count;
};

static struct local *place(struct local *locals, size_t room, uint32_t number)
{
    size_t at = number * UINT32_C(0x9e3779b1) >> 5 & (room - 1);
    while (locals[at].number && locals[at].number != number)
        at = (at + 1) & (room - 1);
    return &locals[at];
}

static uint32_t class_of(uint64_t size)
{
    return size > 1 ? 64 - (uint32_t)__builtin_clzll(size - 1) : 0; /* up to 2^class */
}

static struct local *local_of(struct origins *origins, const struct heap_block *block)
{
    uint32_t number = 1 + (origins->kind == ORIGIN_SIZE ? class_of(block->size) : block->stack);
    if (2 * origins->used >= origins->room) {
        size_t room = origins->room ? 2 * origins->room : 1024;
        struct local *locals = need(calloc(room, sizeof *locals));
        for (size_t i = 0; i < origins->room; i++)
            if (origins->locals[i].number)
                *place(locals, room, origins->locals[i].number) = origins->locals[i];
        free(origins->locals);
        origins->locals = locals;
        origins->room = room;
    }
    struct local *local = place(origins->locals, origins->room, number);
    origins->used += !local->number;
    local->number = number;
    return local;
}

static void taken(void *data, const struct heap_block *block)
{
    struct origins *origins = data;
    struct local *local = local_of(origins, block);
    local->tick = block->tick;
    local->sum.allocations++;
    local->sum.allocated += block->size;
    origins->last[block->slot % SLOT_COUNT].address = block->address;
}

static void released(void *data, const struct heap_block *block, const struct merged_record *record)
{
    struct origins *origins = data;
    struct origin *sum = &local_of(origins, block)->sum;
    if (!record) {
        sum->live += block->size;
        sum->live_blocks++;
        return;
    }
    const struct clock_map *clock = &origins->image->session->clock;
    struct last *last = &origins->last[record->slot % SLOT_COUNT];
    sum->frees++;
    sum->lived_ns += clock_map_nsec(clock, record->tick, &origins->hint) -
                     clock_map_nsec(clock, block->tick, &origins->hint);
    sum->temporary += last->address == block->address && record->slot == block->slot;
    last->address = 0;
}

static void at_peak(void *data, const struct heap_block *block)
{
    local_of(data, block)->sum.peak += block->size;
}

/* ---- from numbers to what they mean ---- */

static const char *keep(struct image *image, const char *text)
{
    return names_make(image->session->names, CATEGORY_MEMORY, "", text, strlen(text), 0)->text;
}

/* operator new is where memory comes from as little as malloc is. */
static int is_allocator(const struct name *name)
{
    return strncmp(name->text, "operator new", strlen("operator new")) == 0;
}

static const char *text_of(struct origins *origins, uint32_t number, uint64_t tick)
{
    struct image *image = origins->image;
    struct image_frame frame;
    char text[64], bytes[32];
    if (origins->kind == ORIGIN_SIZE) {
        snprintf(text, sizeof text, "up to %s",
                 show_bytes(bytes, number < 64 ? UINT64_C(1) << number : UINT64_MAX));
        return keep(image, text);
    }
    if (origins->kind == ORIGIN_STACK)
        return stack_text(image, number, tick);
    if (!image_frame(image, number, tick, &frame))
        return STACK_TEXT_NONE;
    while (is_allocator(frame.name) && image_frame(image, frame.caller, tick, &frame))
        ;
    return origins->kind == ORIGIN_FUNCTION ? frame.name->text
           : frame.name->module[0]          ? frame.name->module
                                            : "[no module]";
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct origin *)a)->text, ((const struct origin *)b)->text);
}

static void add(struct origin *to, const struct origin *from)
{
    to->allocations += from->allocations;
    to->allocated += from->allocated;
    to->peak += from->peak;
    to->live += from->live;
    to->live_blocks += from->live_blocks;
    to->temporary += from->temporary;
    to->frees += from->frees;
    to->lived_ns += from->lived_ns;
}

/* Those with the same text become one. */
static void merge_equal(struct origins *origins)
{
    size_t kept = 0;
    if (origins->count)
        qsort(origins->sums, origins->count, sizeof *origins->sums, by_text);
    for (size_t i = 0; i < origins->count; i++)
        if (kept && by_text(&origins->sums[kept - 1], &origins->sums[i]) == 0)
            add(&origins->sums[kept - 1], &origins->sums[i]);
        else
            origins->sums[kept++] = origins->sums[i];
    origins->count = kept;
}

static int add_image(struct origins *origins, struct problem *problem)
{
    const struct heap_follower follower = {taken, released, at_peak, origins};
    memset(origins->last, 0, sizeof origins->last);
    origins->hint = 0;
    if (heap_follow(origins->image, &follower, problem) != 0)
        return -1;
    origins->sums =
        need(realloc(origins->sums, (origins->count + origins->used + 1) * sizeof *origins->sums));
    for (size_t i = 0; i < origins->room; i++)
        if (origins->locals[i].number) {
            struct origin *sum = &origins->sums[origins->count++];
            *sum = origins->locals[i].sum;
            sum->text = text_of(origins, origins->locals[i].number - 1, origins->locals[i].tick);
        }
    memset(origins->locals, 0, origins->room * sizeof *origins->locals);
    origins->used = 0;
    merge_equal(origins);
    return 0;
}

struct origin *origins_of(struct session *session, enum origin_kind kind, size_t *count,
                          struct problem *problem)
{
    struct origins *origins = need(calloc(1, sizeof *origins));
    int failed = 0;
    origins->kind = kind;
    origins->sums = need(malloc(sizeof *origins->sums));
    for (size_t i = 0; i < session->image_count && !failed; i++) {
        origins->image = image_open(session, i, problem);
        if (!origins->image && session->keep_going)
            continue;
        failed = !origins->image || add_image(origins, problem) != 0;
        image_close(origins->image);
    }
    struct origin *sums = origins->sums;
    *count = origins->count;
    free(origins->locals);
    free(origins);
    if (failed)
        free(sums);
    return failed ? NULL : sums;
}
