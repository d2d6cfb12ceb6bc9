/* The report of the Vitte profiler, field by field, as one JSON object: a ProfileReport, and behind
 * its own fields the ProfileSamples that it sums up. Enumerations are written by name.
 * docs/FORMAT.md says how each field comes about. */
#include "collector/profile.h"
#include "writers/writer.h"

#include <stdlib.h>

enum {
    SLOW_NS = 1000000000, /* limits of the profiler's: a warning is for what is above */
    MANY_ALLOCATIONS = 100000,
    DEEP_RECURSION = 64,
};

struct vitte_profile {
    struct profile *profile;
};

static void begin(struct writer *writer)
{
    struct vitte_profile *state = writer->state;
    state->profile = profile_new(writer->session->names);
}

static void image(struct writer *writer)
{
    profile_image(((struct vitte_profile *)writer->state)->profile, writer->image);
}

static void thread(struct writer *writer)
{
    profile_thread(((struct vitte_profile *)writer->state)->profile, &writer->thread);
}

static void span(struct writer *writer, const struct span *span)
{
    profile_span(((struct vitte_profile *)writer->state)->profile, span);
}

/* ---- fields: each ends with a comma, `valid` ends an object ---- */

static void text(struct sink *sink, const char *key, const char *value)
{
    sink_string(sink, "\"");
    sink_string(sink, key);
    sink_string(sink, "\":");
    sink_json(sink, value, strlen(value));
    sink_string(sink, ",");
}

static void number(struct sink *sink, const char *key, uint64_t value)
{
    sink_string(sink, "\"");
    sink_string(sink, key);
    sink_string(sink, "\":");
    sink_number(sink, value);
    sink_string(sink, ",");
}

static void valid(struct sink *sink, int is_valid)
{
    sink_string(sink, is_valid ? "\"valid\":true}" : "\"valid\":false}");
}

/* ---- the objects ---- */

static void put_sample(struct writer *writer, const struct profile_sum *sum,
                       const struct profile_thread *thread)
{
    static const char *const kinds[] = {
        [PROFILE_CPU] = "Cpu", [PROFILE_MEMORY] = "Memory", [PROFILE_ALLOCATION] = "Allocation",
        [PROFILE_IO] = "Io",   [PROFILE_LOCK] = "Lock",     [PROFILE_WAIT] = "Wait",
    };
    struct sink *sink = writer->sink;
    const struct source_frame *source = names_source(writer->session->names, sum->name);
    sink_string(sink, "{");
    text(sink, "function_name", sum->name->text);
    text(sink, "module_name", sum->name->module);
    text(sink, "thread_name", thread->name);
    text(sink, "kind", kinds[sum->kind]);
    number(sink, "inclusive_ns", sum->inclusive_ns);
    number(sink, "exclusive_ns", sum->exclusive_ns);
    number(sink, "allocations", sum->allocations);
    number(sink, "allocation_bytes", sum->allocation_bytes);
    number(sink, "call_count", sum->calls);
    number(sink, "recursion_depth", sum->recursion_depth);
    sink_string(sink, sum->hot_path ? "\"hot_path\":true," : "\"hot_path\":false,");
    sink_string(sink, "\"location\":{");
    text(sink, "file", source ? source->file : "");
    number(sink, "line", source ? source->line : 0);
    number(sink, "column", source ? source->column : 0);
    valid(sink, source != NULL);
    sink_string(sink, ",");
    valid(sink, 1);
}

enum warning { WARNING_SLOW, WARNING_ALLOCATIONS, WARNING_RECURSION, WARNINGS };

static int deserves(const struct profile_sum *sum, enum warning warning)
{
    switch (warning) {
    case WARNING_SLOW:
        return sum->hot_path && sum->inclusive_ns > SLOW_NS;
    case WARNING_ALLOCATIONS:
        return sum->allocations > MANY_ALLOCATIONS;
    case WARNING_RECURSION:
        return sum->recursion_depth > DEEP_RECURSION;
    case WARNINGS:
        break;
    }
    return 0;
}

/* One for each function, however many threads it is in. */
static int was_warned_of(const struct profile_sum *sums, size_t number, enum warning warning)
{
    for (size_t i = 0; i < number; i++)
        if (deserves(&sums[i], warning) && strcmp(sums[i].name->text, sums[number].name->text) == 0)
            return 1;
    return 0;
}

static void put_warnings(struct sink *sink, const struct profile_sum *sums, size_t count)
{
    static const char *const messages[WARNINGS] = {
        [WARNING_SLOW] = "slow hot path detected",
        [WARNING_ALLOCATIONS] = "high allocation pressure",
        [WARNING_RECURSION] = "deep recursion detected",
    };
    int more = 0;
    for (enum warning warning = 0; warning < WARNINGS; warning++)
        for (size_t i = 0; i < count; i++) {
            if (!deserves(&sums[i], warning) || was_warned_of(sums, i, warning))
                continue;
            sink_string(sink, more++ ? ",\n{" : "\n{");
            text(sink, "severity", "Warning");
            text(sink, "message", messages[warning]);
            text(sink, "function_name", sums[i].name->text);
            valid(sink, 1);
        }
}

static void put_threads(struct sink *sink, const struct profile_thread *threads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sink_string(sink, i ? ",\n{" : "\n{");
        text(sink, "name", threads[i].name);
        number(sink, "sample_count", threads[i].sums);
        number(sink, "total_ns", threads[i].end_ns - threads[i].start_ns);
        valid(sink, 1);
    }
}

/* The function with most time of its own in all threads together. */
static const char *hottest(const struct profile_sum *sums, size_t count, struct names *names)
{
    uint64_t *own = calloc(names_count(names) + 1, sizeof *own), most = 0;
    const char *function = "";
    for (size_t i = 0; own && i < count; i++) {
        if (sums[i].kind != PROFILE_CPU)
            continue;
        uint64_t sum = own[sums[i].name->number] += sums[i].exclusive_ns;
        if (sum > most)
            most = sum, function = sums[i].name->text;
    }
    free(own);
    return function;
}

static void end(struct writer *writer, const struct totals *totals)
{
    struct sink *sink = writer->sink;
    struct profile *profile = ((struct vitte_profile *)writer->state)->profile;
    size_t count, thread_count;
    uint64_t total = 0, own = 0, allocations = 0, bytes = 0;
    profile_finish(profile);
    const struct profile_sum *sums = profile_sums(profile, &count);
    const struct profile_thread *threads = profile_threads(profile, &thread_count);
    for (size_t i = 0; i < thread_count; i++)
        total += threads[i].end_ns - threads[i].start_ns;
    for (size_t i = 0; i < count; i++) {
        own += sums[i].exclusive_ns;
        allocations += sums[i].allocations;
        bytes += sums[i].allocation_bytes;
    }
    sink_string(sink, "{");
    text(sink, "target", profile_target(profile));
    text(sink, "format", "Json");
    number(sink, "sample_count", count);
    number(sink, "thread_count", thread_count);
    number(sink, "total_ns", total);
    number(sink, "total_exclusive_ns", own);
    number(sink, "allocation_count", allocations);
    number(sink, "allocation_bytes", bytes);
    text(sink, "hottest_function", hottest(sums, count, writer->session->names));
    sink_string(sink, "\"warnings\":[");
    put_warnings(sink, sums, count);
    sink_string(sink, "],\"threads\":[");
    put_threads(sink, threads, thread_count);
    sink_string(sink, "],\"samples\":[");
    for (size_t i = 0; i < count; i++) {
        sink_string(sink, i ? ",\n" : "\n");
        put_sample(writer, &sums[i], &threads[sums[i].thread]);
    }
    sink_string(sink, "],");
    valid(sink, totals_lost(totals) == 0);
    sink_string(sink, "\n");
}

static void release(struct writer *writer)
{
    profile_free(((struct vitte_profile *)writer->state)->profile);
}

const struct writer_format format_vitte_profile = {.name = "vitte-profile",
                                                   .suffix = ".vprof.json",
                                                   .help = "the Vitte profiler's report",
                                                   .state_size = sizeof(struct vitte_profile),
                                                   .begin = begin,
                                                   .image = image,
                                                   .thread = thread,
                                                   .span = span,
                                                   .end = end,
                                                   .release = release};
