/* vitte-trace info in its parts: what is found, and how it is printed. */
#ifndef VT_CLI_INFO_H
#define VT_CLI_INFO_H

#include "cli/cli.h"

/* One object for each thread that did not come to its end, collected while the session is walked.
 */
struct ends {
    json_t *list;
    struct image *image;
    struct thread_view thread;
    int told; /* of this thread: spans come from the inside out */
    /* its last call or function, NULL: none; when that was over, and the last sample since then */
    const struct name *last;
    uint64_t last_ns, sampled_tick;
    uint32_t sampled;
};

/* To walk the session with; `ends` has an empty list. */
struct visitor ends_visitor(struct ends *ends);

/* The threads of an image, each with how long it had been at it by `end_ns`; a new array. When the
 * end is not known they had been at it for that long at least. */
json_t *ends_of(const struct ends *ends, const struct image *image, uint64_t end_ns, int is_known);

/* Prints the document, on stdout. */
void info_print(const json_t *info);

#endif
