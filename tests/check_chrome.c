/* Chrome's trace_event format: the rules that its consumers rely on, checked on a compilation, on
 * threads and on forked processes. */
#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct span {
    long long pid, tid;
    uint64_t start, end; /* ns */
    const char *name;
};

static const char *text(const json_t *event, const char *key)
{
    const char *value = json_string_value(json_object_get(event, key));
    return value ? value : "";
}

static json_t *trace_of(int which)
{
    struct outcome run = which == 0 ? preloaded("'%s' 15", built_program("instrumented/fib"))
                         : which == 1
                             ? preloaded("'%s' 4 2000 3", built_program("instrumented/forest"))
                         : which == 2 ? preloaded("'%s'", built_program("instrumented/everything"))
                                      : preloaded("gcc -O1 -c source.c");
    ck_assert_msg(run.code == 0, "%s (this test needs Debian's package gcc)", run.err);
    outcome_free(&run);
    return load_json("vitte-trace.json");
}
enum { TRACES = 4 };

/* Where a number with exactly three decimals ends, or NULL. */
static const char *behind_microseconds(const char *at)
{
    size_t whole = strspn(at, "0123456789");
    if (whole == 0 || at[whole] != '.' || strspn(at + whole + 1, "0123456789") != 3)
        return NULL;
    return at + whole + 4;
}

/* In the text: a JSON parser would not tell 1.5 from 1.500. */
static void check_times(const char *line)
{
    const char *ts = strstr(line, "\"ts\":"), *dur = strstr(line, "\"dur\":");
    int complete = strstr(line, "\"ph\":\"X\"") != NULL,
        meta = strstr(line, "\"ph\":\"M\"") != NULL;
    ck_assert_msg(meta || (ts && behind_microseconds(ts + 5)), "no ts with three decimals: %s",
                  line);
    ck_assert_msg(!complete || (dur && behind_microseconds(dur + 6)),
                  "no dur with three decimals: %s", line);
}

START_TEST(every_time_has_exactly_three_decimals)
{
    char *line = NULL;
    size_t room = 0, events = 0;
    write_file("source.c", "int main(void) { return 0; }\n");
    json_decref(trace_of(_i));
    FILE *file = fopen("vitte-trace.json", "r");
    ck_assert_ptr_nonnull(file);
    while (getline(&line, &room, file) > 0)
        if (strncmp(line, "{\"ph\":", 6) == 0) {
            check_times(line);
            events++;
        }
    free(line);
    fclose(file);
    json_t *trace = load_json("vitte-trace.json");
    ck_assert_uint_eq(events, json_array_size(json_object_get(trace, "traceEvents")));
    json_decref(trace);
}
END_TEST

/* ---- nesting, by time alone, as a consumer sees it ---- */

static int by_track_and_time(const void *a, const void *b)
{
    const struct span *l = a, *r = b;
    if (l->pid != r->pid || l->tid != r->tid)
        return l->pid != r->pid ? (l->pid > r->pid) - (l->pid < r->pid)
                                : (l->tid > r->tid) - (l->tid < r->tid);
    if (l->start != r->start)
        return (l->start > r->start) - (l->start < r->start);
    return (l->end < r->end) - (l->end > r->end); /* the longer one is around the shorter one */
}

static struct span *complete_spans(const json_t *events, size_t *count)
{
    struct span *spans = calloc(json_array_size(events) + 1, sizeof *spans);
    size_t i;
    json_t *event;
    *count = 0;
    ck_assert_ptr_nonnull(spans);
    json_array_foreach(events, i, event)
    {
        if (strcmp(text(event, "ph"), "X") != 0)
            continue;
        double ts = json_real_value(json_object_get(event, "ts"));
        double dur = json_real_value(json_object_get(event, "dur"));
        ck_assert(ts >= 0 && dur >= 0);
        spans[(*count)++] = (struct span){
            json_integer_value(json_object_get(event, "pid")),
            json_integer_value(json_object_get(event, "tid")), (uint64_t)llround(ts * 1000),
            (uint64_t)llround((ts + dur) * 1000), text(event, "name")};
    }
    return spans;
}

START_TEST(complete_events_of_a_thread_nest)
{
    size_t count, depth = 0;
    write_file("source.c", "int main(void) { return 0; }\n");
    json_t *trace = trace_of(_i);
    struct span *spans = complete_spans(json_object_get(trace, "traceEvents"), &count);
    const struct span **open = calloc(count + 1, sizeof *open);
    ck_assert_ptr_nonnull(open);
    ck_assert_uint_gt(count, 10);
    qsort(spans, count, sizeof *spans, by_track_and_time);
    for (size_t i = 0; i < count; i++) {
        const struct span *span = &spans[i];
        while (depth && (open[depth - 1]->tid != span->tid || open[depth - 1]->pid != span->pid ||
                         open[depth - 1]->end <= span->start))
            depth--;
        ck_assert_msg(depth == 0 || span->end <= open[depth - 1]->end,
                      "%s, %lu … %lu, is partly in %s, %lu … %lu (process %lld)", span->name,
                      (unsigned long)span->start, (unsigned long)span->end, open[depth - 1]->name,
                      (unsigned long)open[depth - 1]->start, (unsigned long)open[depth - 1]->end,
                      span->pid);
        open[depth++] = span;
    }
    free(open);
    free(spans);
    json_decref(trace);
}
END_TEST

/* ---- metadata ---- */

START_TEST(every_process_and_thread_has_a_name)
{
    size_t i;
    json_t *event;
    write_file("source.c", "int main(void) { return 0; }\n");
    json_t *trace = trace_of(_i), *events = json_object_get(trace, "traceEvents");
    json_t *seen = json_object();
    json_array_foreach(events, i, event)
    {
        char key[64];
        json_t *pid = json_object_get(event, "pid"), *tid = json_object_get(event, "tid");
        ck_assert(json_is_integer(pid) && json_is_integer(tid));
        snprintf(key, sizeof key, "%lld/%lld", (long long)json_integer_value(pid),
                 (long long)json_integer_value(tid));
        if (strcmp(text(event, "ph"), "M") == 0 || json_object_get(seen, key))
            continue;
        json_object_set_new(seen, key, json_true());
        ck_assert_msg(
            find_event(events, "{s:s, s:s, s:O}", "ph", "M", "name", "process_name", "pid", pid),
            "process %s has no name", key);
        ck_assert_msg(find_event(events, "{s:s, s:s, s:O, s:O}", "ph", "M", "name", "thread_name",
                                 "pid", pid, "tid", tid),
                      "thread %s has no name", key);
    }
    ck_assert_uint_gt(json_object_size(seen), 0);
    ck_assert_str_eq(text(trace, "displayTimeUnit"), "ns");
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_object_get(trace, "metadata"), "events_lost")), 0);
    json_decref(seen);
    json_decref(trace);
}
END_TEST

START_TEST(the_trace_begins_near_zero)
{
    size_t i;
    json_t *event;
    double first = 1e18;
    json_t *trace = trace_of(1);
    json_array_foreach(json_object_get(trace, "traceEvents"), i, event)
    {
        json_t *ts = json_object_get(event, "ts");
        if (ts && json_real_value(ts) < first)
            first = json_real_value(ts);
    }
    ck_assert_msg(first < 60e6, "the first event is at %f us",
                  first); /* a minute: not since boot */
    json_decref(trace);
}
END_TEST

START_TEST(instants_and_counters_are_what_chrome_wants)
{
    json_t *trace = trace_of(2), *events = json_object_get(trace, "traceEvents");
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:s, s:s}", "ph", "i", "name", "an instant", "s", "t"), 1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:{s:i}}", "ph", "C", "name", "a counter",
                                   "args", "value", 7),
                      1);
    json_decref(trace);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chrome");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, enter_folder, leave_folder);
    tcase_set_timeout(rules, 60);
    tcase_add_loop_test(rules, every_time_has_exactly_three_decimals, 0, TRACES);
    tcase_add_loop_test(rules, complete_events_of_a_thread_nest, 0, TRACES);
    tcase_add_loop_test(rules, every_process_and_thread_has_a_name, 0, TRACES);
    tcase_add_test(rules, the_trace_begins_near_zero);
    tcase_add_test(rules, instants_and_counters_are_what_chrome_wants);
    suite_add_tcase(suite, rules);
    return run_suite(suite);
}
