/* See json_args.h. */
#include "writers/json_args.h"

#include "collector/coverage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void value(struct sink *sink, const struct argument *argument)
{
    char text[40];
    switch (argument->type) {
    case ARGUMENT_STRING:
        sink_json(sink, argument->string, argument->string_length);
        return;
    case ARGUMENT_DOUBLE:
        if (isfinite(argument->number))
            snprintf(text, sizeof text, "%.17g", argument->number);
        else
            snprintf(text, sizeof text, "\"%g\"", argument->number);
        break;
    case ARGUMENT_POINTER:
        snprintf(text, sizeof text, "\"0x%llx\"", (unsigned long long)argument->integer);
        break;
    case ARGUMENT_INTEGER:
        if (argument->integer < 0)
            sink_bytes(sink, "-", 1);
        sink_number(sink, argument->integer < 0 ? 0 - (uint64_t)argument->integer
                                                : (uint64_t)argument->integer);
        return;
    }
    sink_string(sink, text);
}

/* What stands in front of argument number `count`. */
static void begin_argument(struct sink *sink, size_t count, const char *before)
{
    sink_string(sink, count ? "," : before);
    sink_bytes(sink, "{", count == 0);
}

static size_t put_arguments(struct writer *writer, const struct span *span, const char *before)
{
    struct argument arguments[MAX_ARGUMENTS];
    struct argument_scratch scratch;
    if (!span->words && !span->flags)
        return 0;
    size_t count = span_arguments(writer->image, span, arguments, &scratch);
    for (size_t i = 0; i < count; i++) {
        begin_argument(writer->sink, i, before);
        sink_json(writer->sink, arguments[i].key, arguments[i].key_length);
        sink_bytes(writer->sink, ":", 1);
        value(writer->sink, &arguments[i]);
    }
    return count;
}

static size_t put_location(struct writer *writer, const struct span *span, size_t count,
                           const char *before)
{
    size_t length;
    const char *source = span->kind != SPAN_SAMPLE
                             ? names_source_json(writer->session->names, span->name, &length)
                             : NULL;
    if (!source)
        return count;
    begin_argument(writer->sink, count, before);
    sink_string(writer->sink, "\"location\":");
    sink_bytes(writer->sink, source, length);
    return count + 1;
}

int json_args(struct writer *writer, const struct span *span, const char *before)
{
    size_t count = put_arguments(writer, span, before);
    sink_bytes(writer->sink, "}", count > 0);
    return count > 0;
}

int json_args_and_stack(struct writer *writer, const struct span *span, const char *before,
                        uint32_t stack)
{
    size_t count = put_location(writer, span, put_arguments(writer, span, before), before);
    if (stack) {
        begin_argument(writer->sink, count++, before);
        sink_string(writer->sink, "\"stack\":");
        sink_number(writer->sink, stack);
    }
    sink_bytes(writer->sink, "}", count > 0);
    return count > 0;
}

int json_args_and_caller(struct writer *writer, const struct span *span, const char *before,
                         struct json_stacks *stacks)
{
    const struct frame_text *texts;
    size_t count = put_location(writer, span, put_arguments(writer, span, before), before);
    if (span->native &&
        json_stacks_entry(stacks, writer->image, span->native, span->tick, &texts)) {
        begin_argument(writer->sink, count++, before);
        sink_string(writer->sink, "\"caller\":");
        sink_string(writer->sink, texts[0].place);
    }
    sink_bytes(writer->sink, "}", count > 0);
    return count > 0;
}

void json_coverage(struct writer *writer)
{
    const char *line;
    sink_string(writer->sink, "[");
    for (size_t i = 0; (line = coverage_line(writer->session->coverage, i)); i++) {
        sink_json(writer->sink, line, strlen(line));
        sink_string(writer->sink, ",");
    }
    sink_json(writer->sink, coverage_never, strlen(coverage_never));
    sink_string(writer->sink, "]");
}
