/* See walk.h. */
#include "collector/walk.h"

#include <string.h>

struct walk {
    struct session *session;
    const struct visitor *visitor;
    struct totals *totals;
    walk_progress *progress;
    void *progress_data;
    struct problem *problem;
    size_t image_number;
};

static void tell(const struct walk *walk, double part_of_image)
{
    if (walk->progress)
        walk->progress(walk->progress_data, ((double)walk->image_number + part_of_image) /
                                                (double)walk->session->image_count);
}

static int read_slot(struct walk *walk, struct image *image, struct pairing *pairing, uint32_t slot)
{
    struct block block;
    int got;
    struct block_reader *reader =
        block_reader_open(walk->session->folder, image->summary->pid, image->summary->image, slot,
                          image->live, image->live_size, walk->session->keep_going, walk->problem);
    if (!reader)
        return -1;
    uint64_t size = block_reader_file_size(reader), done = 0;
    while ((got = block_reader_next(reader, &block)) == 1) {
        pairing_block(pairing, &block);
        done += BLOCK_BYTES;
        if (done / BLOCK_BYTES % 64 == 0 && size)
            tell(walk, (slot + (double)done / (double)size) / image->header.slots);
    }
    pairing_end(pairing);
    walk->session->damaged += block_reader_damaged(reader);
    block_reader_close(reader);
    return got;
}

/* A process that ended without a word may have been inside a call: its now records say so. */
static void give_blocked_calls(struct walk *walk, struct image *image, uint64_t last_tick)
{
    size_t hint = 0;
    if (image->header.status != PROCESS_RUNNING || !walk->visitor->span)
        return;
    for (uint32_t slot = 0; slot < image->header.slots && slot < SLOT_COUNT; slot++) {
        const struct slot_header *header = image_slot(image, slot);
        const struct image_call *call =
            header && header->now.call && !header->ended
                ? image_call(image, header->now.call - 1 + EVENT_CALL)
                : NULL;
        if (!call)
            continue;
        const struct image_thread *known = image_thread(image, header->thread);
        struct thread_view view = {header->thread, header->tid, known ? known->name : "", 0};
        uint64_t payload[2] = {0, header->now.first};
        uint64_t end = last_tick > header->now.since ? last_tick : header->now.since;
        struct span span = {.kind = SPAN_COMPLETE,
                            .flags = SPAN_UNFINISHED,
                            .name = call->name,
                            .call = call,
                            .payload = payload,
                            .words = header->now.first ? 2 : 1};
        view.start_ns = span.start_ns =
            clock_map_nsec(&walk->session->clock, header->now.since, &hint);
        span.duration_ns = clock_map_nsec(&walk->session->clock, end, &hint) - span.start_ns;
        span.self_ns = span.duration_ns;
        if (walk->visitor->thread)
            walk->visitor->thread(walk->visitor->data, image, &view);
        walk->visitor->span(walk->visitor->data, &span);
    }
}

static int read_image(struct walk *walk, struct image *image)
{
    struct pairing *pairing = pairing_new(image, walk->visitor, walk->totals);
    int failed = 0;
    if (walk->visitor->image)
        walk->visitor->image(walk->visitor->data, image);
    for (uint32_t slot = 0; slot < image->header.slots && slot < SLOT_COUNT && !failed; slot++) {
        failed = read_slot(walk, image, pairing, slot);
        tell(walk, (slot + 1.0) / image->header.slots);
    }
    if (!failed)
        give_blocked_calls(walk, image, pairing_last_tick(pairing));
    pairing_free(pairing);
    walk->totals->images++;
    unsigned reason = image->header.lost_reason < LOSS_REASONS ? image->header.lost_reason : LOSS_NO_SLOT;
    walk->totals->lost[reason] += image->header.lost;
    walk->totals->names_lost += image->header.arena_full;
    return failed;
}

int walk_session(struct session *session, const struct visitor *visitor, struct totals *totals,
                 walk_progress *progress, void *progress_data, struct problem *problem)
{
    struct walk walk = {session, visitor, totals, progress, progress_data, problem, 0};
    memset(totals, 0, sizeof *totals);
    for (; walk.image_number < session->image_count; walk.image_number++) {
        struct image *image = image_open(session, walk.image_number, problem);
        if (!image && session->keep_going)
            continue;
        int failed = !image || read_image(&walk, image);
        image_close(image);
        if (failed)
            return -1;
        tell(&walk, 1);
    }
    totals->lost[LOSS_DAMAGED] += session->damaged;
    return 0;
}

uint64_t totals_lost(const struct totals *totals)
{
    uint64_t lost = 0;
    for (int i = 0; i < LOSS_REASONS; i++)
        lost += totals->lost[i];
    return lost;
}
