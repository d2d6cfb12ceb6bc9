/* Folded stacks: `process;outer;inner WEIGHT`, the weight in nanoseconds of self time, one line for
 * each different stack. Memory grows with the number of different stacks alone. */
#include "collector/memory.h"
#include "writers/writer.h"

#include <stdio.h>
#include <stdlib.h>

/* A node of the tree of all stacks: found by its parent and name. */
struct node {
    uint32_t parent; /* index; 0 is the root of all */
    const struct name *name;
    uint64_t self_ns;
};

struct folded {
    struct node *nodes;
    uint32_t count, room;
    uint32_t *table; /* open addressing: node index, 0 is empty */
    uint32_t table_size;
    const struct name *process;
};

static uint32_t slot_of(const struct folded *folded, uint32_t parent, const struct name *name)
{
    uint64_t hash = ((uint64_t)parent << 32 | name->number) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash >> 32) & (folded->table_size - 1);
    for (uint32_t found; (found = folded->table[at]); at = (at + 1) & (folded->table_size - 1))
        if (folded->nodes[found].parent == parent && folded->nodes[found].name == name)
            break;
    return at;
}

static void grow(struct folded *folded)
{
    folded->room = folded->room ? 2 * folded->room : 1024;
    folded->nodes = need(realloc(folded->nodes, folded->room * sizeof *folded->nodes));
    free(folded->table);
    folded->table_size = 2 * folded->room;
    folded->table = need(calloc(folded->table_size, sizeof *folded->table));
    for (uint32_t i = 1; i < folded->count; i++)
        folded->table[slot_of(folded, folded->nodes[i].parent, folded->nodes[i].name)] = i;
}

static uint32_t node_of(struct folded *folded, uint32_t parent, const struct name *name)
{
    if (folded->count == folded->room)
        grow(folded);
    uint32_t at = slot_of(folded, parent, name);
    if (!folded->table[at]) {
        folded->nodes[folded->count] = (struct node){parent, name, 0};
        folded->table[at] = folded->count++;
    }
    return folded->table[at];
}

static void begin(struct writer *writer)
{
    struct folded *folded = writer->state;
    folded->count = 1;
    grow(folded);
    folded->nodes[0] = (struct node){0, NULL, 0};
}

static void image(struct writer *writer)
{
    struct folded *folded = writer->state;
    folded->process = names_make(writer->session->names, CATEGORY_PROCESSES, "",
                                 writer->image->name, strlen(writer->image->name), 0);
}

static void span(struct writer *writer, const struct span *span)
{
    struct folded *folded = writer->state;
    if (span->kind != SPAN_COMPLETE || span->self_ns == 0)
        return;
    size_t known = span->depth; /* frames keep their node as their mark */
    while (known > 0 && !span->stack[known - 1].mark)
        known--;
    uint32_t node = known ? span->stack[known - 1].mark : node_of(folded, 0, folded->process);
    for (; known < span->depth; known++)
        node = span->stack[known].mark = node_of(folded, node, span->stack[known].name);
    node = node_of(folded, node, span->name); /* first: it may move the nodes */
    folded->nodes[node].self_ns += span->self_ns;
}

/* A frame's name, with what would end it early replaced. */
static void put_frame(struct sink *sink, const char *name)
{
    for (; *name; name++)
        sink_bytes(sink, *name == ';' ? ":" : (unsigned char)*name < ' ' ? " " : name, 1);
}

static void put_stack(struct writer *writer, uint32_t leaf)
{
    struct folded *folded = writer->state;
    uint32_t depth = 0, *path = NULL, room = 0;
    for (uint32_t node = leaf; node; node = folded->nodes[node].parent) {
        if (depth == room) {
            room = room ? 2 * room : 64;
            path = need(realloc(path, room * sizeof *path));
        }
        path[depth++] = node;
    }
    while (depth--) {
        put_frame(writer->sink, folded->nodes[path[depth]].name->text);
        sink_string(writer->sink, depth ? ";" : " ");
    }
    sink_number(writer->sink, folded->nodes[leaf].self_ns);
    sink_string(writer->sink, "\n");
    free(path);
}

static void end(struct writer *writer, const struct totals *totals)
{
    struct folded *folded = writer->state;
    (void)totals;
    for (uint32_t i = 1; i < folded->count; i++)
        if (folded->nodes[i].self_ns)
            put_stack(writer, i);
    free(folded->nodes);
    free(folded->table);
}

const struct writer_format format_folded = {"folded",
                                            ".folded",
                                            "folded stacks, weight in ns of self time",
                                            sizeof(struct folded),
                                            0,
                                            begin,
                                            image,
                                            NULL,
                                            span,
                                            end};
