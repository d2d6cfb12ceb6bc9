/* See pool.h. */
#include "collector/pool.h"

#include "collector/memory.h"

#include <stdint.h>
#include <string.h>

static char **place_of(const struct pool *pool, const char *string)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *at = string; *at; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
    size_t at = (size_t)(hash ^ hash >> 31) % pool->size;
    while (pool->table[at] && strcmp(pool->table[at], string) != 0)
        at = (at + 1) % pool->size;
    return &pool->table[at];
}

static void grow(struct pool *pool)
{
    struct pool bigger = {.size = pool->size ? 2 * pool->size : 64, .count = pool->count};
    bigger.table = need(calloc(bigger.size, sizeof *bigger.table));
    for (size_t i = 0; i < pool->size; i++)
        if (pool->table[i])
            *place_of(&bigger, pool->table[i]) = pool->table[i];
    free(pool->table);
    *pool = bigger;
}

const char *pool_keep(struct pool *pool, const char *string)
{
    if (pool->count * 2 >= pool->size)
        grow(pool);
    char **place = place_of(pool, string);
    if (!*place) {
        *place = need(strdup(string));
        pool->count++;
    }
    return *place;
}

void pool_free(struct pool *pool)
{
    for (size_t i = 0; i < pool->size; i++)
        free(pool->table[i]);
    free(pool->table);
    *pool = (struct pool){NULL, 0, 0};
}
