/* See sums.h. */
#include "collector/sums.h"

#include "collector/memory.h"
#include "collector/numbering.h"

#include <string.h>

struct local {
    uint32_t number;
    uint64_t tick; /* when it was met last */
    uint64_t values[SUM_VALUES];
};

struct sums {
    unsigned largest;
    struct numbering places; /* of the image's numbers */
    struct local *locals;    /* theirs */
    size_t local_count;
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
    numbering_free(&sums->places);
    free(sums->locals);
    free(sums->all);
    free(sums);
}

uint64_t *sums_at(struct sums *sums, uint32_t number, uint64_t tick)
{
    size_t place = numbering_of(&sums->places, number);
    if (place > sums->local_count) {
        sums->locals = grow_array(sums->locals, sums->local_count, sizeof *sums->locals);
        sums->locals[sums->local_count++] = (struct local){.number = number};
    }
    sums->locals[place - 1].tick = tick;
    return sums->locals[place - 1].values;
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
    for (size_t i = 0; i < sums->local_count; i++) {
        const struct local *local = &sums->locals[i];
        struct sum *sum = &sums->all[sums->count++];
        sum->text = text(data, image, local->number, local->tick);
        memcpy(sum->values, local->values, sizeof sum->values);
    }
    numbering_clear(&sums->places);
    sums->local_count = 0;
    join_equal(sums);
}

struct sum *sums_all(struct sums *sums, size_t *count)
{
    *count = sums->count;
    return sums->all;
}
