/* Reading a whole session: every image, every thread, every span, given to a visitor. Bounded
 * memory: one image, one block and one stack at a time. */
#ifndef VT_COLLECTOR_WALK_H
#define VT_COLLECTOR_WALK_H

#include "collector/pairing.h"

/* Called now and then with how much of the session was read (0 … 1); may be NULL. */
typedef void walk_progress(void *data, double done);

/* 0, or -1 and a problem. `totals` is filled in, zeroed first. */
int walk_session(struct session *session, const struct visitor *visitor, struct totals *totals,
                 walk_progress *progress, void *progress_data, struct problem *problem);

uint64_t totals_lost(const struct totals *totals);

#endif
