/* Counters: what the kernel says of the process, against what the program asked it itself; the size
 * of the heap, against the program's own books. H54: memory that malloc, or the program, takes by
 * mmap and brk is no allocation; the resident size shows it. */
#include "tests/hazards.h"

#include <unistd.h>

static const char *const kernel_s[] = {
    "resident bytes",    "open descriptors",           "minor page faults",
    "major page faults", "voluntary context switches", "involuntary context switches"};
enum { KERNEL_S = sizeof kernel_s / sizeof kernel_s[0], MANY = 1000 };

struct series {
    size_t count;
    long values[MANY], times[MANY];
};

static struct outcome run_counts(const char *what)
{
    struct outcome run = traced("", "%s %s", built_program("programs/counts"), what);
    assert_fine(&run);
    return run;
}

/* The values of a counter in the order of time, which is the stream's for each of them. */
static void read_series(const json_t *events, const char *name, struct series *series)
{
    size_t i;
    json_t *event;
    series->count = 0;
    json_array_foreach((json_t *)(uintptr_t)events, i, event)
    {
        const char *there = json_string_value(json_object_get(event, "name"));
        if (!there || strcmp(there, name) != 0)
            continue;
        ck_assert_str_eq(json_string_value(json_object_get(event, "type")), "counter");
        ck_assert_uint_lt(series->count, MANY);
        series->values[series->count] = number_in(json_object_get(event, "args"), "value");
        series->times[series->count] = number_in(event, "ts");
        if (series->count)
            ck_assert_int_ge(series->times[series->count], series->times[series->count - 1]);
        series->count++;
    }
}

static long highest(const struct series *series)
{
    long value = 0;
    for (size_t i = 0; i < series->count; i++)
        value = series->values[i] > value ? series->values[i] : value;
    return value;
}

/* How many values lie between these. */
static size_t between(const struct series *series, long least, long most)
{
    size_t there = 0;
    for (size_t i = 0; i < series->count; i++)
        there += series->values[i] >= least && series->values[i] <= most;
    return there;
}

/* ---- what the kernel counts ---- */

/* Fails: a counter that is the one beside it (each has numbers of its own here); one of a thread's;
 * one that is never sampled again. */
START_TEST(the_kernel_s_counters_are_the_program_s_own)
{
    static const char *const keys[KERNEL_S] = {NULL,    NULL,        "minor",
                                               "major", "voluntary", "involuntary"};
    static struct series series;
    struct outcome run = run_counts("usage");
    json_t *events = load_ndjson("trace.ndjson");
    char first[64], last[64];
    for (int i = 0; i < KERNEL_S; i++) {
        read_series(events, kernel_s[i], &series);
        ck_assert_msg(series.count >= 5, "%s: %zu samples", kernel_s[i], series.count);
        if (!keys[i])
            continue;
        for (size_t k = 1; k < series.count; k++)
            ck_assert_int_ge(series.values[k], series.values[k - 1]);
        snprintf(first, sizeof first, "first_%s", keys[i]);
        snprintf(last, sizeof last, "last_%s", keys[i]);
        ck_assert_msg(between(&series, book(&run, first), book(&run, last)) > 0,
                      "%s: no sample from %ld to %ld", kernel_s[i], book(&run, first),
                      book(&run, last));
    }
    read_series(events, "minor page faults", &series);
    ck_assert_int_ge(highest(&series), book(&run, "faults"));
    read_series(events, "voluntary context switches", &series);
    ck_assert_int_ge(highest(&series), book(&run, "first_voluntary"));
    ck_assert_int_gt(book(&run, "first_voluntary"), 0); /* some of the target's naps */
    read_series(events, "open descriptors", &series);
    long files = book(&run, "files"), end = book(&run, "descriptors");
    ck_assert_int_eq(highest(&series), files + end);
    ck_assert_int_eq(series.values[series.count - 1], end);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* They are a category of their own, and cost nothing when nobody wants them. */
START_TEST(counters_are_there_only_when_they_are_asked_for)
{
    struct outcome run = traced("--events io,memory", "%s usage", built_program("programs/counts"));
    assert_fine(&run);
    json_t *events = load_ndjson("trace.ndjson");
    for (int i = 0; i < KERNEL_S; i++)
        ck_assert_int_eq(named(events, kernel_s[i]), 0);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* ---- H54 ---- */

enum { NEAR = 2 << 20 }; /* what a process takes here and there */

/* Fails: to show the sum of the allocations as the memory of the process. */
START_TEST(h54_memory_outside_malloc_is_in_the_resident_size)
{
    static const char *const states[] = {"resident_start", "resident_mapped", "resident_broken",
                                         "resident_end"};
    static struct series resident, heap;
    struct outcome run = run_counts("memory");
    json_t *events = load_ndjson("trace.ndjson");
    read_series(events, "resident bytes", &resident);
    read_series(events, "live heap bytes", &heap);
    for (int i = 0; i < 4; i++) {
        long own = book(&run, states[i]);
        ck_assert_msg(between(&resident, own - NEAR, own + NEAR) > 0, "%s: nothing near %ld",
                      states[i], own);
    }
    long grown = highest(&resident) - resident.values[0];
    ck_assert_int_ge(grown, book(&run, "mapped") + book(&run, "broken") - NEAR);
    ck_assert_uint_gt(heap.count, 0);
    ck_assert_int_lt(highest(&heap), NEAR);
    ck_assert_int_eq(named(events, "mmap"), 0); /* only when asked for */
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* ---- the heap ---- */

/* The levels that the program says, in order, each at least once among the counter's values, with
 * `others` more between two of them at most. */
static void check_levels(const struct outcome *run, const struct series *heap, size_t others)
{
    size_t at = 0, levels = 0;
    long most = 0;
    for (const char *line = strstr(run->out, "level "); line; line = strstr(line + 1, "level ")) {
        long level = strtol(line + 6, NULL, 10);
        size_t from = at;
        while (at < heap->count && heap->values[at] != level)
            at++;
        ck_assert_msg(at < heap->count, "level %ld (number %zu) is not there behind the one before",
                      level, levels);
        ck_assert_msg(at - from <= others, "%zu values before level %ld", at - from, level);
        at++;
        levels++;
        most = level > most ? level : most;
    }
    ck_assert_uint_gt(levels, 10);
    ck_assert_int_eq(highest(heap), most);
    ck_assert_int_eq(heap->values[heap->count - 1],
                     heap->values[at - 1]); /* the last level stays */
}

/* Fails: to count what was asked for and forget what was freed; to take a block's new size for
 * another block's. */
START_TEST(every_level_of_the_heap_is_told)
{
    static struct series heap;
    struct outcome run = run_counts("heap");
    json_t *events = load_ndjson("trace.ndjson");
    read_series(events, "live heap bytes", &heap);
    check_levels(&run, &heap, 1); /* a realloc gives its block back first */
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* Fails: to tell the first change of each millisecond alone: what a burst comes to stands for as
 * long as nothing changes, and was not told until then. */
START_TEST(the_level_behind_a_burst_is_told)
{
    static struct series heap;
    struct outcome run = run_counts("bursts");
    json_t *events = load_ndjson("trace.ndjson");
    read_series(events, "live heap bytes", &heap);
    check_levels(&run, &heap, 100); /* of a burst of 100, those that a slow machine makes late */
    for (size_t i = 3; i < heap.count; i++) /* a change and what the one before came to */
        ck_assert_int_ge(heap.times[i] - heap.times[i - 3], 1000000);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* Chrome's has the same counters. */
START_TEST(chrome_shows_the_same_levels)
{
    struct outcome run = shell("exec '%s' run -q -f chrome -o t.json -- '%s' heap", built_command(),
                               built_program("programs/counts"));
    assert_fine(&run);
    json_t *trace = load_json("t.json"), *event, *list = json_object_get(trace, "traceEvents");
    size_t i;
    const char *line = strstr(run.out, "level ");
    json_array_foreach(list, i, event)
    {
        const char *name = json_string_value(json_object_get(event, "name"));
        const char *phase = json_string_value(json_object_get(event, "ph"));
        if (!name || strcmp(name, "live heap bytes") != 0)
            continue;
        ck_assert_str_eq(phase, "C");
        const json_t *value =
            json_object_iter_value(json_object_iter(json_object_get(event, "args")));
        if (line && json_integer_value(value) == strtol(line + 6, NULL, 10))
            line = strstr(line + 1, "level ");
    }
    ck_assert_msg(line == NULL, "not there: %.12s", line);
    json_decref(trace);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("counters");
    TCase *cases = tcase_create("counters");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, the_kernel_s_counters_are_the_program_s_own);
    tcase_add_test(cases, counters_are_there_only_when_they_are_asked_for);
    tcase_add_test(cases, h54_memory_outside_malloc_is_in_the_resident_size);
    tcase_add_test(cases, every_level_of_the_heap_is_told);
    tcase_add_test(cases, the_level_behind_a_burst_is_told);
    tcase_add_test(cases, chrome_shows_the_same_levels);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
