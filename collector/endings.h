/* How and when processes ended that did not say so themselves: what waits for children in the
 * session told, and what `vitte-trace record` saw of the command that it had started. */
#ifndef VT_COLLECTOR_ENDINGS_H
#define VT_COLLECTOR_ENDINGS_H

#include "runtime/layout.h"

#include <stddef.h>

struct ending {
    uint32_t pid;
    int status;        /* as of wait() */
    uint64_t tick, ns; /* when that was known */
};

/* Zeroed: none. */
struct endings {
    struct ending *list;
    size_t count;
    /* of the command, which a session that a preloaded program began itself does not have; its time
     * is a pair of the clock */
    struct ending command;
    uint64_t command_nsec;
    int has_command, are_all;
};

void endings_free(struct endings *endings);
/* Nothing once they are all there: then the session is walked once more. */
void endings_add(struct endings *endings, struct ending ending);

/* Of a reused pid the first end behind `start_ns`; or NULL. */
const struct ending *endings_find(const struct endings *endings, uint32_t pid, uint64_t start_ns);

/* The command's, in the session's folder. Where it cannot be written, or read, there is none. */
void endings_write_command(const char *folder, uint32_t pid, int status, struct clock_pair now);
void endings_read_command(struct endings *endings, const char *folder);

#endif
