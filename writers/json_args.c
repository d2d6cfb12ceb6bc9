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

int json_args(struct writer *writer, const struct span *span, const char *before)
{
    struct argument arguments[MAX_ARGUMENTS];
    struct argument_scratch scratch;
    if (!span->words && !span->flags)
        return 0;
    size_t count = span_arguments(writer->image, span, arguments, &scratch);
    if (count == 0)
        return 0;
    sink_string(writer->sink, before);
    for (size_t i = 0; i < count; i++) {
        sink_bytes(writer->sink, i ? "," : "{", 1);
        sink_json(writer->sink, arguments[i].key, arguments[i].key_length);
        sink_bytes(writer->sink, ":", 1);
        value(writer->sink, &arguments[i]);
    }
    sink_bytes(writer->sink, "}", 1);
    return 1;
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
