/* The JSON event stream: one object a line, its schema in docs/FORMAT.md. Lines of a thread come in
 * the order in which its spans end; times are nanoseconds since the session's start. */
#include "writers/json_args.h"

static void field_string(struct sink *sink, const char *key, const char *text, size_t length)
{
    sink_string(sink, ",\"");
    sink_string(sink, key);
    sink_string(sink, "\":");
    sink_json(sink, text, length);
}

static void field_number(struct sink *sink, const char *key, uint64_t number)
{
    sink_string(sink, ",\"");
    sink_string(sink, key);
    sink_string(sink, "\":");
    sink_number(sink, number);
}

struct ndjson {
    struct json_stacks stacks;
    uint32_t stack_count; /* written so far: their numbers are 1, 2, 3 … */
    const char *module;   /* the last one that was written, */
    const char *quoted;   /* and its JSON string */
};

static void begin(struct writer *writer)
{
    struct sink *sink = writer->sink;
    static const char *const keys[] = {"host", "kernel", "machine", "directory", "traceparent"};
    sink_string(sink, "{\"type\":\"session\",\"version\":1");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *text = session_text(writer->session, keys[i]);
        field_string(sink, keys[i], text, strlen(text));
    }
    field_number(sink, "start_realtime_ns", session_number(writer->session, "start_realtime_ns"));
    sink_string(sink, "}\n");
}

static void image(struct writer *writer)
{
    struct sink *sink = writer->sink;
    const struct live_header *header = &writer->image->header;
    size_t length, hint = 0;
    const char *command = image_command(writer->image, &length);
    struct ndjson *ndjson = writer->state;
    json_stacks_new_image(&ndjson->stacks);
    sink_string(sink, "{\"type\":\"process\"");
    field_number(sink, "pid", header->pid);
    field_number(sink, "ppid", header->ppid);
    field_string(sink, "name", writer->image->name, strlen(writer->image->name));
    field_number(sink, "start", clock_map_nsec(&writer->session->clock, header->start.tick, &hint));
    sink_string(sink, ",\"command\":[");
    for (size_t at = 0; at < length;) {
        size_t part = strnlen(command + at, length - at);
        sink_string(sink, at ? "," : "");
        sink_json(sink, command + at, part);
        at += part + 1;
    }
    sink_string(sink, "]}\n");
}

static void thread(struct writer *writer)
{
    struct sink *sink = writer->sink;
    sink_string(sink, "{\"type\":\"thread\"");
    field_number(sink, "pid", writer->image->summary->pid);
    field_number(sink, "tid", writer->thread.tid);
    field_number(sink, "index", writer->thread.index);
    field_string(sink, "name", writer->thread.name, strlen(writer->thread.name));
    sink_string(sink, "}\n");
}

/* Most spans are in the module of the one before. */
static void put_module(struct writer *writer, const char *module)
{
    struct ndjson *ndjson = writer->state;
    if (module != ndjson->module) {
        ndjson->quoted = json_stacks_keep(&ndjson->stacks, module);
        ndjson->module = module;
    }
    sink_string(writer->sink, ",\"module\":");
    sink_string(writer->sink, ndjson->quoted);
}

/* The number of the span's stack, or 0; before its first use a line says what it is. */
static uint32_t stack_number(struct writer *writer, const struct span *span)
{
    struct ndjson *ndjson = writer->state;
    struct sink *sink = writer->sink;
    const struct frame_text *texts;
    struct stack_entry *entry = span->native ? json_stacks_entry(&ndjson->stacks, writer->image,
                                                                 span->native, span->tick, &texts)
                                             : NULL;
    if (!entry || entry->node)
        return entry ? entry->node : 0;
    sink_string(sink, "{\"type\":\"stack\"");
    field_number(sink, "stack", ++ndjson->stack_count);
    sink_string(sink, ",\"frames\":");
    json_stacks_write(&ndjson->stacks, sink, writer->image, span->native, span->tick);
    sink_string(sink, "}\n");
    /* writing it may have moved the entries */
    entry = json_stacks_entry(&ndjson->stacks, writer->image, span->native, span->tick, &texts);
    entry->node = ndjson->stack_count;
    return entry->node;
}

static void span(struct writer *writer, const struct span *span)
{
    static const char *const types[] = {"span", "instant", "counter", "sample"};
    const char *tag = category_tags[span_category(span)];
    struct sink *sink = writer->sink;
    uint32_t stack = stack_number(writer, span);
    sink_string(sink, "{\"type\":\"");
    sink_string(sink, types[span->kind]);
    sink_string(sink, "\",\"name\":");
    sink_bytes(sink, span->name->json, span->name->json_length);
    field_string(sink, "tag", tag, strlen(tag));
    field_number(sink, "pid", writer->image->summary->pid);
    field_number(sink, "tid", writer->thread.tid);
    field_number(sink, "ts", span->start_ns);
    if (span->kind == SPAN_COMPLETE) {
        field_number(sink, "dur", span->duration_ns);
        field_number(sink, "self", span->self_ns);
        field_number(sink, "depth", span->depth);
    }
    if (span->kind == SPAN_SAMPLE)
        field_number(sink, "cpu", span->duration_ns);
    if (span->flags & SPAN_ASIDE)
        sink_string(sink, ",\"aside\":1");
    if (span->name->module[0])
        put_module(writer, span->name->module);
    json_args_and_stack(writer, span, ",\"args\":", stack);
    sink_string(sink, "}\n");
}

static void end(struct writer *writer, const struct totals *totals)
{
    sink_string(writer->sink, "{\"type\":\"end\"");
    field_number(writer->sink, "events_lost", totals_lost(totals));
    sink_string(writer->sink, ",\"not_covered\":");
    json_coverage(writer);
    sink_string(writer->sink, "}\n");
}

static void release(struct writer *writer)
{
    json_stacks_free(&((struct ndjson *)writer->state)->stacks);
}

const struct writer_format format_ndjson = {
    .name = "json",
    .suffix = ".ndjson",
    .help = "the JSON event stream, one object a line (docs/FORMAT.md)",
    .state_size = sizeof(struct ndjson),
    .counters = 1,
    .begin = begin,
    .image = image,
    .thread = thread,
    .span = span,
    .end = end,
    .release = release};
