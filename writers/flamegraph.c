/* A flame graph: one SVG file with a script, for any browser, from the disk too. What is drawn here
 * is a picture that does not move, for viewers that run no scripts; the script takes it away and
 * draws the same from the JSON behind it (picture.h), at the window's width. */
#include "collector/memory.h"
#include "collector/show.h"
#include "writers/embedded.h"
#include "writers/picture.h"
#include "writers/writer.h"

#include <inttypes.h>

enum { PAD = 12, HEAD = 96, ROW = 18, STILL_FRAMES = 1500, CHARACTER = 7 };

struct svg {
    struct writer *writer;
    struct picture *picture;
    const struct tree *tree;
    FILE *file;
    uint64_t still_threshold; /* of the picture that does not move */
    uint32_t rows;
};

/* ---- what there is to say in words ---- */

static void put_command(FILE *file, const struct session *session)
{
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(session->manifest, "command"), i, word)
        fprintf(file, i ? " %s" : "%s", json_string_value(word) ? json_string_value(word) : "?");
}

static char *command_of(const struct session *session)
{
    char *text;
    size_t size;
    FILE *file = need(open_memstream(&text, &size));
    put_command(file, session);
    if (fclose(file) != 0)
        need(NULL);
    return size ? text : (free(text), need(strdup("a traced program")));
}

/* The heaviest of what the other session has and this one has not: nothing of it is drawn. */
static void put_vanished(FILE *file, const struct svg *svg)
{
    enum { NAMED = 5 };
    const struct tree *tree = svg->tree;
    const struct weight *weight = stacks_weight(svg->writer->stacks);
    uint32_t named[NAMED] = {0}, count = 0;
    uint64_t sum = 0;
    char figure[32];
    for (uint32_t i = 1; i < tree->count; i++) {
        const struct tree_node *node = &tree->nodes[i];
        if (node->total[0] || !node->total[1] ||
            (node->parent && !tree->nodes[node->parent].total[0]))
            continue;
        sum += node->total[1];
        count++;
        uint32_t at = NAMED, best = i;
        while (at > 0 && (!named[at - 1] || tree->nodes[named[at - 1]].total[1] < node->total[1]))
            at--;
        for (; at < NAMED; at++) { /* moves those behind it on */
            uint32_t next = named[at];
            named[at] = best;
            best = next;
        }
    }
    if (!count)
        return;
    fprintf(file, "gone: %s", weight_show(figure, weight, sum));
    for (uint32_t i = 0; i < NAMED && named[i]; i++)
        fprintf(file, "%s %s (%s)",
                i ? "," : " of the other session:", tree_name(tree, named[i])->text,
                weight_show(figure, weight, tree->nodes[named[i]].total[1]));
    fputs(count > NAMED ? " and more\n" : "\n", file);
}

/* One line for each thing that the picture does not show. */
static char *notes_of(const struct svg *svg, const struct totals *totals)
{
    char *text, figure[32], count[32];
    size_t size;
    const struct weight *weight = stacks_weight(svg->writer->stacks);
    uint64_t total = svg->tree->nodes[0].total[0];
    FILE *file = need(open_memstream(&text, &size));
    if (svg->picture->hidden)
        fprintf(file,
                "left out: %s frames too narrow to be seen; what they add up to is %s, %.2f %%\n",
                show_count(count, svg->picture->hidden),
                weight_show(figure, weight, svg->picture->hidden_weight),
                total ? 100.0 * (double)svg->picture->hidden_weight / (double)total : 0.0);
    if (!total)
        fprintf(file, "nothing to show: no %s in this session; --weight asks for something else\n",
                weight->title);
    if (svg->writer->other)
        put_vanished(file, svg);
    print_losses(file, svg->writer->session, totals);
    if (svg->writer->other && totals_lost(svg->writer->other_totals))
        fprintf(file, "lost in the other session: %s events\n",
                show_count(count, totals_lost(svg->writer->other_totals)));
    if (fclose(file) != 0)
        need(NULL);
    return text;
}

/* ---- the picture that does not move ---- */

/* How many frames a threshold leaves. */
static uint32_t count_frames(const struct tree *tree, uint64_t threshold)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < tree->count; i++)
        count += tree->nodes[i].total[0] >= threshold;
    return count;
}

static void measure(struct svg *svg)
{
    const struct tree *tree = svg->tree;
    uint64_t threshold = tree->nodes[0].total[0] / PICTURE_WIDTH + 1; /* a pixel */
    while (count_frames(tree, threshold) > STILL_FRAMES && threshold < UINT64_MAX / 2)
        threshold += threshold / 4 + 1;
    svg->still_threshold = threshold;
    for (uint32_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].total[0] >= threshold && tree->nodes[i].depth >= svg->rows)
            svg->rows = tree->nodes[i].depth + 1;
}

/* As much of a name as fits, cut between characters. */
static void put_label(FILE *file, const char *text, double width)
{
    char label[256];
    size_t room = (size_t)(width / CHARACTER), length = 0, characters = 0;
    for (; text[length] && length < sizeof label - 8 && characters <= room; length++)
        characters += ((unsigned char)text[length] & 0xc0) != 0x80;
    int cut = characters > room;
    while (cut && characters + 1 > room && length > 0)
        characters -= ((unsigned char)text[--length] & 0xc0) != 0x80;
    memcpy(label, text, length);
    memcpy(label + length, cut ? "…" : "", cut ? sizeof "…" : 1);
    put_xml(file, label);
}

/* As deep as the tree, which is bounded (TREE_DEPTH). */
static void put_still(const struct svg *svg, uint32_t index, double x, double scale)
{
    const struct tree_node *node = &svg->tree->nodes[index];
    double width = (double)node->total[0] * scale;
    uint32_t row = svg->writer->is_flame ? svg->rows - 1 - node->depth : node->depth;
    uint32_t y = HEAD + row * ROW;
    const struct kind *kind = &svg->picture->kinds[svg->picture->kind_of[index]];
    fprintf(svg->file, "<rect class=\"%s\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\"/>\n",
            kind->colour, x, y, width > 2 ? width - 1 : width, ROW - 1);
    if (width > 5 * CHARACTER) {
        fprintf(svg->file, "<text x=\"%.1f\" y=\"%u\">", x + 4, y + 13);
        put_label(svg->file, tree_name(svg->tree, index)->text, width - 8);
        fputs("</text>\n", svg->file);
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        uint32_t child = svg->tree->children[node->children + i];
        if (svg->tree->nodes[child].total[0] >= svg->still_threshold)
            put_still(svg, child, x, scale);
        x += (double)svg->tree->nodes[child].total[0] * scale;
    }
}

/* ---- the file ---- */

static void put_head(const struct svg *svg, const char *command, const char *notes)
{
    FILE *file = svg->file;
    const struct weight *weight = stacks_weight(svg->writer->stacks);
    char figure[32];
    unsigned height = HEAD + svg->rows * ROW + PAD;
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
            "width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\">\n<title>",
            PICTURE_WIDTH, height, PICTURE_WIDTH, height);
    put_xml(file, command);
    fprintf(file,
            ": %s</title>\n<style>\n%s</style>\n<g id=\"still\">\n<text class=\"title\" x=\"%d\" "
            "y=\"28\">",
            weight->title, embedded_flamegraph_style, PAD);
    put_label(file, command, PICTURE_WIDTH - 2 * PAD);
    fprintf(file, "</text>\n<text class=\"said\" x=\"%d\" y=\"50\">%s: %s</text>\n", PAD,
            weight->title, weight_show(figure, weight, svg->tree->nodes[0].total[0]));
    for (int line = 0; line < 2 && notes[0]; line++) {
        fprintf(file, "<text class=\"said\" x=\"%d\" y=\"%d\">", PAD, 68 + line * 16);
        char *first = need(strndup(notes, strcspn(notes, "\n")));
        put_label(file, first, PICTURE_WIDTH - 2 * PAD);
        free(first);
        fputs("</text>\n", file);
        notes += strcspn(notes, "\n");
        notes += notes[0] == '\n';
    }
}

static void put_json_text(FILE *file, const char *key, const char *text)
{
    fprintf(file, "\"%s\":", key);
    put_script_json(file, text);
    fputs(",\n", file);
}

static void put_script(const struct svg *svg, const char *command, const char *notes)
{
    FILE *file = svg->file;
    const struct writer *writer = svg->writer;
    const struct weight *weight = stacks_weight(writer->stacks);
    const struct tree_node *root = &svg->tree->nodes[0];
    fputs("<script><![CDATA[\nconst DATA = {", file);
    put_json_text(file, "command", command);
    put_json_text(file, "weight", weight->name);
    put_json_text(file, "title", weight->title);
    put_json_text(file, "unit", weight_units[weight->unit]);
    put_json_text(file, "notes", notes);
    fprintf(file, "\"flame\":%d,\"hidden\":%u,\"hiddenWeight\":%" PRIu64 ",", writer->is_flame,
            svg->picture->hidden, svg->picture->hidden_weight);
    if (writer->other) {
        char *other = command_of(writer->other);
        fprintf(file, "\"before\":%" PRIu64 ",\n", root->total[1]);
        put_json_text(file, "other", other);
        free(other);
    }
    fwrite(svg->picture->json, 1, svg->picture->json_size, file);
    fprintf(file, "};\n%s]]></script>\n</svg>\n", embedded_flamegraph_script);
}

static void end(struct writer *writer, const struct totals *totals)
{
    const struct tree *tree = stacks_tree(writer->stacks);
    char *text;
    size_t size;
    uint64_t total = tree->nodes[0].total[0];
    struct svg svg = {.writer = writer, .tree = tree, .rows = 1};
    svg.picture = picture_new(tree, writer->other != NULL);
    svg.file = need(open_memstream(&text, &size));
    char *command = command_of(writer->session), *notes = notes_of(&svg, totals);
    measure(&svg);
    put_head(&svg, command, notes);
    if (total)
        put_still(&svg, 0, PAD, (PICTURE_WIDTH - 2.0 * PAD) / (double)total);
    fputs("</g>\n", svg.file);
    put_script(&svg, command, notes);
    if (fclose(svg.file) != 0)
        need(NULL);
    sink_bytes(writer->sink, text, size);
    free(text);
    free(command);
    free(notes);
    picture_free(svg.picture);
}

const struct writer_format format_flamegraph = {
    .name = "flamegraph",
    .suffix = ".svg",
    .help = "flame graph: an interactive picture of the stacks, for any browser",
    .stacks = 1,
    .end = end};
