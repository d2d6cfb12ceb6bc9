/* See sums.h. */
#include "collector/sums.h"

#include "collector/memory.h"

#include <string.h>

struct local {
    uint32_t used, number;
    uint64_t tick; /* when it was met last */
    uint64_t values[SUM_VALUES];
};

struct sums {
    unsigned largest;
    struct local *locals; /* by number, open addressing */
    size_t room, local_count;
    struct sum *all; /* by text once an image has ended */
    size_t count;
};

struct sums *sums_new(unsigned largest)
{
    struct sums *sums = need(calloc(1, sizeof *sums));
    sums->largest = largest;
    return sums;
}

void sums_free(struct sums *sums)
{
    if (!sums)
        return;
    free(sums->locals);
    free(sums->all);
    free(sums);
}

static struct local *place(const struct sums *sums, uint32_t number)
{
    size_t at = number * UINT32_C(0x9e3779b1) >> 5 & (sums->room - 1);
    while (sums->locals[at].used && sums->locals[at].number != number)
        at = (at + 1) & (sums->room - 1);
    return &sums->locals[at];
}

static void grow(struct sums *sums)
{
    struct local *old = sums->locals;
    size_t room = sums->room;
    sums->room = room ? 2 * room : 1024;
    sums->locals = need(calloc(sums->room, sizeof *old));
    for (size_t i = 0; i < room; i++)
        if (old[i].used)
            *place(sums, old[i].number) = old[i];
    free(old);
}

uint64_t *sums_at(struct sums *sums, uint32_t number, uint64_t tick)
{
    if (2 * sums->local_count >= sums->room)
        grow(sums);
    struct local *local = place(sums, number);
    sums->local_count += !local->used;
    local->used = 1;
    local->number = number;
    local->tick = tick;
    return local->values;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct sum *)a)->text, ((const struct sum *)b)->text);
}

static void add(const struct sums *sums, uint64_t *to, const uint64_t *from)
{
    for (int i = 0; i < SUM_VALUES; i++)
        if (!(sums->largest >> i & 1))
            to[i] += from[i];
        else if (from[i] > to[i])
            to[i] = from[i];
}

/* Those with the same text become one. */
static void join_equal(struct sums *sums)
{
    size_t kept = 0;
    if (sums->count)
        qsort(sums->all, sums->count, sizeof *sums->all, by_text);
    for (size_t i = 0; i < sums->count; i++)
        if (kept && by_text(&sums->all[kept - 1], &sums->all[i]) == 0)
            add(sums, sums->all[kept - 1].values, sums->all[i].values);
        else
            sums->all[kept++] = sums->all[i];
    sums->count = kept;
}

void sums_end_image(struct sums *sums, struct image *image, sums_text *text, void *data)
{
    sums->all = need(realloc(sums->all, (sums->count + sums->local_count + 1) * sizeof *sums->all));
    for (size_t i = 0; i < sums->room; i++) {
        const struct local *local = &sums->locals[i];
        if (!local->used)
            continue;
        struct sum *sum = &sums->all[sums->count++];
        sum->text = text(data, image, local->number, local->tick);
        memcpy(sum->values, local->values, sizeof sum->values);
    }
    if (sums->room)
        memset(sums->locals, 0, sums->room * sizeof *sums->locals);
    sums->local_count = 0;
    join_equal(sums);
}

struct sum *sums_all(struct sums *sums, size_t *count)
{
    *count = sums->count;
    return sums->all;
}
