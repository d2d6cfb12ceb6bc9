/* See picture.h. */
#include "writers/picture.h"

#include "base/text.h"
#include "collector/memory.h"
#include "collector/numbering.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_JSON = 1500 << 10, MODULE_COLOURS = 8 };

/* ---- text ---- */

/* The next character of text that may be no UTF-8, or no character of XML's. */
static const char *next_character(const char *text, size_t available, unsigned *length)
{
    *length = text_utf8_length(text, available);
    int is_none = *length == 3 &&
                  (memcmp(text, "\xef\xbf\xbe", 3) == 0 || memcmp(text, "\xef\xbf\xbf", 3) == 0);
    if (*length == 0 || is_none) {
        *length = *length ? *length : 1;
        return NULL;
    }
    return text;
}

void put_xml(FILE *file, const char *text)
{
    unsigned length;
    for (size_t left = strlen(text); left; left -= length, text += length) {
        const char *bytes = next_character(text, left, &length);
        unsigned char byte = (unsigned char)*text;
        if (!bytes || byte < ' ' || byte == 0x7f)
            fputs("\xef\xbf\xbd", file);
        else if (strchr("<>&\"'", byte))
            fprintf(file, "&#%u;", byte);
        else
            fwrite(bytes, 1, length, file);
    }
}

void put_script_json(FILE *file, const char *text)
{
    unsigned length;
    fputc('"', file);
    for (size_t left = strlen(text); left; left -= length, text += length) {
        const char *bytes = next_character(text, left, &length);
        unsigned char byte = (unsigned char)*text;
        if (!bytes)
            fputs("\xef\xbf\xbd", file);
        else if (byte < ' ' || byte == 0x7f || strchr("<>&\"'\\", byte))
            fprintf(file, "\\u%04x", byte);
        else
            fwrite(bytes, 1, length, file);
    }
    fputc('"', file);
}

static void put_base36(FILE *file, uint64_t number)
{
    char digits[16], *at = digits + sizeof digits;
    do
        *--at = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
    while (number /= 36);
    fwrite(at, 1, (size_t)(digits + sizeof digits - at), file);
}

/* ---- kinds ---- */

static size_t kind_of(struct picture *picture, const struct name *name)
{
    int is_code = name->category == CATEGORY_FUNCTIONS;
    const char *path = is_code ? name->module : "";
    const char *slash = strrchr(path, '/');
    const char *label = is_code && !path[0]                    ? "code of no file"
                        : is_code                              ? slash ? slash + 1 : path
                        : name->category == CATEGORY_SAMPLES   ? "no stack"
                        : name->category == CATEGORY_PROCESSES ? "processes"
                                                               : category_tags[name->category];
    for (size_t i = 0; i < picture->kind_count; i++)
        if (strcmp(picture->kinds[i].label, label) == 0 &&
            strcmp(picture->kinds[i].path, path) == 0)
            return i;
    picture->kinds = grow_array(picture->kinds, picture->kind_count, sizeof *picture->kinds);
    struct kind *kind = &picture->kinds[picture->kind_count];
    *kind = (struct kind){.label = label, .path = path};
    if (!is_code)
        snprintf(kind->colour, sizeof kind->colour, "%.7s", category_tags[name->category]);
    return picture->kind_count++;
}

static int by_self(const void *a, const void *b)
{
    const struct kind *left = *(struct kind *const *)a, *right = *(struct kind *const *)b;
    if (left->self != right->self)
        return left->self < right->self ? 1 : -1;
    return strcmp(left->path, right->path);
}

/* The modules with the most weight of their own have the colours that can be told apart. */
static void find_kinds(struct picture *picture)
{
    const struct tree *tree = picture->tree;
    struct numbering names = {NULL, 0, 0};
    uint32_t *kinds = NULL; /* of the names */
    picture->kind_of = need(calloc(tree->count, sizeof *picture->kind_of));
    for (uint32_t i = 0; i < tree->count; i++) {
        uint32_t known = names.count, number = numbering_of(&names, (uintptr_t)tree_name(tree, i));
        if (number > known) {
            kinds = grow_array(kinds, known, sizeof *kinds);
            kinds[known] = (uint32_t)kind_of(picture, tree_name(tree, i));
        }
        picture->kind_of[i] = kinds[number - 1];
        picture->kinds[picture->kind_of[i]].self += tree->nodes[i].self[0];
    }
    numbering_free(&names);
    free(kinds);
    struct kind **sorted = need(calloc(picture->kind_count, sizeof *sorted));
    size_t count = 0;
    for (size_t i = 0; i < picture->kind_count; i++)
        if (!picture->kinds[i].colour[0])
            sorted[count++] = &picture->kinds[i];
    qsort(sorted, count, sizeof *sorted, by_self);
    for (size_t i = 0; i < count; i++)
        snprintf(sorted[i]->colour, sizeof sorted[i]->colour, "m%u",
                 (unsigned)(i < MODULE_COLOURS ? i : MODULE_COLOURS));
    free(sorted);
}

/* ---- frames ---- */

struct writing {
    struct picture *picture;
    FILE *file;
    struct numbering names; /* by text and kind: their places in "names", from 1 on */
    uint32_t *nodes;        /* theirs, the first one of each */
    uint32_t up;            /* how many levels the next frame lies above the last one's children */
};

static int is_shown(const struct picture *picture, uint32_t node)
{
    uint64_t total = picture->tree->nodes[node].total[0];
    return total && total >= picture->threshold;
}

static uint32_t number_of(struct writing *writing, uint32_t node)
{
    uint64_t frame = writing->picture->tree->nodes[node].frame;
    uint32_t known = writing->names.count;
    uint32_t number = numbering_of(&writing->names, frame << 32 | writing->picture->kind_of[node]);
    if (number > known) {
        writing->nodes = grow_array(writing->nodes, known, sizeof *writing->nodes);
        writing->nodes[known] = node;
    }
    return number - 1;
}

/* UP,NAME,TOTAL,SELF,TOTAL BEFORE,SELF BEFORE; in base 36; fields at the end that are missing: the
 * self weight is what the children leave, and nothing was before. */
static void put_frame(struct writing *writing, uint32_t index, uint64_t children)
{
    const struct tree_node *node = &writing->picture->tree->nodes[index];
    int says_self = node->self[0] != node->total[0] - children;
    int says_before = writing->picture->compares && node->total[1];
    put_base36(writing->file, writing->up);
    fputc(',', writing->file);
    put_base36(writing->file, number_of(writing, index));
    fputc(',', writing->file);
    put_base36(writing->file, node->total[0]);
    if (says_self || says_before)
        fputc(',', writing->file);
    if (says_self)
        put_base36(writing->file, node->self[0]);
    if (says_before) {
        fputc(',', writing->file);
        put_base36(writing->file, node->total[1]);
        fputc(',', writing->file);
        put_base36(writing->file, node->self[1]);
    }
    fputc(';', writing->file);
}

/* As deep as the tree, which is bounded (TREE_DEPTH). */
static void put_frames(struct writing *writing, uint32_t index)
{
    struct picture *picture = writing->picture;
    const struct tree_node *node = &picture->tree->nodes[index];
    const uint32_t *children = picture->tree->children + node->children;
    uint64_t shown = 0;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (is_shown(picture, children[i]))
            shown += picture->tree->nodes[children[i]].total[0];
        else
            picture->hidden_weight += picture->tree->nodes[children[i]].total[0];
    put_frame(writing, index, shown);
    picture->shown++;
    writing->up = 0;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (is_shown(picture, children[i]))
            put_frames(writing, children[i]);
    writing->up++;
}

static void put_names(struct writing *writing)
{
    const struct picture *picture = writing->picture;
    fputs("\",\n\"names\":[", writing->file);
    for (uint32_t i = 0; i < writing->names.count; i++) {
        fputs(i ? ",\n" : "", writing->file);
        put_script_json(writing->file, tree_name(picture->tree, writing->nodes[i])->text);
    }
    fputs("],\n\"kindOf\":[", writing->file);
    for (uint32_t i = 0; i < writing->names.count; i++)
        fprintf(writing->file, i ? ",%u" : "%u", picture->kind_of[writing->nodes[i]]);
    fputs("],\n\"kinds\":[", writing->file);
    for (size_t i = 0; i < picture->kind_count; i++) {
        const struct kind *kind = &picture->kinds[i];
        fprintf(writing->file, "%s[\"%s\",%" PRIu64 ",", i ? ",\n" : "", kind->colour, kind->self);
        put_script_json(writing->file, kind->label);
        fputc(',', writing->file);
        put_script_json(writing->file, kind->path);
        fputc(']', writing->file);
    }
    fputs("]", writing->file);
}

static void make_json(struct picture *picture)
{
    const struct tree *tree = picture->tree;
    struct writing writing = {.picture = picture};
    free(picture->json);
    picture->shown = 0;
    picture->hidden_weight = 0;
    writing.file = need(open_memstream(&picture->json, &picture->json_size));
    fputs("\"frames\":\"", writing.file);
    put_frames(&writing, 0);
    put_names(&writing);
    if (fclose(writing.file) != 0)
        need(NULL);
    numbering_free(&writing.names);
    free(writing.nodes);
    uint32_t weighty = 0;
    for (uint32_t i = 1; i < tree->count; i++)
        weighty += tree->nodes[i].total[0] != 0;
    picture->shown--; /* the root is none */
    picture->hidden = weighty - picture->shown;
}

/* The lowest threshold, nearly, that makes it small enough. */
static void make_small(struct picture *picture)
{
    uint64_t low = picture->threshold, high = picture->tree->nodes[0].total[0];
    while (high - low > low / 128 + 1) {
        picture->threshold = low + (high - low) / (high / 4 > low ? 8 : 2); /* most are light */
        make_json(picture);
        if (picture->json_size > MAX_JSON)
            low = picture->threshold;
        else
            high = picture->threshold;
    }
    if (picture->threshold != high) {
        picture->threshold = high;
        make_json(picture);
    }
}

struct picture *picture_new(const struct tree *tree, int compares)
{
    struct picture *picture = need(calloc(1, sizeof *picture));
    picture->tree = tree;
    picture->compares = compares;
    find_kinds(picture);
    picture->threshold = tree->nodes[0].total[0] / (10 * PICTURE_WIDTH); /* a tenth of a pixel */
    make_json(picture);
    if (picture->json_size > MAX_JSON)
        make_small(picture);
    return picture;
}

void picture_free(struct picture *picture)
{
    free(picture->kinds);
    free(picture->kind_of);
    free(picture->json);
    free(picture);
}
