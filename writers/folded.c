/* Folded stacks: `process;outer;inner WEIGHT`, one line for each different stack. Of two sessions
 * `process;outer;inner OTHER THIS`, as difffolded.pl has it. */
#include "writers/writer.h"

/* A frame's name, with what would end it early replaced. */
static void put_frame(struct sink *sink, const char *name)
{
    for (size_t plain; *name; name += plain) {
        for (plain = 0; (unsigned char)name[plain] >= ' ' && name[plain] != ';'; plain++)
            ;
        sink_bytes(sink, name, plain);
        if (name[plain])
            sink_string(sink, name[plain++] == ';' ? ":" : " ");
    }
}

static void put_stack(struct sink *sink, const struct tree *tree, uint32_t leaf)
{
    uint32_t path[TREE_DEPTH + 2], depth = 0;
    for (uint32_t node = leaf; node; node = tree->nodes[node].parent)
        path[depth++] = node;
    while (depth--) {
        put_frame(sink, tree_name(tree, path[depth])->text);
        sink_string(sink, depth ? ";" : " ");
    }
}

static void end(struct writer *writer, const struct totals *totals)
{
    const struct tree *tree = stacks_tree(writer->stacks);
    (void)totals;
    for (uint32_t i = 1; i < tree->count; i++) {
        const uint64_t *self = tree->nodes[i].self;
        if (!self[0] && !self[1])
            continue;
        put_stack(writer->sink, tree, i);
        if (writer->other) {
            sink_number(writer->sink, self[1]);
            sink_string(writer->sink, " ");
        }
        sink_number(writer->sink, self[0]);
        sink_string(writer->sink, "\n");
    }
}

const struct writer_format format_folded = {.name = "folded",
                                            .suffix = ".folded",
                                            .help = "folded stacks, each with its weight",
                                            .stacks = 1,
                                            .end = end};
