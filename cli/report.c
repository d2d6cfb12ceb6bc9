/* vitte-trace report: which tables there are, and what is in them. */
#include "cli/table.h"

#include "collector/aggregate.h"
#include "collector/heap.h"

#include <getopt.h>
#include <stdlib.h>

/* The column of locations has no title, and so is not shown, where none is known. */
enum { LOCATION_COLUMN = 10 };
static struct column function_columns[] = {{"total", "total", COLUMN_TIME},
                                           {"self", "self", COLUMN_TIME},
                                           {"calls", "calls", COLUMN_COUNT},
                                           {"min", "min", COLUMN_TIME},
                                           {"avg", "avg", COLUMN_TIME},
                                           {"p50", "p50", COLUMN_TIME},
                                           {"p99", "p99", COLUMN_TIME},
                                           {"max", "max", COLUMN_TIME},
                                           {"tag", "tag", COLUMN_TEXT},
                                           {"function", "function", COLUMN_TEXT},
                                           {"location", NULL, COLUMN_TEXT},
                                           {"module", NULL, COLUMN_TEXT},
                                           {NULL, NULL, 0}};

/* The text lives as long as the names do. Of the path a table has room for the end only. */
static const char *location_of(struct names *names, const struct name *name, unsigned parts)
{
    char text[4096];
    const struct source_frame *source = names_source(names, name);
    if (!source)
        return "";
    function_columns[LOCATION_COLUMN].title = "location";
    source_show(text, sizeof text, source, parts);
    return names_make(names, CATEGORY_SAMPLES, "", text, strlen(text), 0)->text;
}

static struct table functions_table(struct aggregate *aggregate, struct names *names,
                                    unsigned parts)
{
    struct table table = {"functions", "self", function_columns, NULL, 0};
    struct function_sum **sums = aggregate_functions(aggregate, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        const struct function_sum *sum = sums[i];
        const union cell row[] = {{.number = sum->total_ns},
                                  {.number = sum->self_ns},
                                  {.number = sum->calls},
                                  {.number = sum->min_ns},
                                  {.number = sum->sum_ns / sum->calls},
                                  {.number = function_quantile(sum, 0.5)},
                                  {.number = function_quantile(sum, 0.99)},
                                  {.number = sum->max_ns},
                                  {.text = category_tags[sum->name->category]},
                                  {.text = sum->name->text},
                                  {.text = location_of(names, sum->name, parts)},
                                  {.text = sum->name->module}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

static const struct column thread_columns[] = {{"pid", "pid", COLUMN_ID},
                                               {"tid", "tid", COLUMN_ID},
                                               {"process", "process", COLUMN_TEXT},
                                               {"thread", "thread", COLUMN_TEXT},
                                               {"lived", "lived", COLUMN_TIME},
                                               {"spans", "spans", COLUMN_COUNT},
                                               {"functions", "functions", COLUMN_TIME},
                                               {"io", "I/O", COLUMN_TIME},
                                               {"waited", "waited", COLUMN_TIME},
                                               {"allocations", "allocs", COLUMN_COUNT},
                                               {"allocated", "allocated", COLUMN_BYTES},
                                               {NULL, NULL, 0}};

static struct table threads_table(struct aggregate *aggregate)
{
    struct table table = {"threads", "lived", thread_columns, NULL, 0};
    struct thread_sum *sums = aggregate_threads(aggregate, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        const struct thread_sum *sum = &sums[i];
        const union cell row[] = {{.number = sum->pid},
                                  {.number = sum->tid},
                                  {.text = sum->process},
                                  {.text = sum->name},
                                  {.number = sum->last_ns - sum->first_ns},
                                  {.number = sum->spans},
                                  {.number = sum->function_ns},
                                  {.number = sum->io_ns},
                                  {.number = sum->wait_ns},
                                  {.number = sum->allocations},
                                  {.number = sum->allocated}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

static const struct column file_columns[] = {{"total", "time", COLUMN_TIME},
                                             {"calls", "calls", COLUMN_COUNT},
                                             {"read", "read", COLUMN_BYTES},
                                             {"written", "written", COLUMN_BYTES},
                                             {"slowest", "slowest", COLUMN_TIME},
                                             {"failed", "failed", COLUMN_COUNT},
                                             {"pid", NULL, COLUMN_ID},
                                             {"file", "file", COLUMN_TEXT},
                                             {NULL, NULL, 0}};

static struct table files_table(struct aggregate *aggregate)
{
    struct table table = {"io", "total", file_columns, NULL, 0};
    struct file_sum **sums = aggregate_files(aggregate, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        const struct file_sum *sum = sums[i];
        const union cell row[] = {{.number = sum->total_ns},   {.number = sum->calls},
                                  {.number = sum->read_bytes}, {.number = sum->written_bytes},
                                  {.number = sum->slowest_ns}, {.number = sum->failed},
                                  {.number = sum->pid},        {.text = sum->path}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

static const struct column memory_columns[] = {{"pid", "pid", COLUMN_ID},
                                               {"process", "process", COLUMN_TEXT},
                                               {"allocations", "allocations", COLUMN_COUNT},
                                               {"allocated", "allocated", COLUMN_BYTES},
                                               {"frees", "frees", COLUMN_COUNT},
                                               {"peak", "peak live", COLUMN_BYTES},
                                               {"live", "live at end", COLUMN_BYTES},
                                               {"live_blocks", "blocks", COLUMN_COUNT},
                                               {"failed", "failed", COLUMN_COUNT},
                                               {"unknown_frees", "foreign", COLUMN_COUNT},
                                               {"overlaps", NULL, COLUMN_COUNT},
                                               {NULL, NULL, 0}};

static struct table memory_table(const struct heap_sum *heaps, size_t count)
{
    struct table table = {"memory", "allocated", memory_columns, table_rows(count), count};
    for (size_t i = 0; i < count; i++) {
        const struct heap_sum *sum = &heaps[i];
        const union cell row[] = {{.number = sum->pid},         {.text = sum->process},
                                  {.number = sum->allocations}, {.number = sum->allocated},
                                  {.number = sum->frees},       {.number = sum->peak},
                                  {.number = sum->live},        {.number = sum->live_blocks},
                                  {.number = sum->failed},      {.number = sum->unknown_frees},
                                  {.number = sum->overlaps}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

/* ---- the verb ---- */

struct reporting {
    struct visitor sums;
    const struct filter *filter;
    struct image *image;
    struct thread_view thread;
    uint64_t spans, passed; /* of the filter */
};

static void on_image(void *data, struct image *image)
{
    struct reporting *reporting = data;
    reporting->image = image;
    reporting->sums.image(reporting->sums.data, image);
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct reporting *reporting = data;
    reporting->thread = *thread;
    reporting->sums.thread(reporting->sums.data, image, thread);
}

static void on_span(void *data, const struct span *span)
{
    struct reporting *reporting = data;
    int passes = !reporting->filter ||
                 span_passes(reporting->filter, reporting->image, &reporting->thread, span);
    reporting->spans++;
    reporting->passed += (uint64_t)passes;
    if (passes)
        reporting->sums.span(reporting->sums.data, span);
}

static void on_thread_end(void *data, uint64_t end_ns)
{
    struct reporting *reporting = data;
    reporting->sums.thread_end(reporting->sums.data, end_ns);
}

struct report {
    enum { TABLE_FUNCTIONS, TABLE_THREADS, TABLE_FILES, TABLE_MEMORY, TABLE_TREE } table;
    const char *sort, *filter_text;
    const struct weight *weight; /* this and the next are for the tree */
    double min_percent;          /* negative: not said */
    size_t limit;
    int json, keep_going, no_lines;
};

static int show(const struct report *report, const struct table *table,
                const struct session *session, const struct totals *totals)
{
    int status = table_sort(table, report->sort ? report->sort : table->sort);
    if (status == EXIT_OK && report->json)
        table_json(table, report->limit, totals);
    else if (status == EXIT_OK) {
        table_print(table, report->limit);
        print_losses(stdout, session, totals);
    }
    free(table->rows);
    return status;
}

/* The walk is for what was lost and what is not covered: a heap of nothing may be an allocator that
 * is not seen (H50). */
static int report_memory(const struct report *report, struct session *session)
{
    struct problem problem = {""};
    struct visitor nobody = {.image = NULL};
    struct totals totals, counted = {.unmatched = 0};
    size_t count = 0;
    if (walk_session(session, &nobody, &totals, NULL, NULL, &problem) != 0)
        return fail_problem(&problem);
    allow_many_files();
    struct heap_sum *heaps = heap_session(session, &count, &counted, &problem);
    if (!heaps)
        return fail_problem(&problem);
    struct table table = memory_table(heaps, count);
    int status = show(report, &table, session, &totals);
    free(heaps);
    return status;
}

static int report_sums(const struct report *report, struct session *session)
{
    struct problem problem = {""};
    struct totals totals;
    struct filter *filter = report->filter_text ? parse_filter(report->filter_text) : NULL;
    if (report->filter_text && !filter)
        return EXIT_USAGE;
    struct aggregate *aggregate = aggregate_new();
    struct reporting reporting = {.sums = aggregate_visitor(aggregate), .filter = filter};
    struct visitor visitor = {on_image, on_thread, on_span, on_thread_end, &reporting, 0};
    int status = EXIT_OK;
    if (walk_session(session, &visitor, &totals, NULL, NULL, &problem) != 0) {
        status = fail_problem(&problem);
    } else {
        struct table table = report->table == TABLE_THREADS ? threads_table(aggregate)
                             : report->table == TABLE_FILES
                                 ? files_table(aggregate)
                                 : functions_table(aggregate, session->names, report->json ? 0 : 2);
        status = show(report, &table, session, &totals);
        note_empty_filter(report->filter_text, reporting.spans, reporting.passed);
    }
    aggregate_free(aggregate);
    filter_free(filter);
    return status;
}

static int parse(int argc, char **argv, struct report *report)
{
    enum { SORT = 256, FILTER, JSON, THREADS, MEMORY, IO, TREE, WEIGHT, MIN, KEEP_GOING, NO_LINES };
    static const struct option options[] = {{"threads", no_argument, NULL, THREADS},
                                            {"memory", no_argument, NULL, MEMORY},
                                            {"io", no_argument, NULL, IO},
                                            {"tree", no_argument, NULL, TREE},
                                            {"weight", required_argument, NULL, WEIGHT},
                                            {"min", required_argument, NULL, MIN},
                                            {"sort", required_argument, NULL, SORT},
                                            {"json", no_argument, NULL, JSON},
                                            {"filter", required_argument, NULL, FILTER},
                                            {"keep-going", no_argument, NULL, KEEP_GOING},
                                            {"no-lines", no_argument, NULL, NO_LINES},
                                            {NULL, 0, NULL, 0}};
    int option;
    char *end;
    while ((option = getopt_long(argc, argv, "n:", options, NULL)) != -1)
        switch (option) {
        case THREADS:
            report->table = TABLE_THREADS;
            break;
        case MEMORY:
            report->table = TABLE_MEMORY;
            break;
        case IO:
            report->table = TABLE_FILES;
            break;
        case TREE:
            report->table = TABLE_TREE;
            break;
        case WEIGHT:
            report->weight = choose_weight(optarg);
            if (!report->weight)
                return EXIT_USAGE;
            break;
        case MIN:
            report->min_percent = strtod(optarg, &end);
            if (*end || optarg == end || !(report->min_percent >= 0 && report->min_percent <= 100))
                return fail(EXIT_USAGE, "--min takes a share in percent, 0 to 100; not '%s'",
                            optarg);
            break;
        case SORT:
            report->sort = optarg;
            break;
        case FILTER:
            report->filter_text = optarg;
            break;
        case JSON:
            report->json = 1;
            break;
        case KEEP_GOING:
            report->keep_going = 1;
            break;
        case NO_LINES:
            report->no_lines = 1;
            break;
        case 'n':
            report->limit = strtoul(optarg, &end, 10);
            if (*end || optarg == end || optarg[0] == '-')
                return fail(EXIT_USAGE, "-n takes a number of rows, 0 for all; not '%s'", optarg);
            break;
        default:
            return usage("report");
        }
    if (optind + 1 != argc)
        return usage("report");
    if (report->limit == 0)
        report->limit = SIZE_MAX;
    if (report->table == TABLE_MEMORY && report->filter_text)
        return fail(EXIT_USAGE, "--memory counts whole heaps; it takes no --filter");
    if (report->table != TABLE_TREE && (report->weight || report->min_percent >= 0))
        return fail(EXIT_USAGE, "--weight and --min are for --tree");
    if (report->table == TABLE_TREE && report->sort)
        return fail(EXIT_USAGE, "--tree is sorted by what it weighs; it takes no --sort");
    return EXIT_OK;
}

#define MIN_PERCENT 0.5 /* of the tree, for people */

int verb_report(int argc, char **argv)
{
    struct problem problem = {""};
    struct report report = {.limit = 30, .min_percent = -1};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            report.limit = 0; /* a machine wants all rows unless it says -n */
    int status = parse(argc, argv, &report);
    if (status != EXIT_OK)
        return status;
    struct session *session = session_open(argv[optind], report.keep_going, &problem);
    if (!session)
        return fail_problem(&problem);
    if (report.no_lines)
        names_without_lines(session->names);
    if (report.min_percent < 0)
        report.min_percent = report.json ? 0 : MIN_PERCENT;
    const struct tree_report tree = {report.weight, report.filter_text, report.min_percent,
                                     report.limit, report.json};
    status = report.table == TABLE_MEMORY ? report_memory(&report, session)
             : report.table == TABLE_TREE ? report_tree(&tree, session)
                                          : report_sums(&report, session);
    session_close(session);
    return status;
}
