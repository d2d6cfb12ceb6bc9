/* The call table that every trace carries: the rows of calls/, as data. */
#include "preload/calls.h"
#include "runtime/event.h"

#define FIELD(kind)             FIELD_##kind
#define F0()                    .field_count = 0
#define F1(a, ea)               .field_count = 1, .fields = {FIELD(a)}
#define F2(a, ea, b, eb)        .field_count = 2, .fields = {FIELD(a), FIELD(b)}
#define F3(a, ea, b, eb, c, ec) .field_count = 3, .fields = {FIELD(a), FIELD(b), FIELD(c)}

const struct definition_call call_table[CALL_NUMBERS] = {
#define HAND(cat, res, flag, type, symbol, parameters, arguments, ...)                             \
    [NUMBER_##symbol] = {.name = #symbol,                                                          \
                         .number = NUMBER_##symbol,                                                \
                         .category = CATEGORY_##cat,                                               \
                         .result = RESULT_##res,                                                   \
                         .flags = flag,                                                            \
                         __VA_ARGS__},
#define CALL HAND
#define NOTE(cat, symbol, ...)                                                                     \
    [NUMBER_##symbol] = {.name = #symbol,                                                          \
                         .number = NUMBER_##symbol,                                                \
                         .category = CATEGORY_##cat,                                               \
                         .flags = CALL_BEFORE,                                                     \
                         __VA_ARGS__},
#define SPAN(cat, symbol, ...)                                                                     \
    [NUMBER_##symbol] = {.name = #symbol,                                                          \
                         .number = NUMBER_##symbol,                                                \
                         .category = CATEGORY_##cat,                                               \
                         .flags = CALL_ASIDE,                                                      \
                         __VA_ARGS__},
#include "preload/calls/all.def"
};
