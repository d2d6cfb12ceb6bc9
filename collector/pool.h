/* Strings, each kept once: equal strings are the same pointer. */
#ifndef VT_COLLECTOR_POOL_H
#define VT_COLLECTOR_POOL_H

#include <stddef.h>

struct pool {
    char **table; /* by hash, open addressing */
    size_t size, count;
};

/* The kept copy; lives as long as the pool. An empty pool is all zeros. */
const char *pool_keep(struct pool *pool, const char *string);
void pool_free(struct pool *pool);

#endif
