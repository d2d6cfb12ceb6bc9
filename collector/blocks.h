/* The blocks of one slot, in the order in which they were written: first those of its .blocks file,
 * then the open one (or two, after a crash) of the live file. One block is in memory at a time. */
#ifndef VT_COLLECTOR_BLOCKS_H
#define VT_COLLECTOR_BLOCKS_H

#include "collector/problem.h"
#include "runtime/event.h"
#include "runtime/layout.h"

#include <stddef.h>

struct block {
    struct block_header header;
    const uint64_t *words; /* behind the header */
    size_t count;
    int open; /* it was still being written: words may be missing at its end */
};

/* What a call's record says (event.h). */
struct call_parts {
    uint64_t duration;       /* ticks */
    uint32_t stack;          /* id, or 0 */
    unsigned words;          /* result and fields: so many … */
    const uint64_t *payload; /* … in the record itself, or in `room` where it was packed */
};

static inline struct call_parts call_parts_of(uint64_t inline_value, const uint64_t *payload,
                                              unsigned words, uint64_t room[EVENT_MAX_PAYLOAD])
{
    struct call_parts parts = {inline_value & EVENT_CALL_LONG, 0, words, payload};
    if (parts.duration == EVENT_CALL_LONG && parts.words)
        parts.duration = payload[--parts.words];
    if (inline_value & EVENT_CALL_STACK && parts.words)
        parts.stack = (uint32_t)payload[--parts.words];
    if (inline_value & EVENT_CALL_PACKED && parts.words && parts.words < EVENT_MAX_PAYLOAD) {
        for (unsigned i = 1; i < parts.words; i++)
            room[i] = payload[i];
        room[0] = payload[0] & ((UINT64_C(1) << EVENT_PACKED_SHIFT) - 1);
        room[parts.words++] = payload[0] >> EVENT_PACKED_SHIFT;
        parts.payload = room;
    }
    return parts;
}

struct block_reader;
struct image;

/* The image must outlive the reader. Of a process that may still run it gives what had begun when
 * the session was opened. NULL: a problem. */
struct block_reader *block_reader_open(const struct image *image, uint32_t slot,
                                       struct problem *problem);
void block_reader_close(struct block_reader *reader);

/* 1: a block, valid until the next call; 0: no more; -1: a problem. */
int block_reader_next(struct block_reader *reader, struct block *block);

/* Whether the thread went on behind the last block, after the session was opened. */
int block_reader_is_cut(const struct block_reader *reader);

/* Damaged blocks skipped so far. */
uint64_t block_reader_damaged(const struct block_reader *reader);

/* Bytes of the finished blocks' file (0 when there is none). */
uint64_t block_reader_file_size(const struct block_reader *reader);

#endif
