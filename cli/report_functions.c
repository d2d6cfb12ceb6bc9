/* vitte-trace report, and report --threads: what took the time. */
#include "cli/report.h"

#include "collector/aggregate.h"

/* The columns of CPU time and of locations have no title, and so are not shown, where none is
 * known.
 */
enum { CPU_COLUMN = 2, LOCATION_COLUMN = 11 };
static struct column function_columns[] = {{"total", "total", COLUMN_TIME},
                                           {"self", "self", COLUMN_TIME},
                                           {"cpu", NULL, COLUMN_TIME},
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
                                           {"time", NULL, COLUMN_TIME},
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
    int sampled = aggregate_is_sampled(aggregate);
    struct table table = {"functions", sampled ? "time" : "self", function_columns, NULL, 0};
    struct function_sum **sums = aggregate_functions(aggregate, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        const struct function_sum *sum = sums[i];
        if (sum->cpu_ns)
            function_columns[CPU_COLUMN].title = "CPU";
        uint64_t calls = sum->calls; /* 0: only samples are known */
        /* what it took its thread, on the processor or waiting */
        uint64_t time = sum->cpu_ns > sum->self_ns ? sum->cpu_ns : sum->self_ns;
        const union cell row[] = {{.number = number_if(calls, sum->total_ns)},
                                  {.number = number_if(calls, sum->self_ns)},
                                  {.number = number_if(sum->cpu_ns, sum->cpu_ns)},
                                  {.number = number_if(calls, calls)},
                                  {.number = number_if(calls, sum->min_ns)},
                                  {.number = calls ? sum->sum_ns / calls : NO_NUMBER},
                                  {.number = number_if(calls, function_quantile(sum, 0.5))},
                                  {.number = number_if(calls, function_quantile(sum, 0.99))},
                                  {.number = number_if(calls, sum->max_ns)},
                                  {.text = category_tags[sum->name->category]},
                                  {.text = sum->name->text},
                                  {.text = location_of(names, sum->name, parts)},
                                  {.text = sum->name->module},
                                  {.number = time}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

static const struct column thread_columns[] = {{"pid", "pid", COLUMN_ID},
                                               {"tid", "tid", COLUMN_ID},
                                               {"process", "process", COLUMN_TEXT},
                                               {"thread", "thread", COLUMN_TEXT},
                                               {"lived", "lived", COLUMN_TIME},
                                               {"cpu", "CPU", COLUMN_TIME},
                                               {"spans", "spans", COLUMN_COUNT},
                                               {"functions", "functions", COLUMN_TIME},
                                               {"io", "I/O", COLUMN_TIME},
                                               {"waited", "waited", COLUMN_TIME},
                                               {"allocations", "allocs", COLUMN_COUNT},
                                               {"allocated", "allocated", COLUMN_BYTES},
                                               {NULL, NULL, 0}};

/* Of what was not captured no figure is known. */
static struct table threads_table(struct aggregate *aggregate, const struct session *session,
                                  const struct totals *totals)
{
    struct table table = {"threads", "lived", thread_columns, NULL, 0};
    unsigned captured = session_categories(session);
    unsigned waits = 1u << CATEGORY_WAITS | 1u << CATEGORY_LOCKS;
    unsigned io = 1u << CATEGORY_IO, memory = 1u << CATEGORY_MEMORY;
    struct thread_sum *sums = aggregate_threads(aggregate, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        const struct thread_sum *sum = &sums[i];
        const union cell row[] = {
            {.number = sum->pid},
            {.number = sum->tid},
            {.text = sum->process},
            {.text = sum->name},
            {.number = sum->last_ns - sum->first_ns},
            {.number = number_if(totals->events[CATEGORY_SAMPLES], sum->cpu_ns)},
            {.number = sum->spans},
            {.number = number_if(totals->events[CATEGORY_FUNCTIONS], sum->function_ns)},
            {.number = number_if(captured & io, sum->io_ns)},
            {.number = number_if(captured & waits, sum->wait_ns)},
            {.number = number_if(captured & memory, sum->allocations)},
            {.number = number_if(captured & memory, sum->allocated)}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

/* Sums up the session; NULL and what the command is to end with. */
static struct aggregate *sum_up(const struct report *report, struct session *session,
                                struct totals *totals, int *status)
{
    struct aggregate *aggregate = aggregate_new();
    struct visitor sums = aggregate_visitor(aggregate);
    *status = report_walk(report, session, &sums, totals);
    if (*status == EXIT_OK)
        return aggregate;
    aggregate_free(aggregate);
    return NULL;
}

int report_functions(const struct report *report, struct session *session)
{
    struct totals totals;
    int status;
    struct aggregate *aggregate = sum_up(report, session, &totals, &status);
    if (!aggregate)
        return status;
    struct table table = functions_table(aggregate, session->names, report->json ? 0 : 2);
    status = report_table(report, &table, session, &totals);
    aggregate_free(aggregate);
    return status;
}

int report_threads(const struct report *report, struct session *session)
{
    struct totals totals;
    int status;
    struct aggregate *aggregate = sum_up(report, session, &totals, &status);
    if (!aggregate)
        return status;
    struct table table = threads_table(aggregate, session, &totals);
    status = report_table(report, &table, session, &totals);
    aggregate_free(aggregate);
    return status;
}
