/* See merge.h: a binary heap of one cursor per slot. */
#include "collector/merge.h"

#include "collector/records.h"

#include <stdlib.h>

struct cursor {
    struct block_reader *reader;
    struct block block;
    struct records records;
    struct record own;          /* the next one … */
    struct merged_record given; /* … as it is given away */
    uint64_t tick;              /* of the thread's last record; never goes back */
    uint32_t slot;
    uint32_t thread; /* + 1 */
};

/* Moves to the next record: 1, or 0 at the end, or -1. */
static int advance(struct cursor *cursor, struct totals *totals)
{
    for (;;) {
        while (records_next(&cursor->records, &cursor->own)) {
            const struct record *own = &cursor->own;
            cursor->tick = own->tick > cursor->tick ? own->tick : cursor->tick;
            if (own->kind != EVENT_KIND_RECORD)
                continue;
            cursor->given = (struct merged_record){cursor->tick, own->type,  own->payload,
                                                   own->words,   own->stack, cursor->slot};
            return 1;
        }
        int got = block_reader_next(cursor->reader, &cursor->block);
        if (got != 1)
            return got;
        records_enter(&cursor->records, &cursor->block, totals->lost);
        if (cursor->thread != cursor->block.header.thread + 1)
            cursor->tick = cursor->block.header.start.tick;
        cursor->thread = cursor->block.header.thread + 1;
    }
}

/* Restores the heap below position i. */
static void sift(struct cursor **heap, size_t count, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && heap[child + 1]->given.tick < heap[child]->given.tick)
            child++;
        if (heap[i]->given.tick <= heap[child]->given.tick)
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
        visit(data, &heap[0]->given);
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
