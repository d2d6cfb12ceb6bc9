/* What a stack can be weighed by: one row for each question, with how a span answers it. */
#ifndef VT_COLLECTOR_WEIGHTS_H
#define VT_COLLECTOR_WEIGHTS_H

#include "collector/heap.h"

enum weight_unit { UNIT_NSEC, UNIT_BYTES, UNIT_COUNT };

/* Which frames a span's stack consists of where it has both kinds. */
enum weight_frames {
    FRAMES_NATIVE, /* the functions that the stack was found to have */
    FRAMES_SPANS,  /* the spans around it: instrumented functions and scopes */
};

struct weight {
    const char *name;
    enum weight_unit unit;
    enum weight_frames frames;
    const char *title; /* of a picture: "allocated bytes" */
    const char *help;
    uint64_t (*get)(const struct image *image, const struct span *span);
    /* If it is about what happened to blocks, get is NULL. */
    enum weight_blocks {
        BLOCKS_ALL,
        BLOCKS_AT_END,
        BLOCKS_AT_PEAK,
        BLOCKS_TEMPORARY,
    } blocks;
    int adds_up; /* to the time that threads lived: what is missing has a frame of its own */
};

extern const struct weight weights[]; /* ends with a NULL name */

/* By name, or NULL. */
const struct weight *weight_named(const char *name);

/* The figure with its unit: at most 32 bytes, in the buffer. */
const char *weight_show(char *buffer, const struct weight *weight, uint64_t value);

extern const char *const weight_units[]; /* for JSON: "ns", "bytes", "count" */

#endif
