/* See weights.h. */
#include "collector/weights.h"

#include "collector/show.h"

#include <string.h>

/* A span that took time of its thread's own. */
static int is_timed(const struct span *span)
{
    return span->kind == SPAN_COMPLETE && !(span->flags & SPAN_ASIDE);
}

static uint64_t self_time(const struct image *image, const struct span *span)
{
    (void)image;
    return is_timed(span) ? span->self_ns : 0;
}

static uint64_t sampled(const struct image *image, const struct span *span)
{
    (void)image;
    return span->kind == SPAN_SAMPLE ? span->duration_ns : 0;
}

static uint64_t wall(const struct image *image, const struct span *span)
{
    if (image->header.instrumented)
        return self_time(image, span);
    switch (span_category(span)) {
    case CATEGORY_IO:
    case CATEGORY_WAITS:
    case CATEGORY_LOCKS:
        return self_time(image, span) ? span->self_ns - span->sampled_ns : 0;
    default:
        return sampled(image, span);
    }
}

static uint64_t calls(const struct image *image, const struct span *span)
{
    (void)image;
    return is_timed(span) || (span->kind == SPAN_INSTANT && span->call &&
                              allocator_role_of(span->call) != ALLOCATOR_MOVES);
}

static uint64_t allocated(const struct image *image, const struct span *span)
{
    return heap_weigh(image, allocator_gave(span)).bytes;
}

static uint64_t io_bytes(const struct image *image, const struct span *span)
{
    (void)image;
    int64_t result = span->name->category == CATEGORY_IO ? span_result(span) : 0;
    return span->call && span->call->definition.result == RESULT_BYTES && result > 0
               ? (uint64_t)result
               : 0;
}

static uint64_t lock_wait(const struct image *image, const struct span *span)
{
    (void)image;
    return is_timed(span) && span->name->category == CATEGORY_LOCKS ? span->duration_ns : 0;
}

const struct weight weights[] = {
    {"self", UNIT_NSEC, FRAMES_SPANS, "self time",
     "time in functions, scopes and calls themselves; the default for instrumented programs",
     self_time, BLOCKS_ALL, 0},
    {"samples", UNIT_NSEC, FRAMES_NATIVE, "CPU time",
     "CPU time by samples; the default when no function is instrumented", sampled, BLOCKS_ALL, 0},
    {"wall", UNIT_NSEC, FRAMES_NATIVE, "time",
     "self time, or CPU time and what I/O and waits took; adds up to the life of threads", wall,
     BLOCKS_ALL, 1},
    {"calls", UNIT_COUNT, FRAMES_SPANS, "calls", "how often something was called", calls,
     BLOCKS_ALL, 0},
    {"allocated", UNIT_BYTES, FRAMES_NATIVE, "bytes allocated", "bytes asked for", allocated,
     BLOCKS_ALL, 0},
    {"leaked", UNIT_BYTES, FRAMES_NATIVE, "bytes never freed", "bytes that were never freed", NULL,
     BLOCKS_AT_END, 0},
    {"peak", UNIT_BYTES, FRAMES_NATIVE, "bytes live at the peak",
     "bytes live when the heap of their process was largest", NULL, BLOCKS_AT_PEAK, 0},
    {"temporary", UNIT_COUNT, FRAMES_NATIVE, "temporary allocations",
     "allocations that were freed before the thread made its next one", NULL, BLOCKS_TEMPORARY, 0},
    {"io-bytes", UNIT_BYTES, FRAMES_NATIVE, "bytes read and written",
     "bytes that were read, written, sent and received", io_bytes, BLOCKS_ALL, 0},
    {"lock-wait", UNIT_NSEC, FRAMES_NATIVE, "time waited for locks", "time waited for locks",
     lock_wait, BLOCKS_ALL, 0},
    {.name = NULL}};

const char *const weight_units[] = {
    [UNIT_NSEC] = "ns", [UNIT_BYTES] = "bytes", [UNIT_COUNT] = "count"};

const struct weight *weight_named(const char *name)
{
    for (const struct weight *weight = weights; weight->name; weight++)
        if (strcmp(weight->name, name) == 0)
            return weight;
    return NULL;
}

const char *weight_show(char *buffer, const struct weight *weight, uint64_t value)
{
    switch (weight->unit) {
    case UNIT_NSEC:
        return show_time(buffer, value);
    case UNIT_BYTES:
        return show_bytes(buffer, value);
    case UNIT_COUNT:
        break;
    }
    return show_count(buffer, value);
}
