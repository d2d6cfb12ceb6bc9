/* A table: rows of numbers with columns that say how to show them. The same table is printed for
 * people and as JSON. */
#ifndef VT_CLI_TABLE_H
#define VT_CLI_TABLE_H

#include "cli/cli.h"

/* COLUMN_STACK: lines below the row; in JSON an array of them. Of the unknown ones nothing is told:
 * "?", in JSON null. */
enum column_kind {
    COLUMN_COUNT,
    COLUMN_ID,
    COLUMN_TIME,
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

/* A number that there is not: people see nothing there, JSON has null, and it sorts behind all. */
#define NO_NUMBER UINT64_MAX

union cell {
    uint64_t number;
    const char *text;
};

static inline uint64_t number_if(uint64_t is_known, uint64_t number)
{
    return is_known ? number : NO_NUMBER;
}

struct table {
    const char *name;
    const char *sort; /* default key */
    const struct column *columns;
    union cell (*rows)[MAX_COLUMNS];
    size_t count;
};

/* Room for so many rows, zeroed; free() it. */
void *table_rows(size_t count);

/* Sorts by the column of that key or title: numbers from the largest on, and where they are equal
 * by the other numbers, from the left. EXIT_USAGE after naming the keys that there are. */
int table_sort(const struct table *table, const char *key);
/* At most `limit` rows, and how many more there are. */
void table_print(const struct table *table, size_t limit);
void table_json(const struct table *table, size_t limit, const struct totals *totals);

#endif
