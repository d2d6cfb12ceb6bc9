/* A session: one folder for a whole process tree, begun by `vitte-trace run` or by the first
 * process that finds itself preloaded without one, and handed on through the environment. */
#ifndef VT_RUNTIME_SESSION_H
#define VT_RUNTIME_SESSION_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

struct session_config {
    const char *folder;  /* absolute; made here, must not exist */
    const char *out;     /* absolute path of the trace to come, or NULL */
    const char *format;  /* or NULL: by out's suffix */
    const char *events;  /* VITTE_TRACE_EVENTS, or NULL */
    const char *stacks;  /* VITTE_TRACE_STACKS, or NULL */
    const char *sample;  /* VITTE_TRACE_SAMPLE, or NULL */
    const char *command; /* the command line, each argument with its NUL */
    size_t command_size;
    const char *traceparent; /* or NULL */
    uint32_t root_pid;       /* of the process whose end ends the session */
};

/* Makes the folder and its manifest and decides the session's clock (clock_in_nsec is set).
 * 0 or negative errno. */
long session_create(const struct session_config *config);

/* What VITTE_TRACE_SESSION holds: clock letter, pid of the root that exports or 0, ':', folder. */
struct session_ticket {
    uint32_t root_pid;
    uint64_t
        root_namespace; /* of pids: the root's number may come again in another one; 0: not known */
    int clock_in_nsec;
    char folder[PATH_MAX];
};
/* 0 or -ENAMETOOLONG. */
long session_ticket_write(const struct session_ticket *ticket, char *buffer, size_t size);
/* 0, or -EINVAL for what we did not write. */
long session_ticket_read(struct session_ticket *ticket, const char *value);

/* Takes away a session that was just created and came to nothing. */
void session_undo(const char *folder);

/* The pid namespace of this process, as a number; 0 when /proc does not tell. */
uint64_t session_pid_namespace(void);

#endif
