/* The arguments of a span as a JSON object: shared by the formats that are JSON. */
#ifndef VT_WRITERS_JSON_ARGS_H
#define VT_WRITERS_JSON_ARGS_H

#include "writers/writer.h"

/* Writes {"key":value,…}; nothing, and returns 0, when the span has no arguments. `before` goes in
 * front of it. Addresses are strings in hexadecimal: JSON's numbers are doubles. */
int json_args(struct writer *writer, const struct span *span, const char *before);

/* What the session does not show, as an array of strings; complete at the end only. */
void json_coverage(struct writer *writer);

#endif
