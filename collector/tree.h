/* The tree of all stacks of a session under one root, which stands for nothing: its children are
 * processes. Nodes are found by their parent and the text of their name; each carries weights of
 * its own and, once the tree is finished, those of all that is below it. Memory grows with the
 * number of different stacks alone.
 *
 * A stack is as deep as TREE_DEPTH: what a recursion adds below that is one frame, "[… deeper]",
 * behind which only the innermost frame is kept. So the text of all stacks is linear in their
 * number. */
#ifndef VT_COLLECTOR_TREE_H
#define VT_COLLECTOR_TREE_H

#include "collector/names.h"

enum { TREE_DEPTH = 512 };

/* Two weights for each node: of two sessions that are compared, or of two questions. */
enum { TREE_COLUMNS = 2 };

struct tree_node {
    uint32_t parent;         /* always made before: its index is lower. 0 is the root */
    uint32_t frame;          /* number of its text */
    const struct name *name; /* the first one that was seen here, of those with this text */
    uint32_t depth;          /* 0: the root */
    uint32_t child_count;
    uint32_t children; /* of a finished tree: where they begin in tree->children */
    uint64_t self[TREE_COLUMNS];
    uint64_t total[TREE_COLUMNS]; /* of a finished tree */
};

struct tree {
    struct tree_node *nodes;
    uint32_t count;
    uint32_t *children;        /* of a finished tree: heaviest first, then by their text */
    const struct name **names; /* by frame: one that has the text */
    uint32_t name_count;
    struct tree_tables *tables;
};

/* `names` is where names of its own are made, and has to live as long as the tree. */
struct tree *tree_new(struct names *names);
void tree_free(struct tree *tree);

/* From now on names are those of another session, which has to live as long as the tree. */
void tree_change_names(struct tree *tree);

/* The node of a frame in a stack, or of the innermost frame. They may move the nodes. */
uint32_t tree_child(struct tree *tree, uint32_t parent, const struct name *name);
uint32_t tree_leaf(struct tree *tree, uint32_t parent, const struct name *name);

/* Weights of a damaged session stay at the most that they can be. */
static inline void tree_add(uint64_t *weight, uint64_t more)
{
    if (__builtin_add_overflow(*weight, more, weight))
        *weight = UINT64_MAX;
}

/* Sums up, and sorts by the first column. More may be added afterwards, and the tree finished
 * again. */
void tree_finish(struct tree *tree);

static inline const struct name *tree_name(const struct tree *tree, uint32_t node)
{
    return tree->nodes[node].name;
}

#endif
