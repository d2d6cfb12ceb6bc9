/* What the end-to-end suites share: running commands in a folder of their own, and looking into
 * traces. */
#ifndef VT_TESTS_SUPPORT_H
#define VT_TESTS_SUPPORT_H

#include <check.h>
#include <jansson.h>
#include <stddef.h>

/* Paths of what was built: absolute, from where this test program lies. */
const char *built_library(void); /* libvittetrace.so */
const char *built_command(void); /* vitte-trace */
const char *
built_program(const char *name); /* "programs/x" or "instrumented/x"; a static buffer of 8 */

/* Enters a new empty folder below $TMPDIR (a checked fixture); leave_folder removes it. */
void enter_folder(void);
void leave_folder(void);

struct outcome {
    int status;      /* as from waitpid */
    int code;        /* exit code, or 128 + signal */
    char *out, *err; /* what it printed, NUL-terminated; owned by the outcome until outcome_free */
    size_t out_size, err_size;
};

/* Runs `sh -c COMMAND` (a printf format) without a terminal; waits. */
struct outcome shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with LD_PRELOAD set to the library for that command only. */
struct outcome preloaded(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same through `vitte-trace run -q -o trace.ndjson`; options go in front of "--". */
struct outcome traced(const char *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void outcome_free(struct outcome *outcome);
/* It has to have ended well, and is of no more interest. */
void run_ok(struct outcome run);

/* Parses a whole JSON file; fails the test when it is not JSON. */
json_t *load_json(const char *path);
/* Parses the JSON event stream into an array of objects; fails the test on a bad line. */
json_t *load_ndjson(const char *path);

/* How many elements of an array have every given string or integer member, e.g.
 * count_events(events, "{s:s, s:s}", "type", "span", "name", "read"): the format is json_pack's. A
 * member may be inside "args": then give {s:{s:i}}. */
size_t count_events(const json_t *events, const char *format, ...);
/* The first such element (borrowed), or NULL. */
json_t *find_event(const json_t *events, const char *format, ...);

/* Writes text to a file of the current folder. */
void write_file(const char *name, const char *text);
/* Size of a file, or -1. */
long file_size(const char *name);

/* Runs the suite; returns main's status. */
int run_suite(Suite *suite);

#endif
