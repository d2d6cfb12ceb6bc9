/* The vitte-trace command: one file per verb, and what they share. */
#ifndef VT_CLI_CLI_H
#define VT_CLI_CLI_H

#include "collector/show.h"
#include "collector/walk.h"
#include "filter/filter.h"
#include "runtime/options.h"
#include "writers/writer.h"

#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct verb {
    const char *name;
    const char *arguments; /* for the usage line */
    const char *help;
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit status */
};

extern const struct verb verbs[]; /* ends with a NULL name */

/* One line on stderr, "vitte-trace: …"; returns the status, so that a verb can `return fail(…)`. */
int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fail_problem(const struct problem *problem);

/* From now on stdout or stderr has '?' for each control character but the end of a line: what comes
 * from a traced program is text, whatever it says. */
void plain_output(FILE **stream);

/* Usage of one verb on stderr, for a call that makes no sense; returns EXIT_USAGE. */
int usage(const char *verb);

int verb_run(int argc, char **argv);
int verb_record(int argc, char **argv);
int verb_export(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_info(int argc, char **argv);

/* ---- exporting: export.c ---- */

struct export_job {
    const char *out;    /* path or "-" */
    const char *format; /* name, or NULL: by the suffix of out */
    const char *filter; /* expression, or NULL */
    const char *weight; /* name, or NULL; these three are for formats of stacks */
    const char *diff;   /* folder of the session to compare with, or NULL */
    const char *orientation;
    int progress;         /* a line on stderr while it goes on */
    struct visitor *also; /* sees every span too, unfiltered; or NULL */
};

/* The format that a job asks for; NULL after saying what is wrong (then EXIT_USAGE is the status).
 */
const struct writer_format *choose_format(const char *format, const char *out);
/* Whether the job's options make sense: EXIT_OK, or EXIT_USAGE after saying what does not. */
int check_export(const struct export_job *job);
/* A weight by its name, or NULL after saying which there are. */
const struct weight *choose_weight(const char *name);
/* A heap is followed across threads: the files of all of them are open at once. */
void allow_many_files(void);
/* Exit status; what went wrong has been said. */
int export_session(struct session *session, const struct export_job *job, struct totals *totals);

/* A parsed filter, or NULL after showing where the expression is wrong. */
struct filter *parse_filter(const char *expression);
/* Says so on stderr when a filter let nothing through: an empty trace should not be a riddle. */
void note_empty_filter(const char *expression, uint64_t spans, uint64_t passed);
/* Whether the span passes; `thread` is the one it belongs to. */
int span_passes(const struct filter *filter, const struct image *image,
                const struct thread_view *thread, const struct span *span);

/* Deletes a session folder and the files in it that are a session's. */
void remove_session(const char *folder);

/* ---- capturing: capture.c ---- */

struct capture {
    const char *folder; /* of the session, to be made */
    const char *out, *format;
    char **command; /* NULL-terminated */
    /* by enum capture_option: what the command line says, or NULL: what the environment says */
    const char *settings[OPTION_COUNT];
};

/* Runs the command traced. The wait status of the command, or -1 with `exit_status` set to what the
 * command line should end with (126, 127, 1), after saying why. */
int capture_run(const struct capture *capture, int *exit_status, uint64_t *wall_ns);

/* Ends as the traced command did: exits with its code or dies of its signal. */
void end_like(int wait_status) __attribute__((noreturn));

/* ---- text ---- */

/* JSON strings; bytes that are not UTF-8 become U+FFFD, as they do in traces. */
json_t *json_bytes(const char *bytes, size_t length);
json_t *json_text(const char *text);
/* The lines of a text as an array of strings. */
json_t *json_lines(const char *text);

#endif
