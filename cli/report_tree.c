/* vitte-trace report --tree: the tree of stacks. Frames that did nothing but call one other frame
 * stand with it in one row, so that depth shows where ways part. */
#include "cli/report.h"

#include "collector/memory.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What one line shows: from `first` down to `last`, which is the only one with a weight of its own
 * or more than one child. */
struct row {
    uint32_t first, last;
    uint32_t depth;
    int is_kept, has_next; /* has_next: among those that are kept, in the same place */
};

struct rows {
    const struct tree *tree;
    uint64_t threshold;
    struct row *rows;
    size_t count;
};

static uint64_t total_of(const struct rows *rows, uint32_t node)
{
    return rows->tree->nodes[node].total[0];
}

/* The only child that weighs anything, when nothing else does; or 0. */
static uint32_t only_child(const struct tree *tree, uint32_t node)
{
    const struct tree_node *it = &tree->nodes[node];
    uint32_t first = it->child_count ? tree->children[it->children] : 0; /* the heaviest */
    return first && tree->nodes[first].total[0] == it->total[0] ? first : 0;
}

/* As deep as the tree, which is bounded (TREE_DEPTH). */
static void add_rows(struct rows *rows, uint32_t parent, uint32_t depth)
{
    const struct tree *tree = rows->tree;
    const struct tree_node *node = &tree->nodes[parent];
    for (uint32_t i = 0; i < node->child_count; i++) {
        uint32_t first = tree->children[node->children + i], last = first;
        if (!total_of(rows, first) || total_of(rows, first) < rows->threshold)
            continue;
        for (uint32_t next; (next = only_child(tree, last));)
            last = next;
        rows->rows = grow_array(rows->rows, rows->count, sizeof *rows->rows);
        rows->rows[rows->count++] = (struct row){first, last, depth, 1, 0};
        add_rows(rows, last, depth + 1);
    }
}

static const struct rows *sorting; /* qsort has no argument for it */

/* What called a row weighs no less than it, and stands before it. */
static int heavier(const void *a, const void *b)
{
    size_t l = *(const size_t *)a, r = *(const size_t *)b;
    uint64_t left = total_of(sorting, sorting->rows[l].first);
    uint64_t right = total_of(sorting, sorting->rows[r].first);
    return left != right ? (left < right ? 1 : -1) : (l > r) - (l < r);
}

static void keep_heaviest(struct rows *rows, size_t limit)
{
    if (rows->count <= limit)
        return;
    size_t *order = need(calloc(rows->count, sizeof *order));
    for (size_t i = 0; i < rows->count; i++)
        order[i] = i;
    sorting = rows;
    qsort(order, rows->count, sizeof *order, heavier);
    for (size_t i = limit; i < rows->count; i++)
        rows->rows[order[i]].is_kept = 0;
    free(order);
}

static void find_next(struct rows *rows)
{
    char seen[TREE_DEPTH + 3] = {0};
    for (size_t i = rows->count; i-- > 0;) {
        struct row *row = &rows->rows[i];
        if (!row->is_kept)
            continue;
        row->has_next = seen[row->depth];
        seen[row->depth] = 1;
        seen[row->depth + 1] = 0; /* deeper ones belong to another parent; theirs are cleared too */
    }
}

/* ---- for people ---- */

/* OUTER → INNER; a frame that calls itself once, with how often. */
static void print_names(FILE *file, const struct rows *rows, const struct row *row)
{
    uint32_t path[TREE_DEPTH + 2], depth = 0;
    const struct tree *tree = rows->tree;
    for (uint32_t node = row->last; node != tree->nodes[row->first].parent;
         node = tree->nodes[node].parent)
        path[depth++] = node;
    while (depth--) {
        unsigned times = 1;
        for (; depth && tree->nodes[path[depth - 1]].frame == tree->nodes[path[depth]].frame;
             depth--)
            times++;
        fputs(tree_name(tree, path[depth])->text, file);
        if (times > 1)
            fprintf(file, " ×%u", times);
        fputs(depth ? " → " : "", file);
    }
}

/* A line as far as the terminal is wide; all of it where there is none (columns 0). */
static void print_line(const char *line, size_t columns)
{
    size_t bytes = 0, characters = 0, kept = 0;
    for (; line[bytes] && (columns == 0 || characters <= columns); bytes++)
        if (((unsigned char)line[bytes] & 0xc0) != 0x80 && ++characters == columns)
            kept = bytes; /* where the last character that fits begins */
    if (columns && characters > columns)
        printf("%.*s…\n", (int)kept, line);
    else
        printf("%s\n", line);
}

static size_t terminal_columns(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void print_row(const struct rows *rows, const struct row *row, const struct weight *weight,
                      const char *more, size_t columns)
{
    const struct tree_node *node = &rows->tree->nodes[row->last];
    char total[32], self[32], *line;
    size_t size;
    FILE *file = need(open_memstream(&line, &size));
    weight_show(total, weight, node->total[0]);
    weight_show(self, weight, node->self[0]);
    fprintf(file, "%10s %10s %6.2f %%  ", total, self,
            100.0 * (double)node->total[0] / (double)total_of(rows, 0));
    for (uint32_t i = 1; i < row->depth; i++)
        fputs(more[i] ? "│  " : "   ", file);
    if (row->depth)
        fputs(row->has_next ? "├─ " : "└─ ", file);
    print_names(file, rows, row);
    if (fclose(file) != 0)
        need(NULL);
    print_line(line, columns);
    free(line);
}

/* What the rows that are shown do not account for. */
static void print_rest(const struct rows *rows, const struct weight *weight, size_t printed)
{
    uint64_t own = 0;
    char figure[32], count[32];
    for (size_t i = 0; i < rows->count; i++)
        if (rows->rows[i].is_kept)
            own += rows->tree->nodes[rows->rows[i].last].self[0];
    uint64_t rest = total_of(rows, 0) - own;
    if (!rest)
        return;
    printf("… %s of self in ", weight_show(figure, weight, rest));
    if (printed < rows->count)
        printf("%s more rows (-n 0 shows all) and ", show_count(count, rows->count - printed));
    printf("frames of less than %s (--min 0 shows all)\n",
           weight_show(figure, weight, rows->threshold));
}

static void print_tree(const struct rows *rows, const struct weight *weight)
{
    char more[TREE_DEPTH + 3] = {0}, total[32];
    size_t printed = 0, columns = terminal_columns();
    printf("%s: %s\n", weight->title, weight_show(total, weight, total_of(rows, 0)));
    if (!total_of(rows, 0))
        return;
    printf("%10s %10s %8s\n", "total", "self", "share");
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        if (!row->is_kept)
            continue;
        more[row->depth] = (char)row->has_next;
        print_row(rows, row, weight, more, columns);
        printed++;
    }
    print_rest(rows, weight, printed);
}

/* ---- for programs ---- */

/* Heavier ones first; a frame before those that it called. */
static int heavier_node(const void *a, const void *b)
{
    uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;
    uint64_t left = total_of(sorting, l), right = total_of(sorting, r);
    return left != right ? (left < right ? 1 : -1) : (l > r) - (l < r);
}

/* The nodes that are shown: 1 for each. */
static char *choose_nodes(const struct rows *rows, size_t limit)
{
    uint32_t count = rows->tree->count;
    uint32_t *order = need(calloc(count, sizeof *order));
    char *chosen = need(calloc(count, 1));
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    sorting = rows;
    qsort(order + 1, count - 1, sizeof *order, heavier_node);
    for (size_t i = 1; i < count && i - 1 < limit; i++) {
        uint64_t total = total_of(rows, order[i]);
        chosen[order[i]] = total && total >= rows->threshold;
    }
    free(order);
    return chosen;
}

static void add_frames(const struct rows *rows, const char *chosen, uint32_t parent, json_t *caller,
                       json_t *frames)
{
    const struct tree_node *around = &rows->tree->nodes[parent];
    for (uint32_t i = 0; i < around->child_count; i++) {
        uint32_t index = rows->tree->children[around->children + i];
        const struct tree_node *node = &rows->tree->nodes[index];
        if (!chosen[index])
            continue;
        json_t *json = json_object(), *number = json_integer((json_int_t)json_array_size(frames));
        json_object_set(json, "caller", caller);
        json_object_set_new(json, "name", json_text(node->name->text));
        json_object_set_new(json, "module", json_text(node->name->module));
        json_object_set_new(json, "tag", json_string(category_tags[node->name->category]));
        json_object_set_new(json, "total", json_integer((json_int_t)node->total[0]));
        json_object_set_new(json, "self", json_integer((json_int_t)node->self[0]));
        json_object_set_new(json, "share",
                            json_real((double)node->total[0] / (double)total_of(rows, 0)));
        json_array_append_new(frames, json);
        add_frames(rows, chosen, index, number, frames);
        json_decref(number);
    }
}

/* A list in which each frame names its caller: a tree of objects would be too deep for readers. */
static void print_json(const struct rows *rows, const struct weight *weight,
                       const struct totals *totals, size_t limit)
{
    json_t *frames = json_array();
    char *chosen = choose_nodes(rows, limit);
    add_frames(rows, chosen, 0, json_null(), frames);
    free(chosen);
    json_t *document = json_pack("{s:s, s:s, s:I, s:o, s:I}", "weight", weight->name, "unit",
                                 weight_units[weight->unit], "total", (json_int_t)total_of(rows, 0),
                                 "frames", frames, "events_lost", (json_int_t)totals_lost(totals));
    json_dumpf(document, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    puts("");
    json_decref(document);
}

/* ---- the report ---- */

static void show(const struct report *report, const struct session *session, struct stacks *stacks,
                 const struct totals *totals)
{
    const struct weight *weight = stacks_weight(stacks);
    struct rows rows = {.tree = stacks_tree(stacks)};
    rows.threshold = (uint64_t)((double)total_of(&rows, 0) * report->min_percent / 100);
    if (report->json) {
        print_json(&rows, weight, totals, report->limit);
    } else {
        add_rows(&rows, 0, 0);
        keep_heaviest(&rows, report->limit);
        find_next(&rows);
        print_tree(&rows, weight);
        print_losses(stdout, session, totals);
    }
    free(rows.rows);
}

int report_tree(const struct report *report, struct session *session)
{
    struct problem problem = {""};
    struct totals totals;
    allow_many_files();
    struct stacks *stacks = stacks_new(session, report->weight);
    struct visitor visitor = stacks_visitor(stacks);
    int status = report_walk(report, session, &visitor, &totals);
    if (status == EXIT_OK && stacks_finish(stacks, &problem) != 0)
        status = fail_problem(&problem);
    else if (status == EXIT_OK)
        show(report, session, stacks, &totals);
    stacks_free(stacks);
    return status;
}
