/* vitte-trace report: its options, and what all reports share. */
#include "cli/report.h"

#include <getopt.h>
#include <stdlib.h>

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
    if (reporting->sums.image)
        reporting->sums.image(reporting->sums.data, image);
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct reporting *reporting = data;
    reporting->thread = *thread;
    if (reporting->sums.thread)
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
    else if (reporting->sums.left_out)
        reporting->sums.left_out(reporting->sums.data, span);
}

static void on_thread_end(void *data, uint64_t end_ns)
{
    struct reporting *reporting = data;
    if (reporting->sums.thread_end)
        reporting->sums.thread_end(reporting->sums.data, end_ns);
}

static void on_image_end(void *data, struct image *image)
{
    struct reporting *reporting = data;
    if (reporting->sums.image_end)
        reporting->sums.image_end(reporting->sums.data, image);
}

int report_walk(const struct report *report, struct session *session, struct visitor *visitor,
                struct totals *totals)
{
    struct problem problem = {""};
    struct filter *filter = report->filter_text ? parse_filter(report->filter_text) : NULL;
    if (report->filter_text && !filter)
        return EXIT_USAGE;
    struct reporting reporting = {.sums = *visitor, .filter = filter};
    struct visitor filtered = {.image = on_image,
                               .thread = on_thread,
                               .span = on_span,
                               .thread_end = on_thread_end,
                               .image_end = on_image_end,
                               .data = &reporting};
    int failed = walk_session(session, &filtered, totals, NULL, NULL, &problem);
    if (!failed)
        note_empty_filter(report->filter_text, reporting.spans, reporting.passed);
    filter_free(filter);
    return failed ? fail_problem(&problem) : EXIT_OK;
}

/* A table of "[no stack]" should not be a riddle. */
static void note_no_stacks(const struct report *report, const struct table *table,
                           const struct session *session)
{
    int wants = report->by && strcmp(report->by, "size") != 0;
    for (size_t i = 0; table->columns[i].key; i++)
        wants |= table->columns[i].kind == COLUMN_STACK;
    if (wants && table->count && !session_text(session, "stacks")[0])
        puts("no stacks were captured; run and record take --stacks");
}

int report_table(const struct report *report, struct table *table, const struct session *session,
                 const struct totals *totals)
{
    int status = table_sort(table, report->sort ? report->sort : table->sort);
    if (status == EXIT_OK && report->json)
        table_json(table, report->limit, totals);
    else if (status == EXIT_OK) {
        table_print(table, report->limit);
        note_no_stacks(report, table, session);
        print_losses(stdout, session, totals);
    }
    free(table->rows);
    return status;
}

static int check_options(const struct report *report, report_kind *kind)
{
    if (kind != report_tree && (report->weight || report->min_percent >= 0))
        return fail(EXIT_USAGE, "--weight and --min are for --tree");
    if (kind == report_tree && report->sort)
        return fail(EXIT_USAGE, "--tree is sorted by what it weighs; it takes no --sort");
    if (report->by && kind != report_memory && kind != report_io)
        return fail(EXIT_USAGE, "--by is for --memory and --io");
    return EXIT_OK;
}

static int parse(int argc, char **argv, struct report *report, report_kind **kind)
{
    enum { SORT = 256, FILTER, JSON, WEIGHT, MIN, KEEP_GOING, NO_LINES, BY, KINDS };
    static report_kind *const kinds[] = {report_threads, report_memory, report_io, report_locks,
                                         report_tree};
    static const struct option options[] = {
        {"threads", no_argument, NULL, KINDS},       {"memory", no_argument, NULL, KINDS + 1},
        {"io", no_argument, NULL, KINDS + 2},        {"locks", no_argument, NULL, KINDS + 3},
        {"tree", no_argument, NULL, KINDS + 4},      {"by", required_argument, NULL, BY},
        {"weight", required_argument, NULL, WEIGHT}, {"min", required_argument, NULL, MIN},
        {"sort", required_argument, NULL, SORT},     {"json", no_argument, NULL, JSON},
        {"filter", required_argument, NULL, FILTER}, {"keep-going", no_argument, NULL, KEEP_GOING},
        {"no-lines", no_argument, NULL, NO_LINES},   {NULL, 0, NULL, 0}};
    int option;
    char *end;
    while ((option = getopt_long(argc, argv, "n:", options, NULL)) != -1)
        switch (option) {
        case KINDS ... KINDS + 4:
            *kind = kinds[option - KINDS];
            break;
        case BY:
            report->by = optarg;
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
    return check_options(report, *kind);
}

#define MIN_PERCENT 0.5 /* of the tree, for people */

int verb_report(int argc, char **argv)
{
    struct problem problem = {""};
    struct report report = {.limit = 30, .min_percent = -1};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            report.limit = 0; /* a machine wants all rows unless it says -n */
    report_kind *kind = report_functions;
    int status = parse(argc, argv, &report, &kind);
    if (status != EXIT_OK)
        return status;
    struct session *session = session_open(argv[optind], report.keep_going, &problem);
    if (!session)
        return fail_problem(&problem);
    if (report.no_lines)
        names_without_lines(session->names);
    if (report.min_percent < 0)
        report.min_percent = report.json ? 0 : MIN_PERCENT;
    plain_output(&stdout);
    status = kind(&report, session);
    session_close(session);
    return status;
}
