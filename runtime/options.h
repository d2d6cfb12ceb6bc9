/* The capture's settings, read once from the environment that the process started with. */
#ifndef VT_RUNTIME_OPTIONS_H
#define VT_RUNTIME_OPTIONS_H

#include "runtime/event.h"

enum capture_option {
#define OPTION(NAME, variable, argument, help) OPTION_##NAME,
#include "runtime/options.def"
#undef OPTION
    OPTION_COUNT
};

/* The variable's name, and its value in `environment` (NULL when it is not set). */
extern const char *const option_variables[OPTION_COUNT];
const char *option_value(char *const *environment, enum capture_option option);

/* The value of any NAME in an environment array; NULL when it is not there. */
const char *environment_value(char *const *environment, const char *name);

enum {
    CATEGORIES_ALL = (1 << CATEGORY_COUNT) - 1,
    CATEGORIES_DEFAULT = CATEGORIES_ALL & ~(1 << CATEGORY_MAPS)
};

/* Bit mask 1 << event_category of a list like "functions,io"; NULL means the default ones. A
 * word that is no category is skipped and, when `unknown` is given, left there for the error
 * message. */
unsigned categories_parse(const char *list, const char **unknown);

/* Whether every value that is set is one that there is; that of UNWIND is looked at where it is
 * used.
 */
int options_make_sense(char *const *environment);

/* What calls can have stacks, and the bit for all that failed. */
enum {
    STACKS_CATEGORIES = 1 << CATEGORY_MEMORY | 1 << CATEGORY_IO | 1 << CATEGORY_WAITS |
                        1 << CATEGORY_THREADS | 1 << CATEGORY_LOCKS | 1 << CATEGORY_MAPS |
                        1 << CATEGORY_PROCESSES,
    STACKS_FAILED = 1 << 16,
};
enum { SAMPLES_MAX = 10000, SAMPLES_AUTO = 1000 }; /* a second */
enum { STACK_AFTER_USEC = 100 };

/* The same of a list of what gets a stack, with the word "failed"; NULL: nothing. */
unsigned stacks_parse(const char *list, const char **unknown);

/* Samples a second: a number up to SAMPLES_MAX. `only_uninstrumented` is set for "auto". 0 for
 * no value and for one that is none; then also 0 in `is_valid`, if given. */
uint32_t sample_parse(const char *value, int *only_uninstrumented, int *is_valid);

/* How deep stacks are recorded; 0 for a value that does not say so. */
uint32_t stack_depth_parse(const char *value);

/* A number of bytes below 2^32, with K or M behind it or not. 0 for no value and one that is none.
 */
uint32_t bytes_parse(const char *value);

#endif
