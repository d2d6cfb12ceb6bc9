/* What the hazard suites share: capturing a target, and comparing what the trace says with what the
 * target printed, its book of lines "key number". */
#ifndef VT_TESTS_HAZARDS_H
#define VT_TESTS_HAZARDS_H

#include "tests/support.h"

#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number behind `key` in what a target printed; fails the test when it is not there. */
static inline long book(const struct outcome *run, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = run->out; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return strtol(line + length, NULL, 10);
    }
    ck_abort_msg("no line '%s' in:\n%s%s", key, run->out, run->err);
}

/* The target ended well and said nothing on stderr. */
static inline void assert_fine(const struct outcome *run)
{
    ck_assert_msg(run->code == 0, "ended with %d:\n%.1000s\n%.1000s", run->code, run->err,
                  run->out);
    ck_assert_str_eq(run->err, "");
}

/* Captures `command` into x.vtrace; with a limit, so that a deadlock of the target fails the test
 * and leaves nothing running. */
static inline struct outcome captured(const char *options, const char *command)
{
    struct outcome run = shell("exec timeout -k 1 $((100 * ${CK_TIMEOUT_MULTIPLIER:-1})) '%s' "
                               "record -q -o x.vtrace %s -- %s",
                               built_command(), options, command);
    ck_assert_msg(run.code != 124 && run.code != 137, "%s does not come to an end", command);
    assert_fine(&run);
    return run;
}

/* The same with no command of ours around it, and with another preload behind ours, or none (""):
 * leaves trace.ndjson and the session, vitte-trace-*.vtrace. */
static inline struct outcome preloaded_beside(const char *neighbour, const char *events,
                                              const char *command)
{
    struct outcome run = shell("exec timeout -k 1 40 env VITTE_TRACE_KEEP=1 VITTE_TRACE_EVENTS=%s "
                               "VITTE_TRACE_OUT=trace.ndjson LD_PRELOAD='%s:%s' '%s'",
                               events, built_library(), neighbour, command);
    ck_assert_msg(run.code != 124 && run.code != 137, "%s does not come to an end", command);
    assert_fine(&run);
    return run;
}

/* What `vitte-trace VERB` prints as JSON about a session. */
static inline json_t *look(const char *verb, const char *session)
{
    struct outcome run = shell("'%s' %s --json %s", built_command(), verb, session);
    assert_fine(&run);
    json_error_t error;
    json_t *json = json_loads(run.out, JSON_ALLOW_NUL, &error);
    ck_assert_msg(json != NULL, "%s: %s", verb, error.text);
    outcome_free(&run);
    return json;
}

/* The events of a session. */
static inline json_t *stream(const char *session)
{
    struct outcome run =
        shell("'%s' export -q -f json -o stream.ndjson %s", built_command(), session);
    assert_fine(&run);
    outcome_free(&run);
    return load_ndjson("stream.ndjson");
}

static inline long number_in(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    ck_assert_msg(json_is_integer(value), "there is no number '%s'", key);
    return (long)json_integer_value(value);
}

/* How many calls of a function the report of a session has. */
static inline long calls_of(const json_t *report, const char *function)
{
    const json_t *row =
        find_event(json_object_get(report, "functions"), "{s:s}", "function", function);
    return row ? number_in(row, "calls") : 0;
}

/* Events of the stream whose name is `name`. */
static inline long named(const json_t *events, const char *name)
{
    return (long)count_events(events, "{s:s}", "name", name);
}

static inline void assert_nothing_lost(const char *session)
{
    json_t *info = look("info", session);
    ck_assert_int_eq(number_in(info, "events_lost"), 0);
    ck_assert_int_eq(number_in(info, "unmatched_exits"), 0);
    json_decref(info);
}

/* A file of a Debian package, by a glob(3) pattern; says which package is missing. */
static inline const char *needs(const char *pattern, const char *package)
{
    static char found[8][PATH_MAX];
    static unsigned next;
    glob_t paths;
    ck_assert_msg(glob(pattern, 0, NULL, &paths) == 0,
                  "%s is not there: this test needs the Debian package %s", pattern, package);
    char *path = found[next++ % 8];
    snprintf(path, sizeof found[0], "%s", paths.gl_pathv[0]);
    globfree(&paths);
    return path;
}

/* The sorted lines that shell commands of binutils print of the library, "$L"; to be freed. */
static inline char *lines_of(const char *commands)
{
    needs("/usr/bin/readelf", "binutils");
    struct outcome run = shell("L='%s'; { %s; } | LC_ALL=C sort -u", built_library(), commands);
    assert_fine(&run);
    free(run.err);
    return run.out;
}

#endif
