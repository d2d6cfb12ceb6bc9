/* Filter expressions: text to program. The grammar is in filter.h, the program in program.h.
 *
 * One function for each rule of the grammar, each reading on from parser.at and returning false
 * once the error is described. Only parentheses recurse, at most DEEPEST deep. For our process
 * only: it allocates. A new predicate is a row in `names`, a field in program.h and a case in
 * match.c. */
#include "filter/filter.h"
#include "filter/program.h"
#include "filter/scan.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 100 };

struct parser {
    const char *start, *at;
    struct filter *filter;
    struct filter_error *error;
    int depth;
};

/* A span is kept when either field fits. A numeric `other` only counts for a pattern of digits. */
struct name {
    const char *word;
    enum filter_field field, other;
};

static const struct name names[] = {
    {"module", FILTER_MODULE, FILTER_MODULE_FILE},
    {"function", FILTER_FUNCTION, FILTER_FUNCTION},
    {"tag", FILTER_TAG, FILTER_TAG},
    {"thread", FILTER_THREAD, FILTER_TID},
    {"process", FILTER_PROCESS, FILTER_PID},
    {"duration", FILTER_DURATION, FILTER_DURATION},
};

static const struct {
    const char *word;
    enum filter_comparison comparison;
} operators[] = {
    {">", FILTER_MORE},     {">=", FILTER_AT_LEAST}, {"<", FILTER_LESS},
    {"<=", FILTER_AT_MOST}, {"=", FILTER_EQUAL},     {"!=", FILTER_UNEQUAL},
};

/* \u00b5 is the micro sign, \u03bc the Greek mu that looks the same and that keyboards have. */
static const struct {
    const char *word;
    uint64_t nanoseconds;
} units[] = {
    {"ns", 1},       {"us", 1000},      {"\u00b5s", 1000},  {"\u03bcs", 1000},
    {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000},
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

__attribute__((format(printf, 3, 4))) static bool fail(struct parser *p, const char *at,
                                                       const char *format, ...)
{
    if (p->error) {
        va_list arguments;
        va_start(arguments, format);
        p->error->position = (size_t)(at - p->start);
        vsnprintf(p->error->message, sizeof(p->error->message), format, arguments);
        va_end(arguments);
    }
    return false;
}

static const char *skip_blanks(struct parser *p)
{
    while (scan_is_blank(*p->at))
        p->at++;
    return p->at;
}

static bool accept_word(struct parser *p, const char *word)
{
    const char *text = skip_blanks(p);
    size_t length = scan_word_length(text);
    if (!scan_is_word(text, length, word))
        return false;
    p->at += length;
    return true;
}

static const struct name *find_name(const char *word, size_t length)
{
    for (size_t i = 0; i < LENGTH(names); i++) {
        if (scan_is_word(word, length, names[i].word))
            return &names[i];
    }
    return NULL;
}

static bool emit(struct parser *p, struct filter_op op)
{
    struct filter *filter = p->filter;
    if (filter->count == filter->room) {
        size_t room = filter->room ? 2 * filter->room : 8;
        struct filter_op *ops = realloc(filter->ops, room * sizeof(*ops));
        if (!ops)
            return fail(p, p->at, "out of memory");
        filter->ops = ops;
        filter->room = room;
    }
    filter->ops[filter->count++] = op;
    return true;
}

/* ---- name(pattern) ---- */

/* The quote that ends a quoted pattern, or the NUL. */
static const char *find_quote(const char *at)
{
    for (; *at && *at != '"'; at++) {
        if (at[0] == '\\' && at[1])
            at++;
    }
    return at;
}

/* The ')' that ends a bare pattern, or the NUL. *end is the pattern's own, without the blanks
 * between the two; an escaped blank belongs to the pattern. */
static const char *find_closing(const char *at, const char **end)
{
    size_t open = 0;
    *end = at;
    for (; *at && (*at != ')' || open); at++) {
        bool blank = scan_is_blank(*at);
        open += *at == '(';
        open -= *at == ')';
        if (at[0] == '\\' && at[1])
            at++;
        if (!blank)
            *end = at + 1;
    }
    return at;
}

/* A '[' without its ']', or NULL. match.c relies on there being none. */
static const char *find_open_class(const char *at, const char *end)
{
    for (; at < end; at++) {
        const char *open = at;
        if (*at == '\\')
            at++;
        if (*open != '[')
            continue;
        while (at < end && *at != ']')
            at += *at == '\\' ? 2 : 1;
        if (at >= end)
            return open;
    }
    return NULL;
}

static bool emit_pattern(struct parser *p, const struct name *name, const char *pattern)
{
    struct filter_op other = {.code = FILTER_GLOB, .field = name->other, .pattern = pattern};
    bool wanted = name->other == FILTER_MODULE_FILE;
    if (name->other == FILTER_TID || name->other == FILTER_PID) {
        size_t length = strlen(pattern);
        other.code = FILTER_COMPARE;
        other.comparison = FILTER_EQUAL;
        wanted = length && strspn(pattern, "0123456789") == length &&
                 scan_number(pattern, length, &other.number);
    }
    struct filter_op own = {.code = FILTER_GLOB, .field = name->field, .pattern = pattern};
    struct filter_op skip = {.code = FILTER_SKIP_IF_TRUE, .target = p->filter->count + 3};
    return (!wanted || (emit(p, other) && emit(p, skip))) && emit(p, own);
}

static bool parse_pattern(struct parser *p, const struct name *name)
{
    const char *open = skip_blanks(p);
    if (*open != '(')
        return fail(p, open, "expected '(' after %s", name->word);
    p->at++;
    const char *first = skip_blanks(p);
    bool quoted = *first == '"';
    const char *end;
    if (quoted) {
        end = find_quote(++first);
        if (!*end)
            return fail(p, first - 1, "this quote is never closed");
        p->at = end + 1;
        if (*skip_blanks(p) != ')')
            return fail(p, p->at, "expected ')' after the closing quote");
    } else {
        p->at = find_closing(first, &end);
        if (!*p->at)
            return fail(p, open, "this '(' is never closed");
        if (end == first)
            return fail(p, first, "expected a pattern such as lib*; \"\" is the empty name");
    }
    p->at++;
    const char *open_class = find_open_class(first, end);
    if (open_class)
        return fail(p, open_class, "this '[' is never closed; \\[ is the character itself");

    char *pattern = p->filter->text + (first - p->start);
    pattern[end - first] = '\0';
    return emit_pattern(p, name, pattern);
}

/* ---- duration > 1.5ms ---- */

static bool parse_operator(struct parser *p, enum filter_comparison *comparison)
{
    const char *text = skip_blanks(p);
    size_t length = strspn(text, "<>=!");
    if (length == 0)
        return fail(p, text, "expected one of > >= < <= = != after duration");
    for (size_t i = 0; i < LENGTH(operators); i++) {
        if (scan_is_word(text, length, operators[i].word)) {
            *comparison = operators[i].comparison;
            p->at += length;
            return true;
        }
    }
    return fail(p, text, "unknown operator '%.*s'; known are > >= < <= = !=",
                (int)(length < SCAN_LONGEST_QUOTE ? length : SCAN_LONGEST_QUOTE), text);
}

/* None means ns. A word that belongs to the rest of the expression is no unit, not even a wrong
 * one: what is missing before it is an "and". */
static bool parse_unit(struct parser *p, uint64_t *nanoseconds)
{
    const char *word = skip_blanks(p);
    size_t length = scan_word_length(word);
    *nanoseconds = 1;
    if (length == 0 || scan_is_connective(word, length) || find_name(word, length))
        return true;
    for (size_t i = 0; i < LENGTH(units); i++) {
        if (scan_is_word(word, length, units[i].word)) {
            *nanoseconds = units[i].nanoseconds;
            p->at += length;
            return true;
        }
    }
    return fail(p, word, "unknown unit '%.*s'; known are ns, us, \u00b5s, ms, s, m",
                scan_quote_length(word), word);
}

static bool parse_amount(struct parser *p, uint64_t *ns)
{
    const char *whole = skip_blanks(p);
    const char *decimals = whole;
    size_t whole_length = strspn(whole, "0123456789");
    size_t decimals_length = 0;
    uint64_t unit, rest;
    if (whole_length == 0)
        return fail(p, whole, "expected a duration like 1ms");
    p->at += whole_length;
    if (*p->at == '.') {
        decimals = ++p->at;
        decimals_length = strspn(decimals, "0123456789");
        if (decimals_length == 0)
            return fail(p, decimals, "expected a digit after the point");
        p->at += decimals_length;
    }
    if (!parse_unit(p, &unit))
        return false;
    if (!scan_decimals(decimals, decimals_length, unit, &rest))
        return fail(p, whole, "this duration is not a whole number of ns");
    if (!scan_number(whole, whole_length, ns) || __builtin_mul_overflow(*ns, unit, ns) ||
        __builtin_add_overflow(*ns, rest, ns))
        return fail(p, whole, "this duration is too long: 2^64 ns, about 584 years, is the limit");
    return true;
}

static bool parse_duration(struct parser *p)
{
    struct filter_op op = {.code = FILTER_COMPARE, .field = FILTER_DURATION};
    return parse_operator(p, &op.comparison) && parse_amount(p, &op.number) && emit(p, op);
}

/* ---- not, and, or, parentheses ---- */

static bool parse_expression(struct parser *p);

static bool parse_predicate(struct parser *p)
{
    const char *word = skip_blanks(p);
    size_t length = scan_word_length(word);
    if (length == 0 || scan_is_connective(word, length))
        return fail(p, word, "expected a condition such as module(libssl*) or duration > 1ms");
    const struct name *name = find_name(word, length);
    if (!name)
        return fail(p, word,
                    "unknown name '%.*s'; known are module, function, tag, thread, process, "
                    "duration",
                    scan_quote_length(word), word);
    p->at += length;
    return name->field == FILTER_DURATION ? parse_duration(p) : parse_pattern(p, name);
}

/* After a complete condition stands something that cannot go on from it. */
static bool fail_after_condition(struct parser *p)
{
    if (*p->at == ')')
        return fail(p, p->at, "this ')' has no '('");
    if (scan_word_length(p->at) > 0)
        return fail(p, p->at, "expected 'and' or 'or', not '%.*s'", scan_quote_length(p->at),
                    p->at);
    return fail(p, p->at, "expected 'and' or 'or'");
}

static bool parse_parentheses(struct parser *p)
{
    const char *open = p->at++;
    if (++p->depth > DEEPEST)
        return fail(p, open, "parentheses are nested deeper than %d", DEEPEST);
    if (!parse_expression(p))
        return false;
    p->depth--;
    if (*skip_blanks(p) == '\0')
        return fail(p, open, "this '(' is never closed");
    if (*p->at != ')')
        return fail_after_condition(p);
    p->at++;
    return true;
}

static bool parse_factor(struct parser *p)
{
    bool inverted = false;
    while (accept_word(p, "not"))
        inverted = !inverted;
    bool parsed = *skip_blanks(p) == '(' ? parse_parentheses(p) : parse_predicate(p);
    return parsed && (!inverted || emit(p, (struct filter_op){.code = FILTER_NOT}));
}

/* part ( word part )*, where `skip` jumps over the next part when the one before decides. */
static bool parse_chain(struct parser *p, bool (*parse_part)(struct parser *), const char *word,
                        enum filter_code skip)
{
    if (!parse_part(p))
        return false;
    while (accept_word(p, word)) {
        size_t at = p->filter->count;
        if (!emit(p, (struct filter_op){.code = skip}) || !parse_part(p))
            return false;
        p->filter->ops[at].target = p->filter->count;
    }
    return true;
}

static bool parse_and(struct parser *p)
{
    return parse_chain(p, parse_factor, "and", FILTER_SKIP_IF_FALSE);
}

static bool parse_expression(struct parser *p)
{
    return parse_chain(p, parse_and, "or", FILTER_SKIP_IF_TRUE);
}

static bool parse_whole(struct parser *p)
{
    if (*skip_blanks(p) == '\0')
        return fail(p, p->at, "the expression is empty");
    if (!parse_expression(p))
        return false;
    return *skip_blanks(p) == '\0' || fail_after_condition(p);
}

struct filter *filter_parse(const char *expression, struct filter_error *error)
{
    struct parser p = {.start = expression, .at = expression, .error = error};
    p.filter = calloc(1, sizeof(*p.filter));
    if (p.filter)
        p.filter->text = strdup(expression);
    bool parsed =
        p.filter && p.filter->text ? parse_whole(&p) : fail(&p, expression, "out of memory");
    if (!parsed) {
        filter_free(p.filter);
        return NULL;
    }
    return p.filter;
}

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    free(filter->ops);
    free(filter->text);
    free(filter);
}
