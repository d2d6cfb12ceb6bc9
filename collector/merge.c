/* See merge.h: a binary heap of one cursor per slot. */
#include "collector/merge.h"

#include <stdlib.h>

struct cursor {
    struct block_reader *reader;
    struct block block;
    size_t at; /* word in the block */
    uint32_t slot;
    uint64_t epoch, tick;
    uint64_t hole; /* 1: the words before `at` are of a record that was never stored */
    struct merged_record record;      /* the next one … */
    uint64_t room[EVENT_MAX_PAYLOAD]; /* … and its words, where they were packed */
    uint32_t thread;                  /* + 1 */
};

/* Counts what pairing.c counts: a report says the same of a session whichever way it is read. */
static void end_hole(struct cursor *cursor, struct totals *totals)
{
    totals->lost[LOSS_INTERRUPTED] += cursor->hole;
    cursor->hole = 0;
}

/* Moves to the next record: 1, or 0 at the end, or -1. */
static int advance(struct cursor *cursor, struct totals *totals)
{
    for (;;) {
        while (cursor->at < cursor->block.count) {
            uint64_t word = cursor->block.words[cursor->at++];
            if (event_kind(word) == EVENT_KIND_NONE) {
                cursor->hole = 1;
                continue;
            }
            end_hole(cursor, totals);
            unsigned type = event_type(word), words = event_length(word);
            int record = event_kind(word) == EVENT_KIND_RECORD;
            if (record && type == EVENT_TIME) {
                cursor->epoch = event_time_epoch(word);
                continue;
            }
            uint64_t tick = cursor->epoch << EVENT_TICK_BITS | event_low_tick(word);
            cursor->tick = tick > cursor->tick ? tick : cursor->tick;
            if (!record)
                continue;
            if (words > cursor->block.count - cursor->at)
                words = (unsigned)(cursor->block.count - cursor->at);
            const uint64_t *payload = cursor->block.words + cursor->at;
            struct call_parts parts = {0, 0, words, payload};
            if (type >= EVENT_CALL)
                parts = call_parts_of(event_inline(word), payload, words, cursor->room);
            cursor->record = (struct merged_record){cursor->tick, type,        parts.payload,
                                                    parts.words,  parts.stack, cursor->slot};
            cursor->at += words;
            totals->lost[LOSS_INTERRUPTED] += type == EVENT_PENDING;
            return 1;
        }
        if (!cursor->block.open || cursor->block.header.used)
            end_hole(cursor, totals);
        cursor->hole = 0;
        int got = block_reader_next(cursor->reader, &cursor->block);
        if (got != 1)
            return got;
        cursor->at = 0;
        cursor->epoch = cursor->block.header.start.tick >> EVENT_TICK_BITS;
        if (cursor->thread != cursor->block.header.thread + 1) /* as pairing.c has it */
            cursor->tick = cursor->block.header.start.tick;
        cursor->thread = cursor->block.header.thread + 1;
        if (cursor->block.header.lost_reason < LOSS_REASONS)
            totals->lost[cursor->block.header.lost_reason] += cursor->block.header.lost;
    }
}

/* Restores the heap below position i. */
static void sift(struct cursor **heap, size_t count, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && heap[child + 1]->record.tick < heap[child]->record.tick)
            child++;
        if (heap[i]->record.tick <= heap[child]->record.tick)
            return;
        struct cursor *swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

static int run(struct cursor **heap, size_t count, merge_visit *visit, void *data,
               struct totals *totals)
{
    for (size_t i = count; i-- > 0;)
        sift(heap, count, i);
    while (count > 0) {
        visit(data, &heap[0]->record);
        int got = advance(heap[0], totals);
        if (got < 0)
            return -1;
        if (got == 0)
            heap[0] = heap[--count];
        sift(heap, count, 0);
    }
    return 0;
}

int merge_image(struct image *image, merge_visit *visit, void *data, struct totals *totals,
                struct problem *problem)
{
    size_t slots = image->header.slots < SLOT_COUNT ? image->header.slots : SLOT_COUNT, count = 0;
    struct cursor *cursors = calloc(slots + 1, sizeof *cursors);
    struct cursor **heap = calloc(slots + 1, sizeof *heap);
    int failed = cursors && heap ? 0 : problem_set(problem, "out of memory");
    for (size_t i = 0; i < slots && !failed; i++) {
        cursors[i].reader = block_reader_open(image, (uint32_t)i, problem);
        cursors[i].slot = (uint32_t)i;
        int got = cursors[i].reader ? advance(&cursors[i], totals) : -1;
        if (got == 1)
            heap[count++] = &cursors[i];
        failed = got < 0;
    }
    if (!failed)
        failed = run(heap, count, visit, data, totals);
    for (size_t i = 0; cursors && i < slots; i++) {
        if (cursors[i].reader)
            totals->lost[LOSS_DAMAGED] += block_reader_damaged(cursors[i].reader);
        block_reader_close(cursors[i].reader);
    }
    unsigned reason =
        image->header.lost_reason < LOSS_REASONS ? image->header.lost_reason : LOSS_NO_SLOT;
    totals->lost[reason] += image->header.lost;
    free(cursors);
    free(heap);
    return failed;
}
