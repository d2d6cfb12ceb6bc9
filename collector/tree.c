/* See tree.h. */
#include "collector/tree.h"

#include "collector/memory.h"
#include "collector/numbering.h"

#include <string.h>

struct tree_tables {
    struct numbering nodes; /* by parent and frame; the root has none */
    uint32_t *texts;        /* open addressing: a frame + 1 */
    uint32_t text_slots;    /* a power of two */
    uint32_t *frames;       /* by the number of a name: its frame + 1 */
    size_t frame_room;
    const struct name *deeper;
};

static uint32_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t *slot_of_text(const struct tree *tree, const char *text)
{
    const struct tree_tables *tables = tree->tables;
    uint32_t at = hash_text(text) & (tables->text_slots - 1);
    while (tables->texts[at] && strcmp(tree->names[tables->texts[at] - 1]->text, text) != 0)
        at = (at + 1) & (tables->text_slots - 1);
    return &tables->texts[at];
}

static uint32_t add_text(struct tree *tree, const struct name *name)
{
    struct tree_tables *tables = tree->tables;
    if (2 * (tree->name_count + 1) > tables->text_slots) {
        tables->text_slots = tables->text_slots ? 2 * tables->text_slots : 1024;
        free(tables->texts);
        tables->texts = need(calloc(tables->text_slots, sizeof *tables->texts));
        for (uint32_t i = 0; i < tree->name_count; i++)
            *slot_of_text(tree, tree->names[i]->text) = i + 1;
    }
    uint32_t *slot = slot_of_text(tree, name->text);
    if (!*slot) {
        tree->names = grow_array(tree->names, tree->name_count, sizeof *tree->names);
        tree->names[tree->name_count++] = name;
        *slot = tree->name_count;
    }
    return *slot - 1;
}

/* The number of a name's text, which is looked up once for each name. */
static uint32_t frame_of(struct tree *tree, const struct name *name)
{
    struct tree_tables *tables = tree->tables;
    if (name->number >= tables->frame_room) {
        size_t room = 2 * (size_t)name->number + 64;
        tables->frames = need(realloc(tables->frames, room * sizeof *tables->frames));
        memset(tables->frames + tables->frame_room, 0,
               (room - tables->frame_room) * sizeof *tables->frames);
        tables->frame_room = room;
    }
    if (!tables->frames[name->number])
        tables->frames[name->number] = add_text(tree, name) + 1;
    return tables->frames[name->number] - 1;
}

static uint32_t add_node(struct tree *tree, struct tree_node node)
{
    tree->nodes = grow_array(tree->nodes, tree->count, sizeof *tree->nodes);
    tree->nodes[tree->count] = node;
    return tree->count++;
}

struct tree *tree_new(struct names *names)
{
    struct tree *tree = need(calloc(1, sizeof *tree));
    tree->tables = need(calloc(1, sizeof *tree->tables));
    tree->tables->deeper =
        names_make(names, CATEGORY_PROCESSES, "", "[… deeper]", strlen("[… deeper]"), 0);
    const struct name *all = names_make(names, CATEGORY_PROCESSES, "", "all", 3, 0);
    add_node(tree, (struct tree_node){.name = all, .frame = frame_of(tree, all)});
    return tree;
}

void tree_free(struct tree *tree)
{
    if (!tree)
        return;
    numbering_free(&tree->tables->nodes);
    free(tree->tables->texts);
    free(tree->tables->frames);
    free(tree->tables);
    free(tree->nodes);
    free(tree->children);
    free(tree->names);
    free(tree);
}

void tree_change_names(struct tree *tree)
{
    memset(tree->tables->frames, 0, tree->tables->frame_room * sizeof *tree->tables->frames);
}

static uint32_t node_of(struct tree *tree, uint32_t parent, uint32_t frame, const struct name *name)
{
    uint32_t node = numbering_of(&tree->tables->nodes, (uint64_t)parent << 32 | frame);
    if (node == tree->count)
        add_node(tree, (struct tree_node){.parent = parent,
                                          .name = name,
                                          .frame = frame,
                                          .depth = tree->nodes[parent].depth + 1});
    return node;
}

/* "[… deeper]" lies at TREE_DEPTH, and nothing else does. */
uint32_t tree_child(struct tree *tree, uint32_t parent, const struct name *name)
{
    if (tree->nodes[parent].depth >= TREE_DEPTH)
        return tree->nodes[parent].depth == TREE_DEPTH ? parent : tree->nodes[parent].parent;
    if (tree->nodes[parent].depth + 1 == TREE_DEPTH)
        return node_of(tree, parent, add_text(tree, tree->tables->deeper), tree->tables->deeper);
    return node_of(tree, parent, frame_of(tree, name), name);
}

uint32_t tree_leaf(struct tree *tree, uint32_t parent, const struct name *name)
{
    uint32_t node = tree_child(tree, parent, name);
    return tree->nodes[node].depth == TREE_DEPTH ? node_of(tree, node, frame_of(tree, name), name)
                                                 : node;
}

static const struct tree *sorting; /* qsort has no argument for it */

static int heavier(const void *a, const void *b)
{
    uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;
    const struct tree_node *left = &sorting->nodes[l], *right = &sorting->nodes[r];
    for (int column = 0; column < TREE_COLUMNS; column++)
        if (left->total[column] != right->total[column])
            return left->total[column] < right->total[column] ? 1 : -1;
    return strcmp(tree_name(sorting, l)->text, tree_name(sorting, r)->text);
}

void tree_finish(struct tree *tree)
{
    struct tree_node *nodes = tree->nodes;
    for (uint32_t i = 0; i < tree->count; i++) {
        nodes[i].child_count = 0;
        memcpy(nodes[i].total, nodes[i].self, sizeof nodes[i].total);
    }
    for (uint32_t i = tree->count; i-- > 1;) {
        struct tree_node *parent = &nodes[nodes[i].parent];
        parent->child_count++;
        for (int column = 0; column < TREE_COLUMNS; column++)
            tree_add(&parent->total[column], nodes[i].total[column]);
    }
    free(tree->children);
    tree->children = need(malloc(tree->count * sizeof *tree->children));
    uint32_t at = 0;
    for (uint32_t i = 0; i < tree->count; i++) {
        nodes[i].children = at;
        at += nodes[i].child_count;
        nodes[i].child_count = 0;
    }
    for (uint32_t i = 1; i < tree->count; i++) {
        struct tree_node *parent = &nodes[nodes[i].parent];
        tree->children[parent->children + parent->child_count++] = i;
    }
    sorting = tree;
    for (uint32_t i = 0; i < tree->count; i++)
        if (nodes[i].child_count > 1)
            qsort(tree->children + nodes[i].children, nodes[i].child_count, sizeof *tree->children,
                  heavier);
}
