/* See heap.h. */
#include "collector/heap.h"

#include "collector/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A realloc under way: what it releases, unless it fails. */
struct move {
    struct heap_block block; /* address 0: not known */
    int is_under_way;
};

struct heap {
    struct image *image;
    struct heap_sum *sum;
    uint8_t roles[1 << EVENT_TYPE_BITS];
    struct heap_block *table; /* open addressing, linear probing */
    size_t room, used;
    struct move *moves; /* by slot */
    const struct heap_follower *follower;
    const struct visitor *visitor; /* who wants to see the heap's size, or NULL */
    uint64_t told_ns;              /* when it was last told */
    uint64_t untold_ns;            /* the last change since then that was not told, or 0 */
    size_t hint;                   /* for the clock */
    uint64_t changes, peak_change; /* so far, and which one made the peak */
    uint64_t last_change;          /* those behind it are left out */
};

enum { TRACK_STEP_NSEC = 1000000 };

static size_t home(const struct heap *heap, uint64_t address)
{
    return (size_t)((address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (heap->room - 1);
}

static struct heap_block *find(struct heap *heap, uint64_t address)
{
    size_t at = home(heap, address);
    while (heap->table[at].address && heap->table[at].address != address)
        at = (at + 1) & (heap->room - 1);
    return &heap->table[at];
}

static void grow(struct heap *heap)
{
    struct heap_block *old = heap->table;
    size_t old_room = heap->room;
    heap->room = old_room ? 2 * old_room : 1 << 12;
    heap->table = need(calloc(heap->room, sizeof *heap->table));
    for (size_t i = 0; i < old_room; i++)
        if (old[i].address)
            *find(heap, old[i].address) = old[i];
    free(old);
}

struct heap_weight heap_weigh(const struct image *image, uint64_t size)
{
    uint32_t rate = image->header.memory_rate;
    if (!rate || !size || size / 64 >= rate) /* of such a size every one is */
        return (struct heap_weight){size, 1};
    /* it was recorded with this probability: preload/memory_samples.h */
    double likely = -expm1(-(double)size / rate);
    return (struct heap_weight){(uint64_t)((double)size / likely + 0.5),
                                (uint64_t)(1 / likely + 0.5)};
}

static void put(struct heap *heap, const struct heap_block *block)
{
    struct heap_sum *sum = heap->sum;
    if (2 * heap->used >= heap->room)
        grow(heap);
    heap->used++;
    *find(heap, block->address) = *block;
    sum->live += block->weight.bytes;
    sum->live_blocks += block->weight.count;
}

/* Takes the block at an address out and closes the gap in its run; address 0: there is none. */
static struct heap_block take_out(struct heap *heap, uint64_t address)
{
    struct heap_block *at = heap->room ? find(heap, address) : NULL;
    if (!at || !at->address)
        return (struct heap_block){.address = 0};
    struct heap_block block = *at;
    heap->sum->live -= block.weight.bytes;
    heap->sum->live_blocks -= block.weight.count;
    heap->used--;
    size_t gap = (size_t)(at - heap->table), mask = heap->room - 1;
    for (size_t next = (gap + 1) & mask; heap->table[next].address; next = (next + 1) & mask) {
        size_t wants = home(heap, heap->table[next].address);
        if (((next - wants) & mask) >= ((next - gap) & mask)) {
            heap->table[gap] = heap->table[next];
            gap = next;
        }
    }
    heap->table[gap].address = 0;
    return block;
}

static void tell_released(const struct heap *heap, const struct heap_block *block,
                          const struct merged_record *record, enum heap_end end)
{
    if (heap->follower && block->address)
        heap->follower->released(heap->follower->data, block, record, end);
}

static void allocate(struct heap *heap, uint64_t address, uint64_t size,
                     const struct merged_record *record)
{
    struct heap_sum *sum = heap->sum;
    struct heap_block before = take_out(heap, address);
    struct heap_block block = {.address = address,
                               .size = size,
                               .weight = heap_weigh(heap->image, size),
                               .tick = record->tick,
                               .stack = record->stack,
                               .slot = record->slot};
    sum->allocations += block.weight.count;
    sum->allocated += block.weight.bytes;
    sum->overlaps += before.address != 0;
    tell_released(heap, &before, record, HEAP_FREED);
    put(heap, &block);
    if (heap->follower)
        heap->follower->taken(heap->follower->data, &block);
    if (sum->live > sum->peak) {
        sum->peak = sum->live;
        heap->peak_change = heap->changes;
    }
}

/* So many allocations' worth, or one that is not known. */
static void count_free(struct heap_sum *sum, const struct heap_block *block, uint64_t sign)
{
    sum->frees += sign * (block->address ? block->weight.count : 1);
    sum->unknown_frees += sign * !block->address;
}

static void release(struct heap *heap, const struct merged_record *record)
{
    struct heap_block block = take_out(heap, record->payload[0]);
    count_free(heap->sum, &block, 1);
    tell_released(heap, &block, record, HEAP_FREED);
}

/* A realloc begins: another thread may have the block's address before it is over. */
static void begin_move(struct heap *heap, const struct merged_record *record)
{
    struct move *move = &heap->moves[record->slot % SLOT_COUNT];
    if (move->is_under_way) /* in a handler */
        tell_released(heap, &move->block, record, HEAP_FREED);
    *move = (struct move){take_out(heap, record->payload[0]), 1};
    count_free(heap->sum, &move->block, 1);
}

/* It failed, or never ended: the block is where it was, unless somebody else has that place. */
static void undo_move(struct heap *heap, struct move *move)
{
    uint64_t address = move->block.address;
    if (!move->is_under_way)
        return;
    move->is_under_way = 0;
    count_free(heap->sum, &move->block, UINT64_MAX);
    if (address && (!heap->room || !find(heap, address)->address))
        put(heap, &move->block);
}

static void end_move(struct heap *heap, const struct merged_record *record)
{
    struct move *move = &heap->moves[record->slot % SLOT_COUNT];
    uint64_t block = record->payload[0], size = record->payload[2];
    if (!block && size) {
        undo_move(heap, move);
    } else if (move->is_under_way) {
        tell_released(heap, &move->block, record, block ? HEAP_MOVED : HEAP_FREED);
        move->is_under_way = 0;
    }
}

static void tell(struct heap *heap, uint64_t ns, uint64_t bytes)
{
    const uint64_t value[] = {(uint64_t)EVENT_ARGUMENT_INTEGER << 32, bytes};
    static const char text[] = "live heap bytes";
    struct span span = {.kind = SPAN_COUNTER,
                        .name = names_make(heap->image->session->names, CATEGORY_COUNTERS, "", text,
                                           sizeof text - 1, 0),
                        .start_ns = ns,
                        .payload = value,
                        .words = 2};
    heap->told_ns = ns;
    heap->untold_ns = 0;
    heap->visitor->span(heap->visitor->data, &span);
}

static void change(struct heap *heap, const struct merged_record *record, enum allocator_role role)
{
    unsigned size_at = allocator_size_at(role), words = size_at + 1;
    if (record->words < words)
        return;
    if (role == ALLOCATOR_RELEASES)
        release(heap, record);
    else if (role == ALLOCATOR_MOVES)
        begin_move(heap, record);
    else if (role == ALLOCATOR_REALLOCATES)
        end_move(heap, record);
    if (words == 1)
        return;
    if (record->payload[0])
        allocate(heap, record->payload[0], record->payload[size_at], record);
    else
        heap->sum->failed += record->payload[size_at] != 0;
}

static void visit(void *data, const struct merged_record *record)
{
    struct heap *heap = data;
    enum allocator_role role = heap->roles[record->type];
    if (role == ALLOCATOR_NONE || ++heap->changes > heap->last_change)
        return;
    uint64_t before = heap->sum->live;
    change(heap, record, role);
    if (!heap->visitor || heap->sum->live == before)
        return;
    uint64_t ns = clock_map_nsec(&heap->image->session->clock, record->tick, &heap->hint);
    if (heap->told_ns && ns < heap->told_ns + TRACK_STEP_NSEC) {
        heap->untold_ns = ns;
        return;
    }
    if (heap->untold_ns) /* what a burst came to, which may have stood for long */
        tell(heap, heap->untold_ns, before);
    tell(heap, ns, heap->sum->live);
}

static void learn_roles(struct heap *heap)
{
    uint8_t *roles = heap->roles + EVENT_CALL;
    size_t room = sizeof heap->roles - EVENT_CALL; /* no event has a higher number */
    for (size_t i = 0; i < heap->image->call_count && i < room; i++)
        if (heap->image->calls[i].name)
            roles[i] = (uint8_t)allocator_role_of(&heap->image->calls[i]);
}

/* Follows the blocks up to heap->last_change; the sum and all else is filled in by the caller. */
static int follow(struct heap *heap, struct totals *totals, struct problem *problem)
{
    heap->moves = need(calloc(SLOT_COUNT, sizeof *heap->moves));
    learn_roles(heap);
    int failed = merge_image(heap->image, visit, heap, totals, problem);
    for (size_t i = 0; i < SLOT_COUNT && heap->last_change == UINT64_MAX; i++)
        undo_move(heap, &heap->moves[i]);
    free(heap->moves);
    heap->moves = NULL;
    return failed;
}

static int read_image(struct image *image, struct heap_sum *sum, struct totals *totals,
                      struct problem *problem)
{
    struct heap heap = {.image = image, .sum = sum, .last_change = UINT64_MAX};
    *sum = (struct heap_sum){.pid = image->summary->pid, .image = image->summary->image};
    snprintf(sum->process, sizeof sum->process, "%s", image->name);
    int failed = follow(&heap, totals, problem);
    free(heap.table);
    return failed;
}

int heap_track(struct image *image, const struct visitor *visitor, struct problem *problem)
{
    struct heap_sum sum = {.pid = image->summary->pid};
    struct totals counted = {.unmatched = 0}; /* by the walk, too */
    struct heap heap = {.image = image, .sum = &sum, .visitor = visitor, .last_change = UINT64_MAX};
    int failed = follow(&heap, &counted, problem);
    if (!failed && heap.untold_ns)
        tell(&heap, heap.untold_ns, sum.live);
    free(heap.table);
    return failed;
}

struct heap_sum *heap_session(struct session *session, size_t *count, struct totals *totals,
                              struct problem *problem)
{
    struct heap_sum *sums = calloc(session->image_count + 1, sizeof *sums);
    *count = 0;
    for (size_t i = 0; sums && i < session->image_count; i++) {
        struct image *image = image_open(session, i, problem);
        if (!image && session->keep_going)
            continue;
        int failed = !image || read_image(image, &sums[(*count)++], totals, problem);
        image_close(image);
        if (failed) {
            free(sums);
            return NULL;
        }
    }
    totals->lost[LOSS_DAMAGED] += session->damaged;
    if (!sums)
        problem_set(problem, "out of memory");
    return sums;
}

/* ---- the blocks of one moment ---- */

struct heap_blocks {
    struct heap heap;
    struct heap_sum sum;
};

/* Reads the image up to that change. */
static struct heap_blocks *blocks_after(struct image *image, uint64_t last_change,
                                        struct problem *problem)
{
    struct totals counted = {.unmatched = 0}; /* by the walk, too */
    struct heap_blocks *blocks = need(calloc(1, sizeof *blocks));
    blocks->heap = (struct heap){.image = image, .sum = &blocks->sum, .last_change = last_change};
    if (follow(&blocks->heap, &counted, problem) == 0)
        return blocks;
    heap_blocks_free(blocks);
    return NULL;
}

/* Which blocks made the peak is not known before the peak is: it is looked for first. */
struct heap_blocks *heap_blocks_at(struct image *image, int peak, struct problem *problem)
{
    struct heap_blocks *blocks = blocks_after(image, UINT64_MAX, problem);
    if (!blocks || !peak)
        return blocks;
    uint64_t peak_change = blocks->heap.peak_change;
    heap_blocks_free(blocks);
    return blocks_after(image, peak_change, problem);
}

void heap_blocks_free(struct heap_blocks *blocks)
{
    if (blocks)
        free(blocks->heap.table);
    free(blocks);
}

uint64_t heap_blocks_take(struct heap_blocks *blocks, uint64_t address, uint64_t tick)
{
    const struct heap_block *block = blocks->heap.room ? find(&blocks->heap, address) : NULL;
    int is_it = block && block->address && block->tick == tick;
    return is_it ? take_out(&blocks->heap, address).weight.bytes : 0;
}

int heap_follow(struct image *image, const struct heap_follower *follower, struct problem *problem)
{
    struct totals counted = {.unmatched = 0}; /* by the walk, too */
    struct heap_sum sum = {.pid = image->summary->pid};
    struct heap heap = {
        .image = image, .sum = &sum, .follower = follower, .last_change = UINT64_MAX};
    int failed = follow(&heap, &counted, problem);
    for (size_t i = 0; i < heap.room && !failed; i++)
        tell_released(&heap, &heap.table[i], NULL, HEAP_NEVER);
    free(heap.table);
    struct heap_blocks *peak = failed ? NULL : blocks_after(image, heap.peak_change, problem);
    for (size_t i = 0; peak && i < peak->heap.room; i++)
        if (peak->heap.table[i].address)
            follower->at_peak(follower->data, &peak->heap.table[i]);
    failed |= !peak;
    heap_blocks_free(peak);
    return failed;
}
