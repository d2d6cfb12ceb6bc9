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
    struct file_sum **files; /* dense */
    size_t file_count;
    uint32_t *file_table; /* open addressing: index + 1 */
    size_t file_table_size;
    struct memory_sum *memory;
    size_t memory_count;
    int has_samples, has_functions;
};

struct aggregate *aggregate_new(void)
{
    return need(calloc(1, sizeof(struct aggregate)));
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
    for (size_t i = 0; i < aggregate->file_count; i++) {
        free(aggregate->files[i]->path);
        free(aggregate->files[i]);
    }
    free(aggregate->functions);
    free(aggregate->by_name);
    free(aggregate->threads);
    free(aggregate->files);
    free(aggregate->file_table);
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

static size_t file_slot(const struct aggregate *aggregate, const char *path, size_t length,
                        uint32_t pid)
{
    uint64_t hash = pid;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)path[i]) * UINT64_C(1099511628211);
    size_t at = (size_t)(hash ^ hash >> 31) & (aggregate->file_table_size - 1);
    for (uint32_t found; (found = aggregate->file_table[at]);
         at = (at + 1) & (aggregate->file_table_size - 1)) {
        const struct file_sum *file = aggregate->files[found - 1];
        if (file->pid == pid && strncmp(file->path, path, length) == 0 && !file->path[length])
            break;
    }
    return at;
}

static struct file_sum *file_of(struct aggregate *aggregate, const char *path, size_t length,
                                uint32_t pid)
{
    if (aggregate->file_count * 2 >= aggregate->file_table_size) {
        aggregate->file_table_size =
            aggregate->file_table_size ? 2 * aggregate->file_table_size : 256;
        free(aggregate->file_table);
        aggregate->file_table =
            need(calloc(aggregate->file_table_size, sizeof *aggregate->file_table));
        for (size_t i = 0; i < aggregate->file_count; i++) {
            const struct file_sum *file = aggregate->files[i];
            aggregate->file_table[file_slot(aggregate, file->path, strlen(file->path), file->pid)] =
                (uint32_t)i + 1;
        }
    }
    size_t at = file_slot(aggregate, path, length, pid);
    if (!aggregate->file_table[at]) {
        struct file_sum *file = need(calloc(1, sizeof *file));
        file->path = need(strndup(path, length));
        file->pid = pid;
        aggregate->files =
            grow_array(aggregate->files, aggregate->file_count, sizeof *aggregate->files);
        aggregate->files[aggregate->file_count++] = file;
        aggregate->file_table[at] = (uint32_t)aggregate->file_count;
    }
    return aggregate->files[aggregate->file_table[at] - 1];
}

/* Of the calls that move bytes, those that go to the kernel each time: stdio's gather. */
static int is_unbuffered(const char *call)
{
    static const char *const names[] = {"read", "write", "pread", "pwrite", "send", "recv"};
    call += strncmp(call, "__", 2) == 0 ? 2 : 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(call, names[i], strlen(names[i])) == 0)
            return 1;
    return 0;
}

/* A seek to the start, or a read there that says its place. */
static int goes_to_start(const struct span *span, int64_t result)
{
    const struct definition_call *call = &span->call->definition;
    if (strncmp(span->name->text, "lseek", strlen("lseek")) == 0)
        return result == 0;
    return call->result == RESULT_BYTES && !(call->flags & CALL_SENDS) && result > 0 &&
           call_has(span->call, FIELD_OFFSET) && span_field(span, FIELD_OFFSET) == 0;
}

static int is_sync(const char *call)
{
    static const char *const names[] = {"fsync", "fdatasync", "sync_file_range", "syncfs"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(call, names[i]) == 0)
            return 1;
    return 0;
}

static void add_io(struct aggregate *aggregate, const struct span *span)
{
    char number[96];
    size_t length;
    uint64_t fd = span_field(span, FIELD_FD);
    uint32_t id = (uint32_t)span_field(span, FIELD_PATH);
    int64_t result = span_result(span);
    const char *path = image_text(aggregate->image, id ? id : (uint32_t)(fd >> 32), &length);
    uint32_t pid = 0;
    length = strnlen(path, length); /* only a damaged file has a path with a NUL in it */
    if (length == 0) {
        pid = aggregate->image->summary->pid;
        length = (size_t)snprintf(number, sizeof number, "fd %d of %u %.60s", (int)(uint32_t)fd,
                                  pid, aggregate->image->name);
        path = number;
    }
    struct file_sum *file = file_of(aggregate, path, length, pid);
    file->rereads += file->read_bytes && goes_to_start(span, result);
    file->calls++;
    file->failed += result < 0;
    file->total_ns += span->duration_ns;
    if (span->duration_ns > file->slowest_ns)
        file->slowest_ns = span->duration_ns;
    if (span->call->definition.result == RESULT_BYTES && result > 0) {
        *(span->call->definition.flags & CALL_SENDS ? &file->written_bytes : &file->read_bytes) +=
            (uint64_t)result;
        file->small += result < FILE_SMALL && is_unbuffered(span->name->text);
    }
    file->opens += span->call->definition.result == RESULT_FD && result >= 0;
    if (is_sync(span->name->text)) {
        file->syncs++;
        file->sync_ns += span->duration_ns;
    }
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
        add_io(aggregate, span);
}

static void on_image(void *data, struct image *image)
{
    struct aggregate *aggregate = data;
    aggregate->image = image;
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

struct file_sum **aggregate_files(struct aggregate *aggregate, size_t *count)
{
    *count = aggregate->file_count;
    return aggregate->files;
}

struct memory_sum *aggregate_memory(struct aggregate *aggregate, size_t *count)
{
    *count = aggregate->memory_count;
    return aggregate->memory;
}
