/* See walk.h. */
#include "collector/walk.h"

#include "collector/coverage.h"
#include "collector/heap.h"

#include <string.h>

struct walk {
    struct session *session;
    const struct visitor *visitor;
    struct totals *totals;
    walk_progress *progress;
    void *progress_data;
    struct problem *problem;
    size_t image_number;
    int counts; /* counters were asked for */
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
    struct block_reader *reader = block_reader_open(image, slot, walk->problem);
    if (!reader)
        return -1;
    uint64_t size = block_reader_file_size(reader), done = 0;
    while ((got = block_reader_next(reader, &block)) == 1) {
        pairing_block(pairing, &block);
        done += BLOCK_BYTES;
        if (done / BLOCK_BYTES % 64 == 0 && size)
            tell(walk, (slot + (double)done / (double)size) / image->header.slots);
    }
    pairing_end(pairing, block_reader_is_cut(reader) ? NULL : image_slot(image, slot));
    walk->session->damaged += block_reader_damaged(reader);
    block_reader_close(reader);
    return got;
}

/* Whether the image is what a process before it became by an exec. */
static int continues(const struct session *session, size_t number)
{
    for (size_t i = number; i-- > 0;)
        if (session->images[i].pid == session->images[number].pid)
            return session->images[i].header.status == PROCESS_EXEC;
    return 0;
}

static uint64_t events_of(const struct totals *totals)
{
    uint64_t events = 0;
    for (int i = 0; i < CATEGORY_COUNT; i++)
        events += totals->events[i];
    return events;
}

static int read_image(struct walk *walk, struct image *image)
{
    uint64_t events = events_of(walk->totals);
    uint64_t allocations = walk->totals->events[CATEGORY_MEMORY];
    struct pairing *pairing = pairing_new(image, walk->visitor, walk->totals);
    int failed = 0;
    if (walk->visitor->image)
        walk->visitor->image(walk->visitor->data, image);
    for (uint32_t slot = 0; slot < image->header.slots && slot < SLOT_COUNT && !failed; slot++) {
        failed = read_slot(walk, image, pairing, slot);
        tell(walk, (slot + 1.0) / image->header.slots);
    }
    pairing_free(pairing);
    if (!failed && walk->visitor->heap && walk->counts &&
        walk->totals->events[CATEGORY_MEMORY] > allocations)
        failed = heap_track(image, walk->visitor, walk->problem);
    if (!failed && walk->visitor->image_end)
        walk->visitor->image_end(walk->visitor->data, image);
    coverage_image(walk->session->coverage, image, events_of(walk->totals) - events,
                   walk->totals->events[CATEGORY_MEMORY] - allocations);
    walk->totals->images++;
    if (!continues(walk->session, walk->image_number))
        walk->totals->processes++;
    else if (walk->totals->threads)
        walk->totals->threads--; /* its first thread was counted before */
    unsigned reason =
        image->header.lost_reason < LOSS_REASONS ? image->header.lost_reason : LOSS_NO_SLOT;
    walk->totals->lost[reason] += image->header.lost;
    walk->totals->names_lost += image->header.arena_full;
    return failed;
}

static int walk_images(struct walk *walk)
{
    struct session *session = walk->session;
    memset(walk->totals, 0, sizeof *walk->totals);
    coverage_clear(session->coverage);
    for (; walk->image_number < session->image_count; walk->image_number++) {
        struct image *image = image_open(session, walk->image_number, walk->problem);
        if (!image && session->keep_going)
            continue;
        int failed = !image || read_image(walk, image);
        image_close(image);
        if (failed)
            return -1;
        tell(walk, 1);
    }
    session->endings.are_all = 1;
    return 0;
}

/* How processes ended that did not say so is known when who waited for them was read: that may be
 * behind them. */
static int find_endings(struct session *session, struct problem *problem)
{
    static const struct visitor nobody = {.image = NULL};
    struct totals totals;
    struct walk walk = {
        .session = session, .visitor = &nobody, .totals = &totals, .problem = problem};
    uint64_t damaged = session->damaged;
    int is_silent = 0, failed = 0;
    for (size_t i = 0; i < session->image_count; i++) {
        const struct image_summary *image = &session->images[i];
        is_silent |= image->header.status == PROCESS_RUNNING && image->lives != ALIVE_YES &&
                     !session_ending(session, image);
    }
    if (is_silent && !session->endings.are_all)
        failed = walk_images(&walk);
    session->damaged = damaged;
    return failed;
}

int walk_session(struct session *session, const struct visitor *visitor, struct totals *totals,
                 walk_progress *progress, void *progress_data, struct problem *problem)
{
    struct walk walk = {session, visitor, totals, progress, progress_data, problem, 0, 0};
    walk.counts = (int)(session_categories(session) >> CATEGORY_COUNTERS & 1);
    if (find_endings(session, problem) != 0 || walk_images(&walk) != 0)
        return -1;
    totals->lost[LOSS_DAMAGED] += session->damaged;
    coverage_finish(session->coverage, session, totals);
    return 0;
}

uint64_t totals_lost(const struct totals *totals)
{
    uint64_t lost = 0;
    for (int i = 0; i < LOSS_REASONS; i++)
        lost += totals->lost[i];
    return lost;
}
