/* vitte-trace report --io: files, pipes and sockets; or who reads and writes. */
#include "cli/report.h"

#include "collector/aggregate.h"
#include "collector/origins.h"

#include <stdlib.h>

static const struct column file_columns[] = {{"total", "time", COLUMN_TIME},
                                             {"calls", "calls", COLUMN_COUNT},
                                             {"read", "read", COLUMN_BYTES},
                                             {"written", "written", COLUMN_BYTES},
                                             {"slowest", "slowest", COLUMN_TIME},
                                             {"failed", "failed", COLUMN_COUNT},
                                             {"opens", "opens", COLUMN_COUNT},
                                             {"rereads", "again", COLUMN_COUNT},
                                             {"small", "small", COLUMN_COUNT},
                                             {"syncs", "syncs", COLUMN_COUNT},
                                             {"pid", NULL, COLUMN_ID},
                                             {"file", "file", COLUMN_TEXT},
                                             {NULL, NULL, 0}};

static struct table files_table(struct aggregate *aggregate)
{
    struct table table = {"io", "total", file_columns, NULL, 0};
    const struct file_sum *sums = aggregate_files(aggregate, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        const struct file_sum *sum = &sums[i];
        const union cell row[] = {{.number = sum->total_ns},   {.number = sum->calls},
                                  {.number = sum->read_bytes}, {.number = sum->written_bytes},
                                  {.number = sum->slowest_ns}, {.number = sum->failed},
                                  {.number = sum->opens},      {.number = sum->rereads},
                                  {.number = sum->small},      {.number = sum->syncs},
                                  {.number = sum->pid},        {.text = sum->path}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

enum { MANY_SMALL = 100, MANY_OPENS = 10, MANY_REREADS = 10, MANY_SYNCS = 10 };

static int is_worth_a_word(const struct file_sum *sum)
{
    return sum->small >= MANY_SMALL || sum->syncs >= MANY_SYNCS || sum->rereads >= MANY_REREADS ||
           (sum->opens >= MANY_OPENS && sum->read_bytes + sum->written_bytes);
}

static void print_words(const struct file_sum *sum)
{
    char bytes[32], time[32], count[32];
    uint64_t moved = sum->read_bytes + sum->written_bytes;
    if (sum->small >= MANY_SMALL)
        printf("%s: %s reads and writes of less than %d bytes\n", sum->path,
               show_count(count, sum->small), FILE_SMALL);
    if (sum->opens >= MANY_OPENS && moved)
        printf("%s: opened %s times, %s moved in all\n", sum->path, show_count(count, sum->opens),
               show_bytes(bytes, moved));
    if (sum->rereads >= MANY_REREADS)
        printf("%s: read again from its start %s times\n", sum->path,
               show_count(count, sum->rereads));
    if (sum->syncs >= MANY_SYNCS)
        printf("%s: synced %s times, which took %s\n", sum->path, show_count(count, sum->syncs),
               show_time(time, sum->sync_ns));
}

static int costs_more(const void *a, const void *b)
{
    const struct file_sum *left = a, *right = b;
    return (left->total_ns < right->total_ns) - (left->total_ns > right->total_ns);
}

/* What is worth a word, whatever the table is sorted by; of as many files as the table has rows. */
static void print_advice(struct aggregate *aggregate, size_t limit)
{
    size_t count, found = 0;
    struct file_sum *sums = aggregate_files(aggregate, &count);
    if (count)
        qsort(sums, count, sizeof *sums, costs_more);
    for (size_t i = 0; i < count; i++)
        if (is_worth_a_word(&sums[i]) && found++ < limit)
            print_words(&sums[i]);
    if (found > limit)
        printf("… and %zu more such files (-n 0 shows all)\n", found - limit);
}

static int report_files(const struct report *report, struct session *session)
{
    struct totals totals;
    struct aggregate *aggregate = aggregate_new();
    struct visitor sums = aggregate_visitor(aggregate);
    int status = report_walk(report, session, &sums, &totals);
    if (status == EXIT_OK) {
        struct table table = files_table(aggregate);
        status = report_table(report, &table, session, &totals);
        if (status == EXIT_OK && !report->json)
            print_advice(aggregate, report->limit);
    }
    aggregate_free(aggregate);
    return status;
}

/* ---- by stack or function ---- */

enum { TOTAL, CALLS, READ, WRITTEN, SLOWEST, FAILED };

struct callers {
    struct sums *sums;
    enum origin_kind kind;
};

static void on_image_end(void *data, struct image *image)
{
    struct callers *callers = data;
    sums_end_image(callers->sums, image, origin_text, &callers->kind);
}

static void on_span(void *data, const struct span *span)
{
    struct callers *callers = data;
    int64_t result = span_result(span);
    if (span->name->category != CATEGORY_IO || !span->call || span->kind != SPAN_COMPLETE)
        return;
    uint64_t *values = sums_at(callers->sums, span->native, span->tick);
    values[TOTAL] += span->duration_ns;
    values[CALLS]++;
    values[FAILED] += result < 0;
    if (span->duration_ns > values[SLOWEST])
        values[SLOWEST] = span->duration_ns;
    if (span->call->definition.result == RESULT_BYTES && result > 0)
        values[span->call->definition.flags & CALL_SENDS ? WRITTEN : READ] += (uint64_t)result;
    if (call_has(span->call, FIELD_TARGET_FD) && result > 0)
        values[WRITTEN] += (uint64_t)result;
}

static struct column caller_columns[] = {
    {"total", "time", COLUMN_TIME},      {"calls", "calls", COLUMN_COUNT},
    {"read", "read", COLUMN_BYTES},      {"written", "written", COLUMN_BYTES},
    {"slowest", "slowest", COLUMN_TIME}, {"failed", "failed", COLUMN_COUNT},
    {"caller", "", COLUMN_TEXT},         {NULL, NULL, 0}};
enum { CALLER_COLUMN = 6 };

static struct table callers_table(struct sums *sums)
{
    struct table table = {"io", "total", caller_columns, NULL, 0};
    const struct sum *all = sums_all(sums, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        for (int value = TOTAL; value <= FAILED; value++)
            table.rows[i][value].number = all[i].values[value];
        table.rows[i][CALLER_COLUMN].text = all[i].text;
    }
    return table;
}

static int report_callers(const struct report *report, struct session *session,
                          enum origin_kind kind)
{
    struct totals totals;
    struct callers callers = {sums_new(1 << SLOWEST), kind};
    struct visitor visitor = {.span = on_span, .image_end = on_image_end, .data = &callers};
    int status = report_walk(report, session, &visitor, &totals);
    caller_columns[CALLER_COLUMN].key = caller_columns[CALLER_COLUMN].title = report->by;
    caller_columns[CALLER_COLUMN].kind = kind == ORIGIN_STACK ? COLUMN_STACK : COLUMN_TEXT;
    if (status == EXIT_OK) {
        struct table table = callers_table(callers.sums);
        status = report_table(report, &table, session, &totals);
    }
    sums_free(callers.sums);
    return status;
}

int report_io(const struct report *report, struct session *session)
{
    int kind = report->by ? origin_named(report->by) : -1;
    if (!report->by)
        return report_files(report, session);
    if (kind < 0 || kind == ORIGIN_SIZE)
        return fail(EXIT_USAGE, "--io --by: there are stack, function and module; not '%s'",
                    report->by);
    return report_callers(report, session, (enum origin_kind)kind);
}
