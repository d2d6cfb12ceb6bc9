/* vitte-trace report --locks: what was waited for, and because of whom. */
#include "cli/report.h"

#include "collector/lock_sums.h"

static const struct column lock_columns[] = {{"waited", "waited", COLUMN_TIME},
                                             {"waits", "waits", COLUMN_COUNT},
                                             {"longest", "longest wait", COLUMN_TIME},
                                             {"held", "held", COLUMN_TIME},
                                             {"longest_held", "longest hold", COLUMN_TIME},
                                             {"allocations", "allocs inside", COLUMN_COUNT},
                                             {"io_calls", "I/O inside", COLUMN_COUNT},
                                             {"io", "took", COLUMN_TIME},
                                             {"pid", "pid", COLUMN_ID},
                                             {"lock", "lock", COLUMN_TEXT},
                                             {"places", NULL, COLUMN_STACK},
                                             {NULL, NULL, 0}};

static struct table locks_table(struct lock_sums *sums, struct names *names)
{
    struct table table = {"locks", "waited", lock_columns, NULL, 0};
    struct lock_sum *all = lock_sums_all(sums, &table.count);
    table.rows = table_rows(table.count);
    for (size_t i = 0; i < table.count; i++) {
        const struct lock_sum *sum = &all[i];
        char lock[64];
        int length =
            snprintf(lock, sizeof lock, "%s 0x%llx", sum->kind, (unsigned long long)sum->address);
        const union cell row[] = {
            {.number = sum->waited_ns},
            {.number = sum->waits},
            {.number = sum->longest_ns},
            {.number = number_if(sum->holds, sum->held_ns)},
            {.number = number_if(sum->holds, sum->longest_held_ns)},
            {.number = number_if(sum->holds, sum->allocations)},
            {.number = number_if(sum->holds, sum->io_calls)},
            {.number = number_if(sum->holds, sum->io_ns)},
            {.number = sum->pid},
            {.text = names_make(names, CATEGORY_LOCKS, "", lock, (size_t)length, 0)->text},
            {.text = sum->text ? sum->text : ""}};
        memcpy(table.rows[i], row, sizeof row);
    }
    return table;
}

int report_locks(const struct report *report, struct session *session)
{
    struct totals totals;
    struct lock_sums *sums = lock_sums_new();
    struct visitor visitor = lock_sums_visitor(sums);
    int status = report_walk(report, session, &visitor, &totals);
    if (status == EXIT_OK) {
        struct table table = locks_table(sums, session->names);
        status = report_table(report, &table, session, &totals);
    }
    lock_sums_free(sums);
    return status;
}
