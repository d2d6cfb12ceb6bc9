/* Coherence: what a program counted while it ran is what its trace has: every call, none twice,
 * each inside its caller. */
#include "tests/nesting.h"
#include "tests/support.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES = 202, TEN_MILLION = 10 * 1000 * 1000 };

/* What forest.c printed: 200 functions, grow and main. */
struct book {
    char names[NAMES][16];
    uint64_t calls[NAMES];
    size_t count;
};

static struct book read_book(const char *text)
{
    struct book book = {.count = 0};
    char name[16];
    unsigned long long calls;
    int length;
    for (; sscanf(text, "%15s %llu\n%n", name, &calls, &length) == 2; text += length) {
        ck_assert_uint_lt(book.count, NAMES);
        strcpy(book.names[book.count], name);
        book.calls[book.count++] = calls;
    }
    ck_assert_uint_eq(book.count, NAMES);
    return book;
}

/* Which name it is: tree_000 … tree_199 are numbers. */
static size_t number_of(const struct book *book, struct slice name)
{
    if (name.length == 8 && memcmp(name.at, "tree_", 5) == 0)
        return (size_t)((name.at[5] - '0') * 100 + (name.at[6] - '0') * 10 + (name.at[7] - '0'));
    for (size_t i = 200; i < book->count; i++)
        if (slice_is(name, book->names[i]))
            return i;
    ck_abort_msg("a call that nobody made: %.*s", (int)name.length, name.at);
    return 0;
}

static struct book record(const char *name, const char *options, const char *arguments)
{
    struct outcome run = shell("exec '%s' record %s -o %s -- '%s' %s", built_command(), options,
                               name, built_program("instrumented/forest"), arguments);
    ck_assert_msg(run.code == 0, "exit status %d: %s", run.code, run.err);
    struct book book = read_book(run.out);
    outcome_free(&run);
    return book;
}

/* Reads the whole stream of a session: every call counted, every span inside its parent. */
static void check_stream(const char *session, const struct book *book, unsigned threads)
{
    char command[PATH_MAX + 64];
    struct stream stream;
    struct line line;
    struct nesting nesting;
    uint64_t calls[NAMES] = {0}, lost = UINT64_MAX;
    unsigned found = 0;
    snprintf(command, sizeof command, "exec '%s' export -f json -o - %s", built_command(), session);
    nesting_begin(&nesting);
    stream_open(&stream, command);
    while (stream_next(&stream, &line)) {
        found += (unsigned)slice_is(line.type, "thread");
        if (slice_is(line.type, "end"))
            lost = line.events_lost;
        if (!slice_is(line.type, "span"))
            continue;
        nesting_span(&nesting, &line);
        if (slice_is(line.tag, "function"))
            calls[number_of(book, line.name)]++;
        if (line.args.at && (slice_has(line.args, "unfinished") || slice_has(line.args, "unwound")))
            ck_abort_msg("a call that did not return: %.*s", (int)line.length, line.text);
    }
    ck_assert_int_eq(stream_close(&stream), 0);
    nesting_end(&nesting);
    ck_assert_uint_eq(lost, 0);
    ck_assert_uint_eq(found, threads);
    for (size_t i = 0; i < book->count; i++)
        ck_assert_msg(calls[i] == book->calls[i], "%s: %llu calls in the trace, %llu made",
                      book->names[i], (unsigned long long)calls[i],
                      (unsigned long long)book->calls[i]);
}

/* What `report --json` and `info --json` say of it. */
static void check_report(const char *session, const struct book *book)
{
    struct outcome run =
        shell("'%s' report --json %s >report.json && '%s' info --json %s >info.json",
              built_command(), session, built_command(), session);
    ck_assert_msg(run.code == 0, "%s", run.err);
    json_t *report = load_json("report.json"), *rows = json_object_get(report, "functions");
    json_t *info = load_json("info.json");
    for (size_t i = 0; i < book->count; i++)
        ck_assert_msg(book->calls[i] == 0 ||
                          count_events(rows, "{s:s, s:s, s:I}", "function", book->names[i], "tag",
                                       "function", "calls", (json_int_t)book->calls[i]) == 1,
                      "%s: the report has not its %llu calls", book->names[i],
                      (unsigned long long)book->calls[i]);
    ck_assert_int_eq(json_integer_value(json_object_get(report, "events_lost")), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(report, "unmatched_exits")), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(info, "events_lost")), 0);
    json_decref(report);
    json_decref(info);
    outcome_free(&run);
}

/* 8 × 1 250 000 calls of the trees, and the entries and exits of the threads and of main. */
START_TEST(ten_million_calls_on_eight_threads_are_all_there_and_nested)
{
    struct book book = record("forest.vtrace", "--events functions", "8 1250000");
    uint64_t sum = 0;
    for (size_t i = 0; i < book.count; i++)
        sum += book.calls[i];
    ck_assert_uint_eq(sum, TEN_MILLION + 8 + 1);
    check_stream("forest.vtrace", &book, 9);
    check_report("forest.vtrace", &book);
    json_t *info = load_json("info.json");
    json_t *events = json_object_get(info, "events");
    ck_assert_int_eq(json_integer_value(json_object_get(events, "function")),
                     2 * (TEN_MILLION + 9));
    json_decref(info);
}
END_TEST

START_TEST(calls_and_libc_calls_of_threads_in_forked_processes_are_all_there)
{
    struct book book = record("forked.vtrace", "", "4 20000 5");
    check_stream("forked.vtrace", &book, 6 * 5);
    check_report("forked.vtrace", &book);
}
END_TEST

START_TEST(many_threads_at_once_lose_nothing)
{
    struct book book = record("wide.vtrace", "--events functions,threads", "64 5000");
    check_stream("wide.vtrace", &book, 65);
    check_report("wide.vtrace", &book);
}
END_TEST

/* What a handler does inside a call is that call's, and counted once: nesting.h looks at every self
 * time. */
START_TEST(calls_of_a_signal_handler_lie_in_the_call_that_it_interrupted)
{
    struct stream stream;
    struct line line;
    struct nesting nesting;
    uint64_t start = 0, end = 0, handlers = 0;
    struct outcome run = traced("", "'%s'", built_program("instrumented/interrupted"));
    ck_assert_msg(run.code == 0, "%s", run.err);
    ck_assert_str_eq(run.out, "10\n");
    nesting_begin(&nesting);
    stream_open(&stream, "cat trace.ndjson");
    while (stream_next(&stream, &line)) {
        if (!slice_is(line.type, "span"))
            continue;
        nesting_span(&nesting, &line);
        if (slice_is(line.name, "handler")) {
            start = handlers++ ? start : line.ts;
            end = line.ts + line.dur;
        } else if (slice_is(line.name, "read")) {
            ck_assert_uint_lt(line.ts, end);
            ck_assert_uint_gt(line.ts + line.dur, end);
            ck_assert_uint_lt(line.self, line.dur);
        }
    }
    ck_assert_int_eq(stream_close(&stream), 0);
    nesting_end(&nesting);
    ck_assert_uint_eq(handlers, 10);
    ck_assert_uint_lt(start, end);
    outcome_free(&run);
}
END_TEST

/* The same program, twice: the same calls (so a difference is the tracer's doing). */
START_TEST(the_generator_is_deterministic)
{
    struct outcome first = shell("'%s' 3 10000", built_program("instrumented/forest"));
    struct outcome second = shell("'%s' 3 10000", built_program("instrumented/forest"));
    ck_assert_int_eq(first.code, 0);
    ck_assert_str_eq(first.out, second.out);
    outcome_free(&first);
    outcome_free(&second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("coherence");
    TCase *calls = tcase_create("calls");
    tcase_add_checked_fixture(calls, enter_folder, leave_folder);
    tcase_set_timeout(calls, 300);
    tcase_add_test(calls, the_generator_is_deterministic);
    tcase_add_test(calls, ten_million_calls_on_eight_threads_are_all_there_and_nested);
    tcase_add_test(calls, calls_and_libc_calls_of_threads_in_forked_processes_are_all_there);
    tcase_add_test(calls, many_threads_at_once_lose_nothing);
    tcase_add_test(calls, calls_of_a_signal_handler_lie_in_the_call_that_it_interrupted);
    suite_add_tcase(suite, calls);
    return run_suite(suite);
}
