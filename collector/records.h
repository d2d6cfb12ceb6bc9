/* The records of one thread, block by block: their ticks whole, the parts of a call apart
 * (event.h). Those that were never stored, because a handler or the end came in between, are
 * counted and left out. */
#ifndef VT_COLLECTOR_RECORDS_H
#define VT_COLLECTOR_RECORDS_H

#include "collector/blocks.h"

struct record {
    uint64_t tick; /* its own: earlier than the one before where a signal handler overtook it */
    enum event_kind kind;
    uint64_t value; /* a function's address; else what the header has inline */
    /* of kind RECORD only */
    unsigned type;
    unsigned words;          /* result and fields of a call, else all that it has: so many … */
    const uint64_t *payload; /* … here */
    uint64_t duration;       /* of a call: ticks */
    uint32_t stack;          /* of a call: id; else 0 */
    uint64_t room[EVENT_MAX_PAYLOAD]; /* where the payload is if it was packed */
};

/* Zeroed: at the end. */
struct records {
    const struct block *block;
    uint64_t *lost; /* LOSS_REASONS of them */
    size_t at;      /* word in the block */
    uint64_t epoch;
    int hole; /* the words before `at` are of a record that was never stored */
};

/* From the beginning of this block on; it must stay as long. What was lost is added to `lost`. */
void records_enter(struct records *records, const struct block *block, uint64_t lost[LOSS_REASONS]);

void records_split_call(struct record *record);

static inline void records_end_hole(struct records *records)
{
    if (__builtin_expect(records->hole, 0)) /* one record, whatever its length was to be */
        records->lost[LOSS_INTERRUPTED]++;
    records->hole = 0;
}

/* The next record of kind RECORD, whose header this is; 0: it was never finished. */
static inline int records_payload(struct records *records, struct record *record, uint64_t word)
{
    size_t left = records->block->count - records->at;
    record->type = event_type(word);
    record->value = event_inline(word);
    record->payload = records->block->words + records->at;
    record->words = event_length(word) < left ? event_length(word) : (unsigned)left;
    record->stack = 0;
    records->at += record->words;
    if (record->type >= EVENT_CALL)
        records_split_call(record);
    else if (record->type == EVENT_PENDING)
        records->lost[LOSS_INTERRUPTED]++;
    return record->type != EVENT_PENDING;
}

/* 1, or 0 at the end of the block. Inline: on the way of each event. */
static inline int records_next(struct records *records, struct record *record)
{
    const struct block *block = records->block;
    while (block && records->at < block->count) {
        uint64_t word = block->words[records->at++];
        record->kind = event_kind(word);
        if (record->kind == EVENT_KIND_NONE) {
            records->hole = 1;
            continue;
        }
        records_end_hole(records);
        record->tick = records->epoch << EVENT_TICK_BITS | event_low_tick(word);
        record->value = word & EVENT_ADDRESS_MASK;
        if (record->kind != EVENT_KIND_RECORD)
            return 1;
        if (event_type(word) == EVENT_TIME)
            records->epoch = event_time_epoch(word);
        else if (records_payload(records, record, word))
            return 1;
    }
    if (block && (!block->open || block->header.used))
        records_end_hole(records);
    records->hole = 0; /* else there the thread had not written yet */
    return 0;
}

#endif
