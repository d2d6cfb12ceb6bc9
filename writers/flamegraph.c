#include "writers/writer.h"
static void end(struct writer *writer, const struct totals *totals)
{
    (void)writer, (void)totals;
}
const struct writer_format format_flamegraph = {
    .name = "flamegraph",
    .suffix = ".svg",
    .help = "an interactive picture of the stacks: open it in a browser",
    .stacks = 1,
    .end = end};
