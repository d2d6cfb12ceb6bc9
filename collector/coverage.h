/* What a session does not show, in words: children that were not captured and why, allocators and
 * libraries that pass the tracer by, waits and I/O without libc, sandboxes. Collected while the
 * session is walked. */
#ifndef VT_COLLECTOR_COVERAGE_H
#define VT_COLLECTOR_COVERAGE_H

#include "collector/span.h"

struct totals;

struct coverage;

struct coverage *coverage_new(void);
void coverage_free(struct coverage *coverage);
/* Forgets everything: the session is walked once more. */
void coverage_clear(struct coverage *coverage);

/* Looks at a finished call of the image: what it started, who ended. */
void coverage_call(struct session *session, struct image *image, const struct span *span);
/* After all of an image: `events` that it had, `allocations` among them. */
void coverage_image(struct coverage *coverage, const struct image *image, uint64_t events,
                    uint64_t allocations);
/* After all images: makes the lines. */
void coverage_finish(struct coverage *coverage, const struct session *session,
                     const struct totals *totals);

/* Line number `i` about this session, or NULL when there are no more. The first coverage_gaps() of
 * them are gaps; the others repeat what was asked for. */
const char *coverage_line(const struct coverage *coverage, size_t i);
size_t coverage_gaps(const struct coverage *coverage);
/* What no session shows. */
extern const char coverage_never[];

#endif
