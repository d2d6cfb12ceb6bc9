/* Options: see options.h. Runs before main and inside somebody's process: reads, never allocates.
 */
#include "runtime/options.h"

#include "base/text.h"
#include "runtime/unwind.h"

#include <string.h>

const char *const option_variables[OPTION_COUNT] = {
#define OPTION(NAME, variable, argument, help) [OPTION_##NAME] = variable,
#include "runtime/options.def"
#undef OPTION
};

const char *environment_value(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

const char *option_value(char *const *environment, enum capture_option option)
{
    return environment_value(environment, option_variables[option]);
}

static int is_word(const char *at, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(at, word, length) == 0;
}

/* A bit of the mask, or 0, for a word of a list. */
typedef unsigned word_bits(const char *word, size_t length);

static unsigned parse_list(const char *list, word_bits *bits_of, const char **unknown)
{
    unsigned mask = 0;
    while (*list) {
        size_t length = strcspn(list, ",");
        unsigned bits = bits_of(list, length);
        if (!bits && length > 0 && unknown && !*unknown)
            *unknown = list;
        mask |= bits;
        list += length;
        list += *list == ',';
    }
    return mask;
}

static unsigned category_bits(const char *word, size_t length)
{
    static const char *const names[CATEGORY_COUNT] = {
#define X(NAME, option, tag, help) option,
        EVENT_CATEGORIES(X)
#undef X
    };
    for (unsigned i = 0; i < CATEGORY_COUNT; i++)
        if (is_word(word, length, names[i]))
            return 1u << i;
    return is_word(word, length, "all") ? CATEGORIES_ALL : 0;
}

unsigned categories_parse(const char *list, const char **unknown)
{
    return list ? parse_list(list, category_bits, unknown) : CATEGORIES_DEFAULT;
}

static unsigned stack_bits(const char *word, size_t length)
{
    unsigned bits = category_bits(word, length) & STACKS_CATEGORIES;
    if (is_word(word, length, "failed") || is_word(word, length, "all"))
        bits |= STACKS_FAILED;
    return bits;
}

unsigned stacks_parse(const char *list, const char **unknown)
{
    return list ? parse_list(list, stack_bits, unknown) : 0;
}

uint32_t sample_parse(const char *value, int *only_uninstrumented, int *is_valid)
{
    const char *end = value;
    int is_auto = value && strcmp(value, "auto") == 0;
    uint64_t hz = is_auto ? SAMPLES_AUTO : value ? text_read_number(&end) : 0;
    int valid = is_auto || (value && value[0] && !*end && hz <= SAMPLES_MAX);
    *only_uninstrumented = is_auto;
    if (is_valid)
        *is_valid = valid;
    return valid ? (uint32_t)hz : 0;
}

uint32_t stack_depth_parse(const char *value)
{
    const char *end = value;
    uint64_t frames = value ? text_read_number(&end) : UNWIND_USUAL;
    int valid = !value || (value[0] && !*end && frames >= UNWIND_LEAST && frames <= UNWIND_MOST);
    return valid ? (uint32_t)frames : 0;
}

uint32_t bytes_parse(const char *value)
{
    const char *end = value;
    uint64_t bytes = value ? text_read_number(&end) : 0;
    if (!value || !value[0] || bytes > UINT32_MAX)
        return 0;
    if (*end == 'K' || *end == 'M')
        bytes <<= *end++ == 'K' ? 10 : 20;
    return *end || bytes > UINT32_MAX ? 0 : (uint32_t)bytes;
}

/* Nothing, or one of the words. */
static int is_among(const char *value, const char *one, const char *other)
{
    return !value || !value[0] || strcmp(value, one) == 0 || strcmp(value, other) == 0;
}

static int is_number(const char *value)
{
    const char *end = value;
    text_read_number(&end);
    return !*end;
}

/* The value, or NULL when it is not set or empty, which says nothing. */
static const char *said(char *const *environment, enum capture_option option)
{
    const char *value = option_value(environment, option);
    return value && value[0] ? value : NULL;
}

int options_make_sense(char *const *environment)
{
    const char *sample = said(environment, OPTION_SAMPLE), *unknown = NULL;
    const char *bytes = said(environment, OPTION_MEMORY_SAMPLE);
    const char *usec = said(environment, OPTION_STACK_AFTER);
    int only_uninstrumented, is_valid = 1;
    categories_parse(said(environment, OPTION_EVENTS), &unknown);
    stacks_parse(said(environment, OPTION_STACKS), &unknown);
    if (sample)
        sample_parse(sample, &only_uninstrumented, &is_valid);
    return is_valid && !unknown && (!usec || is_number(usec)) &&
           (!bytes || bytes_parse(bytes) || strcmp(bytes, "0") == 0) &&
           stack_depth_parse(said(environment, OPTION_STACK_DEPTH)) &&
           is_among(option_value(environment, OPTION_LOCKS), "all", "all") &&
           is_among(option_value(environment, OPTION_KEEP), "1", "0") &&
           is_among(option_value(environment, OPTION_EXEC_ENV), "1", "0");
}
