/* The arguments of a span as a JSON object: shared by the formats that are JSON. */
#ifndef VT_WRITERS_JSON_ARGS_H
#define VT_WRITERS_JSON_ARGS_H

#include "writers/json_stacks.h"
#include "writers/writer.h"

/* Writes {"key":value,…}; nothing, and returns 0, when the span has no arguments. `before` goes in
 * front of it. Addresses are strings in hexadecimal: JSON's numbers are doubles. */
int json_args(struct writer *writer, const struct span *span, const char *before);

/* The same, with the place where the span's function is defined as "location", and with the number
 * of its native stack, if that is not 0, as "stack". */
int json_args_and_stack(struct writer *writer, const struct span *span, const char *before,
                        uint32_t stack);
/* The same but, as "caller", the innermost function of the stack. */
int json_args_and_caller(struct writer *writer, const struct span *span, const char *before,
                         struct json_stacks *stacks);

/* What the session does not show, as an array of strings; complete at the end only. */
void json_coverage(struct writer *writer);

#endif
