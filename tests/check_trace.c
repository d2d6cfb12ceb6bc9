/* End to end: real commands traced, the trace compared with what is known of them. */
#include "tests/support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

START_TEST(preload_gives_one_chrome_trace)
{
    struct outcome run = preloaded("%s 15", built_program("instrumented/fib"));
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.err, "");
    json_t *trace = load_json("vitte-trace.json");
    json_t *events = json_object_get(trace, "traceEvents");
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "ph", "X", "name", "fib"), 1973);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "ph", "X", "name", "main"), 1);
    json_decref(trace);
    ck_assert_int_eq(access("vitte-trace.json", F_OK), 0);
    struct outcome list = shell("ls -A | wc -l");
    ck_assert_str_eq(list.out, "1\n"); /* the session is gone, nothing else was left */
    outcome_free(&list);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *traces = tcase_create("traces");
    tcase_add_checked_fixture(traces, enter_folder, leave_folder);
    tcase_set_timeout(traces, 60);
    tcase_add_test(traces, preload_gives_one_chrome_trace);
    suite_add_tcase(suite, traces);
    return run_suite(suite);
}
