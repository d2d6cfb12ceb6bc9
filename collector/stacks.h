/* From the spans of a session to the tree of their stacks, each with its weight. The stack of a
 * span is PROCESS; OUTER; …; INNER; the span itself. */
#ifndef VT_COLLECTOR_STACKS_H
#define VT_COLLECTOR_STACKS_H

#include "collector/tree.h"
#include "collector/walk.h"
#include "collector/weights.h"

struct stacks;

/* `weight` NULL: self time when something in the session is instrumented, else CPU time when there
 * are samples, else self time. The session has to live as long as what is made here. */
struct stacks *stacks_new(struct session *session, const struct weight *weight);
void stacks_free(struct stacks *stacks);

/* A visitor that adds what it sees. Frames' marks are used up. */
struct visitor stacks_visitor(struct stacks *stacks);

/* Behind a walk: the tree is finished. 0, or -1 and a problem. */
int stacks_finish(struct stacks *stacks, struct problem *problem);

/* Then: the next walk is of another session, weighed in the same way into the second column; finish
 * again behind it. Its first process is taken for that of the first session, whatever it is
 * called. */
void stacks_compare(struct stacks *stacks);

/* Once finished. */
struct tree *stacks_tree(struct stacks *stacks);
const struct weight *stacks_weight(const struct stacks *stacks);

#endif
