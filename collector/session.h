/* A session folder, opened for reading: its manifest, its process images, its clock. Nothing here
 * reads events; images are opened one at a time (image.h), so that memory does not grow with their
 * number. */
#ifndef VT_COLLECTOR_SESSION_H
#define VT_COLLECTOR_SESSION_H

#include "collector/alive.h"
#include "collector/clock_map.h"
#include "collector/endings.h"
#include "collector/names.h"
#include "collector/pool.h"
#include "collector/problem.h"
#include "runtime/layout.h"

#include <jansson.h>

struct coverage;

/* One image of a process: from its start, or its fork, to its exit or exec. */
struct image_summary {
    uint32_t pid, image;
    struct live_header header;
    enum alive lives; /* when the session was opened */
};

struct session {
    char *folder;
    json_t *manifest;
    struct image_summary *images; /* by start time */
    size_t image_count;
    size_t stillborn; /* images without a header: killed too early, or no room for their files */
    struct clock_map clock;
    struct names *names;
    struct pool texts;         /* of stacks */
    struct coverage *coverage; /* this and, but for the command's, the next: by a walk */
    struct endings endings;
    uint64_t now; /* the tick when it was opened; 0: the clock is not this machine's */
    int keep_going;
    uint64_t damaged; /* blocks and images that were skipped */
};

/* NULL and a problem when the folder is no session. */
struct session *session_open(const char *folder, int keep_going, struct problem *problem);
void session_close(struct session *session);

/* A string of the manifest, or "". */
const char *session_text(const struct session *session, const char *key);
uint64_t session_number(const struct session *session, const char *key);

/* The categories that were to be captured, a bit each. */
unsigned session_categories(const struct session *session);

/* How the image ended, when somebody saw it and it did not say so itself; or NULL. */
const struct ending *session_ending(const struct session *session,
                                    const struct image_summary *image);

#endif
