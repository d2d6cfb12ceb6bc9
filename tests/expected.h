/* The events of calls, against what the target has printed: tests/programs/expected.h is the other
 * side. */
#ifndef VT_TESTS_EXPECTED_H
#define VT_TESTS_EXPECTED_H

#include "tests/hazards.h"

/* Whether an event is of a call of the target's, and not of its own printing. */
static inline int is_of_a_call(const json_t *event)
{
    const char *type = json_string_value(json_object_get(event, "type"));
    const char *tag = json_string_value(json_object_get(event, "tag"));
    const json_t *args = json_object_get(event, "args");
    if (!tag || (strcmp(type, "span") != 0 && strcmp(type, "instant") != 0))
        return 0;
    return strcmp(tag, "function") != 0 && strcmp(tag, "memory") != 0 &&
           json_integer_value(json_object_get(args, "fd")) != 1;
}

/* The calls of the trace's first process, in its first thread, in the order of their ends, but for
 * its printing. */
static inline json_t *call_events(const char *path)
{
    json_t *all = load_ndjson(path), *list = json_array(), *event;
    const json_t *root = json_object_get(find_event(all, "{s:s}", "type", "process"), "pid");
    size_t i;
    json_array_foreach(all, i, event)
    {
        if (json_equal(json_object_get(event, "pid"), root) &&
            json_equal(json_object_get(event, "tid"), root) && is_of_a_call(event))
            json_array_append(list, event);
    }
    json_decref(all);
    return list;
}

/* One line of the target's against event `i`; 1 when there is an event for it. */
static inline int compare_line(const json_t *events, size_t i, const char *line, size_t length)
{
    json_t *wanted = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(wanted != NULL, "the target prints %.*s", (int)length, line);
    const char *silent = json_string_value(json_object_get(wanted, "silent"));
    if (silent) {
        ck_assert_msg(named(events, silent) == 0, "there is an event of %s", silent);
        json_decref(wanted);
        return 0;
    }
    const json_t *event = json_array_get(events, i);
    json_t *args = json_object_get(event, "args"), *none = json_object();
    char *shown = event ? json_dumps(event, 0) : NULL;
    ck_assert_msg(event &&
                      json_equal(json_object_get(wanted, "name"), json_object_get(event, "name")) &&
                      json_equal(json_object_get(wanted, "args"), args ? args : none),
                  "event %zu is not %.*s\nbut %s", i, (int)length, line, shown);
    free(shown);
    json_decref(none);
    json_decref(wanted);
    return 1;
}

/* Targets print what is to come: the same events, in the same order, with the same arguments. */
static inline void compare(const json_t *events, const char *printed)
{
    size_t i = 0;
    for (const char *line = printed; *line; line = strchr(line, '\n') + 1)
        i += (size_t)compare_line(events, i, line, strcspn(line, "\n"));
    char *rest = i < json_array_size(events) ? json_dumps(json_array_get(events, i), 0) : NULL;
    ck_assert_msg(rest == NULL, "one event more than the target knows of: %s", rest);
}

/* A key that comes twice in one object has no meaning. */
static inline void assert_no_key_twice(const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ck_assert_ptr_nonnull(file);
    while (getline(&line, &room, file) > 0) {
        json_error_t error;
        json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        ck_assert_msg(event != NULL, "%s: %s", error.text, line);
        json_decref(event);
    }
    free(line);
    fclose(file);
}

#endif
