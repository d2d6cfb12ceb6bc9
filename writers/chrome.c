/* Chrome's trace_event format, object form: complete events (X) with ts and dur in microseconds
 * since the session's start, instants (i), counters (C), and metadata. Events come in the order in
 * which spans end on each thread, which every consumer of the format sorts for itself.
 *
 * Native stacks are "sf", as the format has them; since hardly a viewer shows these, an event also
 * has its innermost function as the argument "caller". */
#include "writers/chrome.h"

#include "writers/json_args.h"

#include <stdio.h>
#include <stdlib.h>

void chrome_separate(struct writer *writer)
{
    struct chrome *chrome = writer->state;
    sink_string(writer->sink, chrome->comma ? ",\n" : "\n");
    chrome->comma = 1;
}

void chrome_metadata(struct writer *writer, const char *what, uint64_t tid, const char *key,
                     const char *text, uint64_t number)
{
    struct sink *sink = writer->sink;
    chrome_separate(writer);
    sink_string(sink, "{\"ph\":\"M\",\"pid\":");
    sink_number(sink, writer->image->summary->pid);
    sink_string(sink, ",\"tid\":");
    sink_number(sink, tid ? tid : writer->image->summary->pid);
    sink_string(sink, ",\"name\":\"");
    sink_string(sink, what);
    sink_string(sink, "\",\"args\":{\"");
    sink_string(sink, key);
    sink_string(sink, "\":");
    if (text)
        sink_json(sink, text, strlen(text));
    else
        sink_number(sink, number);
    sink_string(sink, "}}");
}

size_t chrome_head(char *head, uint64_t pid, uint64_t tid)
{
    char *at = PUT(head, "\"pid\":");
    at = put_number(at, pid);
    at = PUT(at, ",\"tid\":");
    at = put_number(at, tid);
    at = PUT(at, ",\"ts\":");
    return (size_t)(at - head);
}

static void begin(struct writer *writer)
{
    sink_string(writer->sink, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
}

static void image(struct writer *writer)
{
    size_t length, number = (size_t)(writer->image->summary - writer->session->images);
    const char *command = image_command(writer->image, &length);
    struct chrome *chrome = writer->state;
    char line[512];
    chrome_end_samples(writer);
    json_stacks_new_image(&chrome->stacks);
    if (length > sizeof line - 1)
        length = sizeof line - 1;
    for (size_t i = 0; i < length; i++)
        line[i] = command[i] ? command[i] : ' ';
    while (length && line[length - 1] == ' ')
        length--;
    line[length] = '\0';
    chrome_metadata(writer, "process_name", 0, "name", writer->image->name, 0);
    chrome_metadata(writer, "process_labels", 0, "labels", line, 0);
    chrome_metadata(writer, "process_sort_index", 0, "sort_index", NULL, number);
}

static void thread(struct writer *writer)
{
    struct chrome *chrome = writer->state;
    chrome_end_samples(writer);
    if (writer->thread.name[0])
        chrome_metadata(writer, "thread_name", writer->thread.tid, "name", writer->thread.name, 0);
    chrome_metadata(writer, "thread_sort_index", writer->thread.tid, "sort_index", NULL,
                    writer->thread.index);
    chrome->head_length =
        chrome_head(chrome->head, writer->image->summary->pid, writer->thread.tid);
}

/* A span that overlaps others of its thread, as a pair of asynchronous events with a track of its
 * own, found by what it is about: a lock's address. */
static void aside(struct writer *writer, const struct span *span)
{
    struct sink *sink = writer->sink;
    struct chrome *chrome = writer->state;
    char id[32], end[32];
    snprintf(id, sizeof id, "\"0x%llx\"", (unsigned long long)span_field(span, FIELD_LOCK));
    for (int ends = 0; ends < 2; ends++) {
        chrome_separate(writer);
        sink_string(sink, ends ? "{\"ph\":\"e\"," : "{\"ph\":\"b\",");
        sink_bytes(sink, chrome->head, chrome->head_length);
        sink_bytes(
            sink, end,
            (size_t)(put_microseconds(end, span->start_ns + (ends ? span->duration_ns : 0)) - end));
        sink_string(sink, ",\"name\":");
        sink_bytes(sink, span->name->json, span->name->json_length);
        sink_string(sink, ",\"cat\":\"");
        sink_string(sink, category_tags[span->name->category]);
        sink_string(sink, "\",\"id2\":{\"local\":");
        sink_string(sink, id);
        sink_string(sink, "}");
        if (!ends)
            json_args(writer, span, ",\"args\":");
        sink_string(sink, "}");
    }
}

/* {"ph":"X",HEAD TS,"dur":D,"name":N,"cat":C — without the closing brace */
static void open_event(struct writer *writer, const struct span *span)
{
    static const char kinds[][12] = {"{\"ph\":\"X\",", "{\"ph\":\"i\",", "{\"ph\":\"C\","};
    struct chrome *chrome = writer->state;
    char *at = sink_room(writer->sink, SINK_ROOM);
    at = put_bytes(at, chrome->comma ? ",\n" : "\n", chrome->comma ? 2 : 1);
    chrome->comma = 1;
    at = put_bytes(at, kinds[span->kind], 10);
    at = put_bytes(at, chrome->head, chrome->head_length);
    at = put_microseconds(at, span->start_ns);
    if (span->kind == SPAN_COMPLETE) {
        at = PUT(at, ",\"dur\":");
        at = put_microseconds(at, span->duration_ns);
    }
    at = PUT(at, ",\"name\":");
    at = put_bytes(at, span->name->json, span->name->json_length);
    at = PUT(at, ",\"cat\":\"");
    at = put_bytes(at, category_tags[span->name->category],
                   strlen(category_tags[span->name->category]));
    *at++ = '"';
    if (span->kind == SPAN_INSTANT)
        at = PUT(at, ",\"s\":\"t\"");
    sink_wrote(writer->sink, at);
}

/* ,"sf":"KEY" */
static void stack(struct writer *writer, const struct span *span)
{
    uint32_t key = span->native ? chrome_stack(writer, span->native, span->tick) : 0;
    if (key == 0)
        return;
    sink_string(writer->sink, ",\"sf\":\"");
    sink_number(writer->sink, key);
    sink_string(writer->sink, "\"");
}

static void span(struct writer *writer, const struct span *span)
{
    struct chrome *chrome = writer->state;
    size_t length;
    const char *source;
    if (span->kind == SPAN_SAMPLE) {
        chrome_sample(writer, span);
        return;
    }
    if (span->flags & SPAN_ASIDE) {
        aside(writer, span);
        return;
    }
    open_event(writer, span);
    stack(writer, span);
    if (span->words || span->native || span->flags & (SPAN_UNFINISHED | SPAN_UNWOUND)) {
        json_args_and_caller(writer, span, ",\"args\":", &chrome->stacks);
    } else if ((source = names_source_json(writer->session->names, span->name, &length))) {
        char *at = sink_room(writer->sink, SINK_ROOM);
        at = PUT(at, ",\"args\":{\"location\":");
        at = put_bytes(at, source, length);
        at = PUT(at, "}");
        sink_wrote(writer->sink, at);
    }
    sink_bytes(writer->sink, "}", 1);
}

static void end(struct writer *writer, const struct totals *totals)
{
    struct sink *sink = writer->sink;
    static const char *const keys[] = {"host", "kernel", "machine", "directory", "traceparent"};
    chrome_end_samples(writer);
    sink_string(sink, "\n]");
    chrome_put_frames(writer);
    sink_string(sink, ",\"metadata\":{\"tracer\":\"vitte-trace " VT_VERSION "\",\"events_lost\":");
    sink_number(sink, totals_lost(totals));
    sink_string(sink, ",\"start_realtime_ns\":\"");
    sink_number(sink, session_number(writer->session, "start_realtime_ns"));
    sink_string(sink, "\"");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *text = session_text(writer->session, keys[i]);
        sink_string(sink, ",\"");
        sink_string(sink, keys[i]);
        sink_string(sink, "\":");
        sink_json(sink, text, strlen(text));
    }
    sink_string(sink, ",\"not_covered\":");
    json_coverage(writer);
    sink_string(sink, "}}\n");
}

static void release(struct writer *writer)
{
    struct chrome *chrome = writer->state;
    json_stacks_free(&chrome->stacks);
    free(chrome->frames.list);
    numbering_free(&chrome->frames.texts);
    numbering_free(&chrome->frames.numbers);
}

const struct writer_format format_chrome = {
    .name = "chrome",
    .suffix = ".json",
    .help = "Chrome trace_event: Perfetto, speedscope, Firefox Profiler, DevTools",
    .state_size = sizeof(struct chrome),
    .counters = 1,
    .begin = begin,
    .image = image,
    .thread = thread,
    .span = span,
    .end = end,
    .release = release};
