/* See aggregate.h. */
#include "collector/aggregate.h"

#include "collector/heap.h"
#include "collector/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct aggregate {
    struct image *image;
    struct function_sum **functions; /* dense */
    size_t function_count;
    struct function_sum **by_name; /* by name number, NULL: not seen */
    size_t by_name_room;
    struct thread_sum *threads;
    size_t thread_count;
    struct file_sums *files;
    struct memory_sum *memory;
    size_t memory_count;
    int has_samples, has_functions;
};

struct aggregate *aggregate_new(void)
{
    struct aggregate *aggregate = need(calloc(1, sizeof *aggregate));
    aggregate->files = file_sums_new();
    return aggregate;
}

void aggregate_free(struct aggregate *aggregate)
{
    if (!aggregate)
        return;
    for (size_t i = 0; i < aggregate->function_count; i++) {
        for (size_t k = 0; k < 62; k++)
            free(aggregate->functions[i]->classes[k]);
        free(aggregate->functions[i]);
    }
    free(aggregate->functions);
    free(aggregate->by_name);
    free(aggregate->threads);
    file_sums_free(aggregate->files);
    free(aggregate->memory);
    free(aggregate);
}

static struct function_sum *function_of(struct aggregate *aggregate, const struct name *name)
{
    if (name->number >= aggregate->by_name_room) {
        size_t room = 2 * (size_t)name->number + 64, before = aggregate->by_name_room;
        aggregate->by_name = need(realloc(aggregate->by_name, room * sizeof *aggregate->by_name));
        memset(aggregate->by_name + before, 0, (room - before) * sizeof *aggregate->by_name);
        aggregate->by_name_room = room;
    }
    struct function_sum **sum = &aggregate->by_name[name->number];
    if (!*sum) {
        *sum = need(calloc(1, sizeof **sum));
        (*sum)->name = name;
        (*sum)->min_ns = UINT64_MAX;
        aggregate->functions = grow_array(aggregate->functions, aggregate->function_count,
                                          sizeof *aggregate->functions);
        aggregate->functions[aggregate->function_count++] = *sum;
    }
    return *sum;
}

/* Class of a duration: its power of two, and an eighth of it. */
static void classify(uint64_t ns, unsigned *power, unsigned *step)
{
    uint64_t value = ns < HISTOGRAM_STEPS ? HISTOGRAM_STEPS : ns;
    unsigned bits = 63 - (unsigned)__builtin_clzll(value);
    *power = bits - 2 < 62 ? bits - 2 : 61;
    *step = (unsigned)(value >> (bits - 3)) & (HISTOGRAM_STEPS - 1);
    if (ns < HISTOGRAM_STEPS)
        *power = 0, *step = (unsigned)ns;
}

uint64_t function_quantile(const struct function_sum *sum, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)sum->calls), seen = 0;
    if (wanted >= sum->calls)
        wanted = sum->calls ? sum->calls - 1 : 0;
    for (unsigned power = 0; power < 62; power++)
        for (unsigned step = 0; sum->classes[power] && step < HISTOGRAM_STEPS; step++) {
            seen += sum->classes[power][step];
            if (seen <= wanted)
                continue;
            uint64_t upper = power == 0 ? step : ((UINT64_C(8) + step + 1) << (power + 2 - 3)) - 1;
            return upper > sum->max_ns ? sum->max_ns : upper < sum->min_ns ? sum->min_ns : upper;
        }
    return sum->max_ns;
}

static void add_function(struct aggregate *aggregate, const struct span *span)
{
    struct function_sum *sum = function_of(aggregate, span->name);
    unsigned power, step;
    classify(span->duration_ns, &power, &step);
    if (!sum->classes[power])
        sum->classes[power] = need(calloc(HISTOGRAM_STEPS, sizeof *sum->classes[power]));
    sum->classes[power][step]++;
    sum->calls++;
    sum->self_ns += span->self_ns;
    sum->sum_ns += span->duration_ns;
    if (!(span->flags & SPAN_RECURSIVE))
        sum->total_ns += span->duration_ns;
    if (span->duration_ns < sum->min_ns)
        sum->min_ns = span->duration_ns;
    if (span->duration_ns > sum->max_ns)
        sum->max_ns = span->duration_ns;
}

static void add_memory(struct aggregate *aggregate, const struct span *span)
{
    struct memory_sum *memory = &aggregate->memory[aggregate->memory_count - 1];
    struct thread_sum *thread = &aggregate->threads[aggregate->thread_count - 1];
    if (span->kind == SPAN_INSTANT) {
        memory->frees++; /* realloc_begins too: it releases the old block */
        return;
    }
    uint64_t size = span_field(span, FIELD_BYTES);
    if (span_result(span) == 0) {
        memory->failed += size != 0;
        return;
    }
    struct heap_weight weight = heap_weigh(aggregate->image, size);
    memory->allocations += weight.count;
    memory->allocated += weight.bytes;
    thread->allocations += weight.count;
    thread->allocated += weight.bytes;
}

static void on_span(void *data, const struct span *span)
{
    struct aggregate *aggregate = data;
    if (!aggregate->thread_count)
        return;
    struct thread_sum *thread = &aggregate->threads[aggregate->thread_count - 1];
    uint64_t end = span->start_ns + (span->kind == SPAN_COMPLETE ? span->duration_ns : 0);
    if (end > thread->last_ns)
        thread->last_ns = end;
    if (span->name->category == CATEGORY_MEMORY)
        add_memory(aggregate, span);
    if (span->kind == SPAN_SAMPLE) {
        thread->cpu_ns += span->duration_ns;
        function_of(aggregate, span->name)->cpu_ns += span->duration_ns;
        aggregate->has_samples = 1;
    }
    if (span->kind != SPAN_COMPLETE)
        return;
    if (span->flags & SPAN_ASIDE)
        return;
    thread->spans++;
    add_function(aggregate, span);
    if (span->call && span_result(span) < 0)
        function_of(aggregate, span->name)->failed++;
    if (span->name->waits)
        thread->wait_ns += span->self_ns;
    else if (span->name->category == CATEGORY_IO)
        thread->io_ns += span->self_ns;
    else if (span->name->category == CATEGORY_FUNCTIONS)
        thread->function_ns += span->self_ns, aggregate->has_functions = 1;
    if (span->name->category == CATEGORY_IO && span->call)
        file_sums_add(aggregate->files, span);
}

static void on_left_out(void *data, const struct span *span)
{
    struct aggregate *aggregate = data;
    if (span->kind == SPAN_COMPLETE && span->name->category == CATEGORY_IO && span->call)
        file_sums_follow(aggregate->files, span);
}

static void on_image(void *data, struct image *image)
{
    struct aggregate *aggregate = data;
    aggregate->image = image;
    file_sums_image(aggregate->files, image);
    aggregate->memory =
        grow_array(aggregate->memory, aggregate->memory_count, sizeof *aggregate->memory);
    struct memory_sum *memory = &aggregate->memory[aggregate->memory_count++];
    *memory = (struct memory_sum){.pid = image->summary->pid, .image = image->summary->image};
    snprintf(memory->process, sizeof memory->process, "%s", image->name);
}

static void on_thread(void *data, struct image *image, const struct thread_view *view)
{
    struct aggregate *aggregate = data;
    aggregate->threads =
        grow_array(aggregate->threads, aggregate->thread_count, sizeof *aggregate->threads);
    struct thread_sum *thread = &aggregate->threads[aggregate->thread_count++];
    *thread = (struct thread_sum){.pid = image->summary->pid,
                                  .tid = view->tid,
                                  .first_ns = view->start_ns,
                                  .last_ns = view->start_ns};
    snprintf(thread->process, sizeof thread->process, "%s", image->name);
    snprintf(thread->name, sizeof thread->name, "%s", view->name);
}

static void on_thread_end(void *data, uint64_t end_ns)
{
    struct aggregate *aggregate = data;
    struct thread_sum *thread = &aggregate->threads[aggregate->thread_count - 1];
    thread->last_ns = end_ns > thread->last_ns ? end_ns : thread->last_ns;
}

struct visitor aggregate_visitor(struct aggregate *aggregate)
{
    return (struct visitor){.image = on_image,
                            .thread = on_thread,
                            .span = on_span,
                            .left_out = on_left_out,
                            .thread_end = on_thread_end,
                            .data = aggregate};
}

int aggregate_is_sampled(const struct aggregate *aggregate)
{
    return aggregate->has_samples && !aggregate->has_functions;
}

struct function_sum **aggregate_functions(struct aggregate *aggregate, size_t *count)
{
    *count = aggregate->function_count;
    return aggregate->functions;
}

struct thread_sum *aggregate_threads(struct aggregate *aggregate, size_t *count)
{
    *count = aggregate->thread_count;
    return aggregate->threads;
}

struct file_sum *aggregate_files(struct aggregate *aggregate, size_t *count)
{
    return file_sums_all(aggregate->files, count);
}

struct memory_sum *aggregate_memory(struct aggregate *aggregate, size_t *count)
{
    *count = aggregate->memory_count;
    return aggregate->memory;
}
