/* See table.h. */
#include "cli/table.h"

#include <stdlib.h>

void *table_rows(size_t count)
{
    void *rows = calloc(count ? count : 1, sizeof(union cell[MAX_COLUMNS]));
    if (!rows)
        exit(fail(EXIT_FAILED, "out of memory"));
    return rows;
}

static const struct column *sort_columns;
static size_t sort_column;

static int compare(const union cell *left, const union cell *right, size_t column)
{
    if (sort_columns[column].kind >= COLUMN_TEXT)
        return strcmp(left[column].text, right[column].text);
    uint64_t l = left[column].number + 1, r = right[column].number + 1; /* NO_NUMBER: 0 */
    return (l < r) - (l > r);
}

static int by_column(const void *a, const void *b)
{
    int order = compare(a, b, sort_column);
    for (size_t c = 0; order == 0 && sort_columns[c].key; c++)
        order = compare(a, b, c);
    return order;
}

int table_sort(const struct table *table, const char *key)
{
    size_t column = 0;
    while (table->columns[column].key && strcmp(table->columns[column].key, key) != 0 &&
           (!table->columns[column].title || strcmp(table->columns[column].title, key) != 0))
        column++;
    if (!table->columns[column].key) {
        fprintf(stderr, "vitte-trace: --sort: no column '%s'; there are", key);
        for (column = 0; table->columns[column].key; column++)
            fprintf(stderr, " %s", table->columns[column].key);
        fputs("\n", stderr);
        return EXIT_USAGE;
    }
    sort_column = column;
    sort_columns = table->columns;
    qsort(table->rows, table->count, sizeof *table->rows, by_column);
    return EXIT_OK;
}

/* Until the next one; no more than `most` bytes of it. */
static const char *one_line(const char *text, size_t most)
{
    static char line[4096];
    size_t length = strnlen(text, sizeof line - 1);
    int is_cut = length > most;
    for (length = is_cut ? most : length; is_cut && length && (text[length] & 0xc0) == 0x80;)
        length--; /* not within a character */
    for (size_t i = 0; i < length; i++)
        line[i] = text[i] == '\n' ? '?' : text[i];
    strcpy(line + length, is_cut ? "…" : "");
    return line;
}

/* Whether the column is one of the table's row. */
static int is_shown(const struct column *column)
{
    return column->title && column->kind != COLUMN_STACK;
}

static int is_last(const struct column *column)
{
    do
        column++;
    while (column->key && !is_shown(column));
    return !column->key;
}

/* A name in front of others takes no more of the line than that: some of C++ fill a screen. */
enum { TEXT_MOST = 80, LINE_MOST = 4000 };

static const char *show_cell(char *buffer, const struct column *column, union cell cell)
{
    enum column_kind kind = column->kind;
    if (kind < COLUMN_TEXT && kind != COLUMN_UNKNOWN && cell.number == NO_NUMBER)
        return "";
    switch (kind) {
    case COLUMN_TIME:
        return show_time(buffer, cell.number);
    case COLUMN_BYTES:
        return show_bytes(buffer, cell.number);
    case COLUMN_TEXT:
        return one_line(cell.text, is_last(column) ? LINE_MOST : TEXT_MOST);
    case COLUMN_STACK:
        return cell.text;
    case COLUMN_UNKNOWN:
        return "?";
    case COLUMN_ID:
        snprintf(buffer, 32, "%llu", (unsigned long long)cell.number);
        return buffer;
    case COLUMN_COUNT:
        break;
    }
    return show_count(buffer, cell.number);
}

/* A stack's frames, or other lines, below their row. */
static void print_lines(const char *text)
{
    for (size_t length; *text; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        printf("        %.*s\n", (int)length, text);
    }
}

static void print_stacks(const struct table *table, size_t row)
{
    for (size_t c = 0; table->columns[c].key; c++)
        if (table->columns[c].kind == COLUMN_STACK)
            print_lines(table->rows[row][c].text);
}

void table_print(const struct table *table, size_t limit)
{
    char buffer[32];
    int widths[MAX_COLUMNS] = {0};
    size_t rows = table->count < limit ? table->count : limit, last = 0;
    for (size_t c = 0; table->columns[c].key; c++) {
        if (!is_shown(&table->columns[c]))
            continue;
        last = c;
        widths[c] = (int)strlen(table->columns[c].title);
        for (size_t r = 0; r < rows; r++) {
            int width = (int)strlen(show_cell(buffer, &table->columns[c], table->rows[r][c]));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t r = 0; r <= rows; r++) {
        for (size_t c = 0; table->columns[c].key; c++) {
            const struct column *column = &table->columns[c];
            if (!is_shown(column))
                continue;
            const char *text = r ? show_cell(buffer, column, table->rows[r - 1][c]) : column->title;
            int width = column->kind == COLUMN_TEXT ? -widths[c] : widths[c];
            printf("%*s%s", c == last && width < 0 ? 0 : width, text, c == last ? "\n" : "  ");
        }
        if (r)
            print_stacks(table, r - 1);
    }
    if (!table->count)
        puts("(none)");
    if (table->count > rows)
        printf("… and %zu more (-n 0 shows all)\n", table->count - rows);
}

void table_json(const struct table *table, size_t limit, const struct totals *totals)
{
    json_t *rows = json_array();
    for (size_t r = 0; r < table->count && r < limit; r++) {
        json_t *row = json_object();
        for (size_t c = 0; table->columns[c].key; c++) {
            union cell cell = table->rows[r][c];
            enum column_kind kind = table->columns[c].kind;
            json_object_set_new(row, table->columns[c].key,
                                kind == COLUMN_TEXT    ? json_text(cell.text)
                                : kind == COLUMN_STACK ? json_lines(cell.text)
                                : kind == COLUMN_UNKNOWN || cell.number == NO_NUMBER
                                    ? json_null()
                                    : json_integer((json_int_t)cell.number));
        }
        json_array_append_new(rows, row);
    }
    json_t *document = json_pack("{s:o, s:I, s:I}", table->name, rows, "events_lost",
                                 (json_int_t)totals_lost(totals), "unmatched_exits",
                                 (json_int_t)totals->unmatched);
    json_dumpf(document, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    puts("");
    json_decref(document);
}
