/* Targets of several processes keep books: a file of lines "PID calls FUNCTION COUNT", "PID opens
 * PATH COUNT" and "PID writes PATH COUNT", written by each process about itself. Here they are
 * compared with the trace: every line exactly, no function of theirs anywhere else, nothing lost.
 */
#ifndef VT_TESTS_BOOKS_H
#define VT_TESTS_BOOKS_H

#include "tests/hazards.h"

static inline long calls_in(const json_t *events, const char *name)
{
    return (long)count_events(events, "{s:s, s:s, s:s}", "type", "span", "name", name, "tag",
                              "function");
}

/* A function was called by the processes of the books alone. */
static inline void check_nobody_else(const json_t *events, json_t *sums)
{
    const char *name;
    json_t *sum;
    json_object_foreach(sums, name, sum)
    {
        long there = calls_in(events, name), made = (long)json_integer_value(sum);
        ck_assert_msg(there == made, "%s: %ld calls in the trace, %ld made", name, there, made);
    }
}

static inline void check_line(const json_t *events, const char *line, json_t *sums)
{
    char what[16], name[256];
    int pid;
    long count;
    ck_assert_msg(sscanf(line, "%d %15s %255s %ld", &pid, what, name, &count) == 4, "books: %s",
                  line);
    char file[PATH_MAX] = "";
    int calls = strcmp(what, "calls") == 0;
    if (strcmp(what, "writes") == 0) /* by a descriptor, which is known by its whole path */
        ck_assert_ptr_nonnull(realpath(name, file));
    const char *call = strcmp(what, "opens") == 0 ? "open" : "write";
    size_t there = calls ? count_events(events, "{s:s, s:i, s:s, s:s}", "type", "span", "pid", pid,
                                        "name", name, "tag", "function")
                         : count_events(events, "{s:s, s:i, s:s, s:{s:s}}", "type", "span", "pid",
                                        pid, "name", call, "args", "path", file[0] ? file : name);
    ck_assert_msg((long)there == count, "%s: the trace has %zu", line, there);
    if (calls)
        json_object_set_new(sums, name,
                            json_integer(json_integer_value(json_object_get(sums, name)) + count));
}

/* The processes of the books, as an object with their pids as keys. */
static inline json_t *check_books(const json_t *events, const char *books)
{
    char line[512];
    FILE *file = fopen(books, "r");
    json_t *sums = json_object(), *pids = json_object();
    ck_assert_msg(file != NULL, "the target left no books");
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        check_line(events, line, sums);
        *strchr(line, ' ') = '\0';
        json_object_set_new(pids, line, json_true());
    }
    fclose(file);
    ck_assert_uint_gt(json_object_size(sums), 0);
    check_nobody_else(events, sums);
    json_decref(sums);
    ck_assert_uint_eq(count_events(events, "{s:s, s:i}", "type", "end", "events_lost", 0), 1);
    return pids;
}

#endif
