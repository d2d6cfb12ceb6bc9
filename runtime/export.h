/* Starting `vitte-trace export` from the traced process: the flush at exit, and vt_tracer_flush. */
#ifndef VT_RUNTIME_EXPORT_H
#define VT_RUNTIME_EXPORT_H

struct export_request {
    int (*clone)(int (*body)(void *), void *stack, int flags, void *argument, ...); /* libc's own */
    const char *program; /* path of the vitte-trace command */
    const char *folder;  /* the session */
    const char *out;     /* file to write, or NULL: where the manifest says */
    const char *format;  /* or NULL: by the suffix of out */
    int out_is_users;    /* the user named it: the program's tracer does not change it */
    int exiting; /* the program has ended: no handler and no default action of its signals any more
                  */
    int remove;  /* delete the session folder once the file is complete */
    char *const *environment; /* for the exporter; the tracer's own variables are left out of it */
};

/* What an export of this process's session would be; set once at the start, before any thread. */
extern struct export_request export_request __attribute__((visibility("hidden")));

/* Remembers what descriptor 2 is. When it is something else at the end, it is a file of the
 * program's, and the exporter's messages have no place there (H43). */
void export_note_stderr(void);

/* Runs the exporter and waits for it. 0, or negative errno: -ENOENT when there is no such program,
 * -EIO when it failed. Takes no lock, allocates nothing, sends no SIGCHLD. */
long export_run(const struct export_request *request);

#endif
