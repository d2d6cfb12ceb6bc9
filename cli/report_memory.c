/* vitte-trace report --memory: whose memory, and where it came from. */
#include "cli/report.h"

#include "collector/heap.h"
#include "collector/origins.h"

#include <stdlib.h>

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

/* The walk is for what was lost and what is not covered: a heap of nothing may be an allocator that
 * is not seen (H50). */
static int report_heaps(const struct report *report, struct session *session)
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
    int status = report_table(report, &table, session, &totals);
    free(heaps);
    return status;
}

/* ---- by where it came from ---- */

/* The last column is named after what the rows are. */
static struct column origin_columns[] = {{"allocated", "allocated", COLUMN_BYTES},
                                         {"allocations", "allocations", COLUMN_COUNT},
                                         {"peak", "at peak", COLUMN_BYTES},
                                         {"live", "live at end", COLUMN_BYTES},
                                         {"live_blocks", "blocks", COLUMN_COUNT},
                                         {"temporary", "temporary", COLUMN_COUNT},
                                         {"lived", "lived", COLUMN_TIME},
                                         {"origin", "", COLUMN_TEXT},
                                         {NULL, NULL, 0}};
enum { TEMPORARY_COLUMN = 5, ORIGIN_COLUMN = 7 };

static struct table origins_table(struct sums *sums)
{
    struct table table = {"memory", "allocated", origin_columns, NULL, 0};
    const struct sum *all = sums_all(sums, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        const uint64_t *values = all[i].values, frees = values[ORIGIN_FREES];
        const union cell row[] = {{.number = values[ORIGIN_ALLOCATED]},
                                  {.number = values[ORIGIN_ALLOCATIONS]},
                                  {.number = values[ORIGIN_PEAK]},
                                  {.number = values[ORIGIN_LIVE]},
                                  {.number = values[ORIGIN_LIVE_BLOCKS]},
                                  {.number = values[ORIGIN_TEMPORARY]},
                                  {.number = frees ? values[ORIGIN_LIVED] / frees : NO_NUMBER},
                                  {.text = all[i].text}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

/* Whether each allocation's successor is known. */
static int has_all(const struct session *session)
{
    for (size_t i = 0; i < session->image_count; i++)
        if (session->images[i].header.memory_rate)
            return 0;
    return 1;
}

static int report_origins(const struct report *report, struct session *session,
                          enum origin_kind kind)
{
    struct problem problem = {""};
    struct visitor nobody = {.image = NULL};
    struct totals totals;
    if (walk_session(session, &nobody, &totals, NULL, NULL, &problem) != 0)
        return fail_problem(&problem);
    allow_many_files();
    struct sums *sums = origins_of(session, kind, &problem);
    if (!sums)
        return fail_problem(&problem);
    origin_columns[ORIGIN_COLUMN].key = origin_columns[ORIGIN_COLUMN].title = report->by;
    origin_columns[ORIGIN_COLUMN].kind = kind == ORIGIN_STACK ? COLUMN_STACK : COLUMN_TEXT;
    origin_columns[TEMPORARY_COLUMN].kind = has_all(session) ? COLUMN_COUNT : COLUMN_UNKNOWN;
    struct table table = origins_table(sums);
    int status = report_table(report, &table, session, &totals);
    sums_free(sums);
    return status;
}

int report_memory(const struct report *report, struct session *session)
{
    if (report->filter_text)
        return fail(EXIT_USAGE, "--memory counts whole heaps; it takes no --filter");
    if (!report->by)
        return report_heaps(report, session);
    int kind = origin_named(report->by);
    if (kind >= 0)
        return report_origins(report, session, (enum origin_kind)kind);
    return fail(EXIT_USAGE, "--memory --by: there are stack, function, module and size; not '%s'",
                report->by);
}
