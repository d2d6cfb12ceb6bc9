/* From the blocks of one thread to spans: entries are paired with exits, scopes with their ends,
 * calls become spans of their own. Keeps only the stack of open frames. */
#ifndef VT_COLLECTOR_PAIRING_H
#define VT_COLLECTOR_PAIRING_H

#include "collector/blocks.h"
#include "collector/span.h"

/* What was read; added up over threads and images. */
struct totals {
    uint64_t events[CATEGORY_COUNT]; /* function events count entries and exits */
    uint64_t lost[LOSS_REASONS];
    uint64_t names_lost; /* paths, sites and the like that events refer to */
    uint64_t unmatched;  /* exits without an entry */
    uint64_t blocks, block_bytes;
    uint64_t images;
    uint64_t processes, threads; /* an exec makes a new image, but neither a process nor a thread */
    uint64_t first_ns, last_ns;  /* of all events */
};

struct pairing;

struct pairing *pairing_new(struct image *image, const struct visitor *visitor,
                            struct totals *totals);
void pairing_free(struct pairing *pairing);

/* The blocks of a slot in order; a block of another thread ends the one before. */
void pairing_block(struct pairing *pairing, const struct block *block);

/* After the slot's last block; `slot` says what its thread was doing at the end, or is NULL. */
void pairing_end(struct pairing *pairing, const struct slot_header *slot);

#endif
