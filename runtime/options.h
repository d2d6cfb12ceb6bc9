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

#endif
