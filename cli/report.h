/* The reports: one file each, all with the same options. */
#ifndef VT_CLI_REPORT_H
#define VT_CLI_REPORT_H

#include "cli/table.h"

struct report {
    const char *sort, *filter_text;
    const char *by;              /* what the rows are, of reports that have a choice; or NULL */
    const struct weight *weight; /* this and the next are for the tree */
    double min_percent;          /* negative: not said */
    size_t limit;
    int json, keep_going, no_lines;
};

typedef int report_kind(const struct report *report, struct session *session);
report_kind report_functions, report_threads, report_memory, report_io, report_locks, report_tree;

/* Reads the session: what passes the filter goes to the visitor's span(), the rest to its
 * left_out(). EXIT_OK, or what the command is to end with. */
int report_walk(const struct report *report, struct session *session, struct visitor *visitor,
                struct totals *totals);

/* Sorts the table and shows it, with what was lost; its rows are freed. */
int report_table(const struct report *report, struct table *table, const struct session *session,
                 const struct totals *totals);

#endif
