/* Samples of CPU time. The format has sample events, but Perfetto drops them and speedscope, when
 * it meets some, shows nothing else. So each thread that was sampled gets a second track, with
 * complete events for the functions that were on the stack in samples that followed each other.
 * What a viewer shows there as time is what the samples stand for, give or take one of them. */
#include "writers/chrome.h"

#include <stdio.h>

enum { TRACK_OFFSET = 100000000 }; /* of the track's tid: no thread has such a number */

static void put_open(struct writer *writer)
{
    struct sink *sink = writer->sink;
    struct chrome_samples *samples = &((struct chrome *)writer->state)->samples;
    const struct chrome_sampled *sampled = &samples->open[--samples->depth];
    char number[32];
    chrome_separate(writer);
    sink_string(sink, "{\"ph\":\"X\",");
    sink_bytes(sink, samples->head, samples->head_length);
    sink_bytes(sink, number, (size_t)(put_microseconds(number, sampled->start_ns) - number));
    sink_string(sink, ",\"dur\":");
    sink_bytes(sink, number,
               (size_t)(put_microseconds(number, samples->end_ns - sampled->start_ns) - number));
    sink_string(sink, ",\"name\":");
    sink_string(sink, sampled->function);
    sink_string(sink, ",\"cat\":\"sample\"}");
}

void chrome_end_samples(struct writer *writer)
{
    struct chrome_samples *samples = &((struct chrome *)writer->state)->samples;
    while (samples->depth)
        put_open(writer);
    samples->head_length = 0;
}

static void begin_track(struct writer *writer)
{
    struct chrome_samples *samples = &((struct chrome *)writer->state)->samples;
    uint64_t tid = TRACK_OFFSET + (uint64_t)writer->thread.tid;
    const char *name = writer->thread.name[0] ? writer->thread.name : writer->image->name;
    char title[300];
    snprintf(title, sizeof title, "%s: CPU samples", name);
    chrome_metadata(writer, "thread_name", tid, "name", title, 0);
    chrome_metadata(writer, "thread_sort_index", tid, "sort_index", NULL, writer->thread.index);
    samples->head_length = chrome_head(samples->head, writer->image->summary->pid, tid);
    samples->end_ns = 0;
}

/* The functions of a stack, innermost first; of very deep ones the innermost are left out. Returns
 * how many; the first is at `*from` in the ring. */
static unsigned functions_of(struct writer *writer, const struct span *span, const char **ring,
                             unsigned *from)
{
    struct json_stacks *stacks = &((struct chrome *)writer->state)->stacks;
    const struct frame_text *texts;
    const struct stack_entry *entry;
    unsigned count = 0, left = STACK_FRAMES_MOST;
    for (uint32_t id = span->native;
         left-- && (entry = json_stacks_entry(stacks, writer->image, id, span->tick, &texts));
         id = entry->caller)
        for (uint32_t i = 0; i < entry->count; i++)
            ring[count++ % CHROME_SAMPLED] = texts[i].function;
    if (count == 0)
        ring[count++] = span->name->json;
    *from = count > CHROME_SAMPLED ? count % CHROME_SAMPLED : 0;
    return count < CHROME_SAMPLED ? count : CHROME_SAMPLED;
}

/* A sample stands for the CPU time before it. Two follow each other when the thread did little but
 * compute between them: then what both have in common goes on. */
void chrome_sample(struct writer *writer, const struct span *span)
{
    const char *ring[CHROME_SAMPLED];
    struct chrome_samples *samples = &((struct chrome *)writer->state)->samples;
    uint64_t end = span->start_ns, cpu = span->duration_ns, start = end > cpu ? end - cpu : 0;
    unsigned from, same = 0, count = functions_of(writer, span, ring, &from);
    if (samples->head_length == 0)
        begin_track(writer);
    if (start <= samples->end_ns + cpu)
        while (same < count && same < samples->depth &&
               strcmp(samples->open[same].function,
                      ring[(from + count - 1 - same) % CHROME_SAMPLED]) == 0)
            same++;
    while (samples->depth > same)
        put_open(writer);
    if (same || start < samples->end_ns)
        start = samples->end_ns;
    for (; samples->depth < count; samples->depth++)
        samples->open[samples->depth] = (struct chrome_sampled){
            ring[(from + count - 1 - samples->depth) % CHROME_SAMPLED], start};
    samples->end_ns = end > start ? end : start;
}
