/* A table: rows of numbers with columns that say how to show them. The same table is printed for
 * people and as JSON. */
#ifndef VT_CLI_TABLE_H
#define VT_CLI_TABLE_H

#include "cli/cli.h"

/* Of the sparse ones people are not shown zeros. COLUMN_STACK: lines below the row; in JSON an
 * array of them. Of the unknown ones nothing is told: "?", in JSON null. */
enum column_kind {
    COLUMN_COUNT,
    COLUMN_SPARSE_COUNT,
    COLUMN_ID,
    COLUMN_TIME,
    COLUMN_SPARSE_TIME,
    COLUMN_BYTES,
    COLUMN_UNKNOWN,
    COLUMN_TEXT,
    COLUMN_STACK
};
enum { MAX_COLUMNS = 14 };

struct column {
    const char *key; /* for --sort and --json */
    const char *title;
    enum column_kind kind;
};

union cell {
    uint64_t number;
    const char *text;
};

struct table {
    const char *name;
    const char *sort; /* default key */
    const struct column *columns;
    union cell (*rows)[MAX_COLUMNS];
    size_t count;
};

/* Room for so many rows, zeroed; free() it. */
void *table_rows(size_t count);

/* Sorts by the column of that key: numbers from the largest on. EXIT_USAGE after naming the keys
 * that there are. */
int table_sort(const struct table *table, const char *key);
/* At most `limit` rows, and how many more there are. */
void table_print(const struct table *table, size_t limit);
void table_json(const struct table *table, size_t limit, const struct totals *totals);

#endif
