/* Running a filter over the fields of one span.
 *
 * Reads the program and the fields and writes nothing: no allocation, no recursion, no lock, so any
 * thread may run the same program at the same time. Time is bounded by the lengths of pattern times
 * text; parse.c has checked the program, so nothing is checked here. */
#include "filter/filter.h"
#include "filter/program.h"

#include <stdbool.h>
#include <string.h>

static unsigned char take_character(const char **at)
{
    if (**at == '\\')
        ++*at;
    return (unsigned char)*(*at)++;
}

/* *at is just past the '[' and is left just past the ']'. */
static bool match_class(const char **at, unsigned char byte)
{
    const char *p = *at;
    bool inverted = p[0] == '!' && p[1] != ']';
    bool found = false;
    if (inverted)
        p++;
    while (*p != ']') {
        unsigned char low = take_character(&p);
        unsigned char high = low;
        if (p[0] == '-' && p[1] != ']') {
            p++;
            high = take_character(&p);
        }
        found |= low <= byte && byte <= high;
    }
    *at = p + 1;
    return found != inverted;
}

/* Does the element of the pattern at *at, which is no star, match this byte? Moves past it. */
static bool match_element(const char **at, unsigned char byte)
{
    const char *p = *at;
    if (p[0] == '\0')
        return false;
    if (p[0] == '?') {
        *at = p + 1;
        return true;
    }
    if (p[0] == '[' && p[1] != ']') {
        *at = p + 1;
        return match_class(at, byte);
    }
    return take_character(at) == byte;
}

/* Only the last star is ever tried again: whatever an earlier one could swallow instead, the last
 * one can swallow too. That is what keeps *a*a*a*b from exploding. */
static bool match_glob(const char *pattern, const char *text)
{
    const char *after_star = NULL;
    const char *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            after_star = ++pattern;
            retry = text;
        } else if (match_element(&pattern, (unsigned char)*text)) {
            text++;
        } else if (after_star) {
            pattern = after_star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *get_text(const struct filter_fields *fields, enum filter_field field)
{
    switch (field) {
    case FILTER_MODULE:
        return fields->module;
    case FILTER_MODULE_FILE:
        return last_component(fields->module);
    case FILTER_FUNCTION:
        return fields->function;
    case FILTER_TAG:
        return fields->tag;
    case FILTER_THREAD:
        return fields->thread;
    case FILTER_PROCESS:
        return fields->process;
    default:
        return "";
    }
}

static uint64_t get_number(const struct filter_fields *fields, enum filter_field field)
{
    switch (field) {
    case FILTER_TID:
        return fields->tid;
    case FILTER_PID:
        return fields->pid;
    default:
        return fields->duration_ns;
    }
}

static bool compare(uint64_t left, enum filter_comparison comparison, uint64_t right)
{
    switch (comparison) {
    case FILTER_EQUAL:
        return left == right;
    case FILTER_UNEQUAL:
        return left != right;
    case FILTER_LESS:
        return left < right;
    case FILTER_AT_MOST:
        return left <= right;
    case FILTER_MORE:
        return left > right;
    case FILTER_AT_LEAST:
        return left >= right;
    }
    return false;
}

/* The plain comparison comes first so that a name copied from a report, with the brackets of
 * "to_string[abi:cxx11](int)" or "main [clone .cold]" in it, matches itself. */
static bool match_text(const char *pattern, const char *text)
{
    return strcmp(pattern, text) == 0 || match_glob(pattern, text);
}

int filter_match(const struct filter *filter, const struct filter_fields *fields)
{
    bool result = false;
    size_t at = 0;
    while (at < filter->count) {
        const struct filter_op *op = &filter->ops[at++];
        switch (op->code) {
        case FILTER_GLOB:
            result = match_text(op->pattern, get_text(fields, op->field));
            break;
        case FILTER_COMPARE:
            result = compare(get_number(fields, op->field), op->comparison, op->number);
            break;
        case FILTER_NOT:
            result = !result;
            break;
        case FILTER_SKIP_IF_TRUE:
            at = result ? op->target : at;
            break;
        case FILTER_SKIP_IF_FALSE:
            at = result ? at : op->target;
            break;
        }
    }
    return result;
}
