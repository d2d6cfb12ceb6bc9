/* See pairing.h.
 *
 * An exit closes the innermost frame of its function, and with it all frames inside that had no
 * exit of their own. Times never run backwards: a record that a signal handler overtook is moved up
 * to its predecessor, and a call then contains the handler, because it began when it did. */
#include "collector/pairing.h"

#include "collector/coverage.h"
#include "collector/jumps.h"
#include "collector/memory.h"
#include "collector/recent_spans.h"
#include "collector/records.h"
#include "collector/stack_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pairing {
    struct image *image;
    const struct visitor *visitor;
    struct totals *totals;
    struct frame *frames;
    size_t depth, room;
    uint32_t *active; /* open frames by name number */
    size_t active_room;
    struct jumps jumps;
    struct recent_spans recent, samples;
    uint64_t tick;     /* of the thread's last record; never goes back */
    uint64_t out_tick; /* of the last record that says that the thread was in no call of libc's:
                          what a call allocates on its way, and samples, are none */
    uint64_t end_tick; /* of the image */
    size_t hint;       /* for the clock */
    uint32_t thread;
    int in_thread, thread_ended;
};

struct pairing *pairing_new(struct image *image, const struct visitor *visitor,
                            struct totals *totals)
{
    struct pairing *pairing = need(calloc(1, sizeof *pairing));
    pairing->image = image;
    pairing->visitor = visitor;
    pairing->totals = totals;
    pairing->end_tick = image_end_tick(image);
    return pairing;
}

void pairing_free(struct pairing *pairing)
{
    free(pairing->frames);
    free(pairing->active);
    jumps_free(&pairing->jumps);
    free(pairing);
}

static uint64_t nsec(struct pairing *pairing, uint64_t tick)
{
    return clock_map_nsec(&pairing->image->session->clock, tick, &pairing->hint);
}

static uint32_t *active(struct pairing *pairing, const struct name *name)
{
    if (name->number >= pairing->active_room) {
        size_t room = 2 * (size_t)name->number + 64;
        pairing->active = need(realloc(pairing->active, room * sizeof *pairing->active));
        memset(pairing->active + pairing->active_room, 0,
               (room - pairing->active_room) * sizeof *pairing->active);
        pairing->active_room = room;
    }
    return &pairing->active[name->number];
}

static void give(struct pairing *pairing, struct span *span)
{
    span->stack = pairing->frames;
    span->depth = pairing->depth;
    span->tick = pairing->tick;
    if (span->call &&
        (span->name->category == CATEGORY_PROCESSES || span->name->category == CATEGORY_WAITS))
        coverage_call(pairing->image->session, pairing->image, span);
    if (pairing->visitor->span)
        pairing->visitor->span(pairing->visitor->data, span);
}

static struct frame *push(struct pairing *pairing, const struct name *name, uint64_t key)
{
    if (pairing->depth == pairing->room) {
        pairing->room = pairing->room ? 2 * pairing->room : 64;
        pairing->frames = need(realloc(pairing->frames, pairing->room * sizeof *pairing->frames));
    }
    struct frame *frame = &pairing->frames[pairing->depth++];
    frame->name = name;
    frame->key = key;
    frame->start = pairing->tick;
    frame->start_ns = nsec(pairing, pairing->tick);
    frame->children_ns = 0;
    frame->arguments = NULL;
    frame->argument_words = 0;
    frame->mark = 0;
    frame->kind = EVENT_KIND_ENTER;
    ++*active(pairing, name);
    return frame;
}

/* Ends the innermost frame at the tick. */
static void pop(struct pairing *pairing, uint64_t tick, unsigned flags)
{
    struct frame *frame = &pairing->frames[--pairing->depth];
    uint64_t end = nsec(pairing, tick);
    struct span span = {
        .kind = SPAN_COMPLETE,
        .flags = flags | (--*active(pairing, frame->name) ? SPAN_RECURSIVE : 0),
        .name = frame->name,
        .start_ns = frame->start_ns,
        .duration_ns = end - frame->start_ns,
        .payload = frame->arguments,
        .words = frame->argument_words,
    };
    if (frame->children_ns < span.duration_ns)
        span.self_ns = span.duration_ns - frame->children_ns;
    if (pairing->depth)
        pairing->frames[pairing->depth - 1].children_ns += span.duration_ns;
    recent_spans_add(&pairing->recent, pairing->depth, span.start_ns, span.duration_ns);
    give(pairing, &span);
    free((void *)(uintptr_t)span.payload);
}

static void pop_to(struct pairing *pairing, size_t depth)
{
    while (pairing->depth > depth)
        pop(pairing, pairing->tick, SPAN_UNWOUND);
}

/* Closes the innermost frame of this kind with this key (0: any), and what is open inside it. */
static void leave(struct pairing *pairing, uint8_t kind, uint64_t key)
{
    size_t at = pairing->depth;
    while (at > 0 && !(pairing->frames[at - 1].kind == kind &&
                       (key == 0 || pairing->frames[at - 1].key == key)))
        at--;
    if (at == 0) {
        pairing->totals->unmatched++;
        return;
    }
    pop_to(pairing, at);
    pop(pairing, pairing->tick, 0);
}

static void begin_scope(struct pairing *pairing, const struct record *record)
{
    uint64_t site = record->value;
    struct frame *frame = push(pairing, image_site(pairing->image, site), site);
    frame->kind = EVENT_SCOPE_BEGIN;
    if (record->words) {
        uint64_t *copy = need(malloc(record->words * sizeof *copy));
        memcpy(copy, record->payload, record->words * sizeof *copy);
        frame->arguments = copy;
        frame->argument_words = record->words;
    }
}

static void give_point(struct pairing *pairing, enum span_kind kind, const struct name *name,
                       const struct image_call *call, const uint64_t *payload, unsigned words,
                       uint32_t native)
{
    struct span span = {.kind = kind,
                        .name = name,
                        .start_ns = nsec(pairing, pairing->tick),
                        .call = call,
                        .payload = payload,
                        .words = words,
                        .native = native};
    give(pairing, &span);
}

/* CPU time without a stack: what a thread that ended computed behind its last sample. */
static void give_sample(struct pairing *pairing, uint32_t stack, uint64_t cpu_ns)
{
    struct image_frame frame;
    struct span span = {.kind = SPAN_SAMPLE,
                        .start_ns = nsec(pairing, pairing->tick),
                        .duration_ns = cpu_ns,
                        .self_ns = cpu_ns,
                        .native = stack};
    recent_spans_add(&pairing->samples, 0, span.start_ns, cpu_ns);
    span.name = image_frame(pairing->image, stack, pairing->tick, &frame)
                    ? frame.name
                    : names_make(pairing->image->session->names, CATEGORY_SAMPLES, "",
                                 STACK_TEXT_NONE, strlen(STACK_TEXT_NONE), 0);
    give(pairing, &span);
}

static void give_call(struct pairing *pairing, const struct image_call *call,
                      const struct record *record, unsigned flags)
{
    uint64_t duration = record->duration <= record->tick ? record->duration : 0;
    struct span span = {.kind = SPAN_COMPLETE,
                        .flags = flags,
                        .name = call->name,
                        .start_ns = nsec(pairing, record->tick - duration),
                        .call = call,
                        .payload = record->payload,
                        .words = record->words,
                        .native = record->stack};
    if (call->definition.flags & CALL_ASIDE) {
        span.flags |= SPAN_ASIDE;
        span.duration_ns = nsec(pairing, pairing->tick) - span.start_ns;
        give(pairing, &span);
        return;
    }
    if (pairing->depth && span.start_ns < pairing->frames[pairing->depth - 1].start_ns)
        span.start_ns = pairing->frames[pairing->depth - 1].start_ns;
    uint64_t contained = recent_spans_take(&pairing->recent, pairing->depth, span.start_ns);
    uint64_t elder = recent_spans_end(&pairing->recent, pairing->depth);
    if (span.start_ns < elder)
        span.start_ns = elder;
    span.duration_ns = nsec(pairing, pairing->tick) - span.start_ns;
    if (contained < span.duration_ns)
        span.self_ns = span.duration_ns - contained;
    uint64_t sampled = recent_spans_take(&pairing->samples, 0, span.start_ns);
    span.sampled_ns = sampled < span.self_ns ? sampled : span.self_ns;
    if (pairing->depth)
        pairing->frames[pairing->depth - 1].children_ns += span.self_ns;
    recent_spans_add(&pairing->recent, pairing->depth, span.start_ns, span.duration_ns);
    give(pairing, &span);
}

/* One counter for each value that could be told. */
static void give_usage(struct pairing *pairing, const uint64_t *values, unsigned count)
{
    static const char *const texts[USAGE_COUNT] = {
#define X(NAME, text) text,
        USAGE_FIELDS(X)
#undef X
    };
    for (unsigned i = 0; i < count && i < USAGE_COUNT; i++) {
        const uint64_t value[] = {(uint64_t)EVENT_ARGUMENT_INTEGER << 32, values[i]};
        if (values[i] != UINT64_MAX)
            give_point(pairing, SPAN_COUNTER,
                       names_make(pairing->image->session->names, CATEGORY_COUNTERS, "", texts[i],
                                  strlen(texts[i]), 0),
                       NULL, value, 2, 0);
    }
}

static void read_record(struct pairing *pairing, const struct record *record)
{
    unsigned type = record->type;
    const struct image_call *call = image_call(pairing->image, type);
    struct totals *totals = pairing->totals;
    if (call ? call->definition.category != CATEGORY_MEMORY
             : type != EVENT_USAGE && type != EVENT_SAMPLE)
        pairing->out_tick = pairing->tick;
    if (call) {
        totals->events[call->definition.category]++;
        if (call->definition.flags & CALL_BEFORE)
            give_point(pairing, SPAN_INSTANT, call->name, call, record->payload, record->words,
                       record->stack);
        else
            give_call(pairing, call, record, 0);
        return;
    }
    switch (type) {
    case EVENT_SCOPE_BEGIN:
        totals->events[CATEGORY_SCOPES]++;
        begin_scope(pairing, record);
        break;
    case EVENT_SCOPE_END:
        totals->events[CATEGORY_SCOPES]++;
        leave(pairing, EVENT_SCOPE_BEGIN, record->value);
        break;
    case EVENT_INSTANT:
    case EVENT_COUNTER:
        totals->events[CATEGORY_SCOPES]++;
        give_point(pairing, type == EVENT_INSTANT ? SPAN_INSTANT : SPAN_COUNTER,
                   image_site(pairing->image, record->value), NULL, record->payload, record->words,
                   0);
        break;
    case EVENT_USAGE:
        totals->events[CATEGORY_COUNTERS]++;
        give_usage(pairing, record->payload, record->words);
        break;
    case EVENT_SAMPLE:
        totals->events[CATEGORY_SAMPLES]++;
        if (record->words >= 2)
            give_sample(pairing, (uint32_t)record->payload[0], record->payload[1]);
        break;
    case EVENT_SETJMP:
        if (record->words)
            jumps_remember(&pairing->jumps, record->payload[0], pairing->depth);
        break;
    case EVENT_LONGJMP:
        if (record->words)
            pop_to(pairing, jumps_find(&pairing->jumps, record->payload[0], pairing->depth));
        break;
    case EVENT_THREAD_START:
        totals->events[CATEGORY_THREADS]++;
        break;
    case EVENT_THREAD_END:
        totals->events[CATEGORY_THREADS]++;
        pairing->thread_ended = 1;
        break;
    default: /* damage */
        break;
    }
}

/* The thread was in a call when its process ended, or is: its slot says so. A record behind the
 * beginning of that call says that it was left after all, by a cancellation or a longjmp; but not
 * one of an allocation: fgets makes its buffer before it waits. */
static void give_blocked_call(struct pairing *pairing, const struct slot_header *slot, uint64_t end)
{
    const struct image_call *call =
        slot && slot->now.call && !slot->ended && slot->thread == pairing->thread
            ? image_call(pairing->image, slot->now.call - 1 + EVENT_CALL)
            : NULL;
    if (!call || slot->now.since < pairing->out_tick || slot->now.since > end)
        return;
    pairing->tick = end;
    const uint64_t known[] = {0, slot->now.first, slot->now.holder, slot->now.code};
    struct record record = {.tick = end,
                            .payload = known,
                            .words = call_has(call, FIELD_HOLDER) ? 4 : 2,
                            .duration = end - slot->now.since,
                            .stack = slot->now.stack};
    give_call(pairing, call, &record, SPAN_UNFINISHED);
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* `slot`: the one that the thread still has, or NULL. */
static void finish_thread(struct pairing *pairing, const struct slot_header *slot)
{
    int said_so = pairing->image->header.status != PROCESS_RUNNING;
    uint64_t end = pairing->tick;
    if (!pairing->in_thread)
        return;
    if (!pairing->thread_ended && slot) {
        end = later(end, pairing->end_tick);
        if (pairing->image->summary->lives == ALIVE_YES && slot->now.call)
            end = later(end, slot->now.since); /* it goes on while it is read */
        give_blocked_call(pairing, slot, end);
    }
    while (pairing->depth)
        pop(pairing, end, said_so || pairing->thread_ended ? SPAN_UNWOUND : SPAN_UNFINISHED);
    uint64_t last = nsec(pairing, end);
    if (last > pairing->totals->last_ns)
        pairing->totals->last_ns = last;
    if (pairing->visitor->thread_end)
        pairing->visitor->thread_end(pairing->visitor->data, last);
    pairing->in_thread = 0;
    recent_spans_clear(&pairing->recent);
    recent_spans_clear(&pairing->samples);
    pairing->jumps.count = 0;
}

static void start_thread(struct pairing *pairing, const struct block_header *header)
{
    const struct image_thread *known = image_thread(pairing->image, header->thread);
    struct thread_view view = {.index = header->thread,
                               .tid = known ? known->tid : pairing->image->summary->pid,
                               .name = known ? known->name : "",
                               .start_ns = nsec(pairing, header->start.tick)};
    if (pairing->totals->threads == 0 || view.start_ns < pairing->totals->first_ns)
        pairing->totals->first_ns = view.start_ns;
    pairing->thread = header->thread;
    pairing->in_thread = 1;
    pairing->thread_ended = 0;
    pairing->tick = pairing->out_tick = header->start.tick;
    pairing->totals->threads++;
    if (pairing->visitor->thread)
        pairing->visitor->thread(pairing->visitor->data, pairing->image, &view);
}

static void read_function(struct pairing *pairing, const struct record *record)
{
    uint64_t address = record->value;
    pairing->out_tick = pairing->tick;
    pairing->totals->events[CATEGORY_FUNCTIONS]++;
    if (record->kind == EVENT_KIND_ENTER)
        push(pairing, image_function(pairing->image, address, pairing->tick), address);
    else if (pairing->depth && pairing->frames[pairing->depth - 1].key == address)
        pop(pairing, pairing->tick, 0);
    else
        leave(pairing, EVENT_KIND_ENTER, address);
}

void pairing_block(struct pairing *pairing, const struct block *block)
{
    if (pairing->in_thread && pairing->thread != block->header.thread)
        finish_thread(pairing, NULL);
    if (!pairing->in_thread)
        start_thread(pairing, &block->header);
    pairing->totals->blocks++;
    pairing->totals->block_bytes += block->header.used ? block->header.used * 8 : 0;
    struct records records;
    records_enter(&records, block, pairing->totals->lost);
    for (struct record record; records_next(&records, &record);) {
        if (record.tick > pairing->tick)
            pairing->tick = record.tick;
        if (record.kind == EVENT_KIND_RECORD)
            read_record(pairing, &record);
        else
            read_function(pairing, &record);
    }
}

void pairing_end(struct pairing *pairing, const struct slot_header *slot)
{
    finish_thread(pairing, slot);
}
