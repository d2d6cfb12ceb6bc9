/* The records of all threads of one image in the order of their ticks: for questions that cross
 * threads (who freed what another allocated). Function events are left out. Memory: one block for
 * each slot. */
#ifndef VT_COLLECTOR_MERGE_H
#define VT_COLLECTOR_MERGE_H

#include "collector/pairing.h"

struct merged_record {
    uint64_t tick; /* of the return, or of the entry for calls recorded before they are made */
    unsigned type;
    const uint64_t *payload;
    unsigned words;
    uint32_t stack; /* of a call: id of its stack, or 0 */
    uint32_t slot;  /* whose record it is: one thread at a time has a slot */
};

typedef void merge_visit(void *data, const struct merged_record *record);

/* 0, or -1 and a problem. Adds what was lost to `totals`. */
int merge_image(struct image *image, merge_visit *visit, void *data, struct totals *totals,
                struct problem *problem);

#endif
