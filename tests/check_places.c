/* Source lines and inlined functions in what the command writes: the formats that are JSON,
 * reports. (That the lines are right: check_lines.c.) */
#include "tests/hazards.h"

#define SOURCE "tests/programs/places.c"

enum { SIZE = 4711 };

/* Captures the program with stacks; the three innermost frames that its allocation must have. */
static void capture(char frames[3][128])
{
    static const char *const functions[] = {"ask", "pass", "main"};
    static const char *const lines[] = {"ask", "pass", "begin"};
    char command[PATH_MAX];
    snprintf(command, sizeof command, "'%s'", built_program("programs/places"));
    struct outcome run = captured("--stacks=memory", command);
    for (int i = 0; i < 3; i++)
        snprintf(frames[i], sizeof frames[0], "%s (" SOURCE ":%ld)", functions[i],
                 book(&run, lines[i]));
    outcome_free(&run);
}

static void export_as(const char *file, const char *options)
{
    struct outcome run = shell("'%s' export -q %s -o %s x.vtrace", built_command(), options, file);
    assert_fine(&run);
    outcome_free(&run);
}

static const json_t *stack_of_allocation(const json_t *events)
{
    const json_t *span =
        find_event(events, "{s:s, s:{s:i}}", "name", "malloc", "args", "size", SIZE);
    ck_assert_ptr_nonnull(span);
    const json_t *stack = find_event(events, "{s:s, s:i}", "type", "stack", "stack",
                                     (int)number_in(json_object_get(span, "args"), "stack"));
    ck_assert_ptr_nonnull(stack);
    return json_object_get(stack, "frames");
}

START_TEST(the_event_stream_has_whole_stacks_with_inlined_functions)
{
    char frames[3][128];
    capture(frames);
    export_as("t.ndjson", "");
    json_t *events = load_ndjson("t.ndjson");
    const json_t *stack = stack_of_allocation(events);
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(json_string_value(json_array_get(stack, i)), frames[i]);
    json_decref(events);
}
END_TEST

START_TEST(chrome_has_them_as_stack_frames_and_names_the_caller)
{
    char frames[3][128];
    capture(frames);
    export_as("t.json", "");
    json_t *trace = load_json("t.json"), *table = json_object_get(trace, "stackFrames");
    const json_t *span = find_event(json_object_get(trace, "traceEvents"), "{s:s, s:s, s:{s:i}}",
                                    "ph", "X", "name", "malloc", "args", "size", SIZE);
    ck_assert_ptr_nonnull(span);
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(span, "args"), "caller")),
                     frames[0]);
    const char *key = json_string_value(json_object_get(span, "sf"));
    for (size_t i = 0; i < 3; i++) {
        const json_t *frame = json_object_get(table, key);
        ck_assert_msg(frame != NULL, "stackFrames has no %s", key);
        ck_assert_str_eq(json_string_value(json_object_get(frame, "name")), frames[i]);
        key = json_string_value(json_object_get(frame, "parent"));
    }
    json_decref(trace);
}
END_TEST

START_TEST(without_lines_there_are_functions_only)
{
    char frames[3][128];
    capture(frames);
    export_as("t.ndjson", "--no-lines");
    json_t *events = load_ndjson("t.ndjson");
    const json_t *stack = stack_of_allocation(events);
    ck_assert_str_eq(json_string_value(json_array_get(stack, 0)), "pass");
    ck_assert_str_eq(json_string_value(json_array_get(stack, 1)), "main");
    struct outcome places = shell("grep -c 'places\\.c:' t.ndjson");
    ck_assert_str_eq(places.out, "0\n");
    outcome_free(&places);
    json_decref(events);
}
END_TEST

/* ---- instrumented functions ---- */

static void capture_fib(void)
{
    char command[PATH_MAX];
    snprintf(command, sizeof command, "'%s' 5", built_program("instrumented/fib"));
    outcome_free((struct outcome[]){captured("", command)});
}

/* "tests/instrumented/fib.c:7", by another tool. */
static struct outcome line_of_fib(void)
{
    struct outcome line =
        shell("nm -l '%s' | sed -n 's/.* fib\\t.*:/tests\\/instrumented\\/fib.c:/p' "
              "| tr -d '\\n'",
              built_program("instrumented/fib"));
    ck_assert_int_gt((int)line.out_size, 0);
    return line;
}

START_TEST(functions_say_where_they_are_defined)
{
    capture_fib();
    struct outcome line = line_of_fib();
    export_as("t.ndjson", "");
    export_as("t.json", "");
    json_t *events = load_ndjson("t.ndjson"), *trace = load_json("t.json");
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:s}}", "name", "fib", "args", "location", line.out), 15);
    ck_assert_uint_eq(count_events(json_object_get(trace, "traceEvents"), "{s:s, s:{s:s}}", "name",
                                   "fib", "args", "location", line.out),
                      15);
    outcome_free(&line);
    json_decref(events);
    json_decref(trace);
}
END_TEST

START_TEST(reports_say_where_functions_are_defined)
{
    capture_fib();
    struct outcome line = line_of_fib();
    json_t *report = look("report", "x.vtrace");
    ck_assert_uint_eq(count_events(json_object_get(report, "functions"), "{s:s, s:s}", "function",
                                   "fib", "location", line.out),
                      1);
    struct outcome table = shell("'%s' report x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(table.out, strchr(line.out, '/') + 1));
    ck_assert_ptr_null(strstr(table.out, line.out)); /* two parts of the path are enough */
    outcome_free(&table);
    table = shell("'%s' report --no-lines x.vtrace", built_command());
    ck_assert_ptr_null(strstr(table.out, "location"));
    ck_assert_ptr_nonnull(strstr(table.out, "fib"));
    outcome_free(&table);
    outcome_free(&line);
    json_decref(report);
}
END_TEST

/* Two static functions of a file that share a name: neither place would be right for both. */
START_TEST(twins_have_no_place)
{
    write_file("a.c", "static void twin(void) {}\nvoid a(void) { twin(); }\n");
    write_file("b.c", "void a(void);\n\n\nstatic void twin(void) {}\n"
                      "int main(void) { twin(); a(); return 0; }\n");
    outcome_free((struct outcome[]){shell("cc -g -finstrument-functions a.c b.c -o twins")});
    outcome_free((struct outcome[]){captured("", "./twins")});
    json_t *report = look("report", "x.vtrace"), *functions = json_object_get(report, "functions");
    ck_assert_uint_eq(
        count_events(functions, "{s:s, s:i, s:s}", "function", "twin", "calls", 2, "location", ""),
        1);
    ck_assert_uint_eq(count_events(functions, "{s:s, s:s}", "function", "a", "location", "a.c:2"),
                      1);
    json_decref(report);
}
END_TEST

/* ---- samples ---- */

START_TEST(samples_in_chrome_are_a_track_that_nests)
{
    size_t i;
    json_t *event;
    double inner = 0, outer = 0;
    write_file("burn.c",
               "volatile long sink;\n"
               "__attribute__((noinline)) void burn(void) { for (long i = 0; i < 300000000;"
               " i++) sink += i; }\n"
               "int main(void) { burn(); return sink == 1; }\n");
    outcome_free((struct outcome[]){shell("cc -g -O1 burn.c -o burn")});
    outcome_free((struct outcome[]){captured("--sample=1000", "./burn")});
    export_as("t.json", "");
    json_t *trace = load_json("t.json");
    json_array_foreach(json_object_get(trace, "traceEvents"), i, event)
    {
        const char *category = json_string_value(json_object_get(event, "cat"));
        const char *name = json_string_value(json_object_get(event, "name"));
        if (!category || strcmp(category, "sample") != 0)
            continue;
        ck_assert_str_eq(json_string_value(json_object_get(event, "ph")), "X");
        ck_assert_int_gt(number_in(event, "tid"), 100000000);
        double duration = json_real_value(json_object_get(event, "dur"));
        inner += strcmp(name, "burn") == 0 ? duration : 0;
        outer += strcmp(name, "main") == 0 ? duration : 0;
    }
    ck_assert(inner > 0);
    ck_assert(outer >= inner - 0.001);
    json_decref(trace);
}
END_TEST

/* Of -ffunction-sections each function is a range of addresses of its own. */
START_TEST(lines_are_known_of_files_with_very_many_functions)
{
    enum { FUNCTIONS = 5000 };
    FILE *source = fopen("many.c", "w");
    ck_assert_ptr_nonnull(source);
    fputs("#include <stdlib.h>\n", source);
    for (int i = 0; i < FUNCTIONS; i++)
        fprintf(source, "void *f%d(void) { return malloc(%d); }\n", i, i + 1);
    fprintf(source, "int main(void) { free(f%d()); return 0; }\n", FUNCTIONS - 1);
    fclose(source);
    struct outcome made =
        shell("gcc -O0 -g -ffunction-sections -o many many.c && '%s' record -q --stacks=memory "
              "--sample 0 -o x.vtrace -- ./many && '%s' report --memory --by stack x.vtrace",
              built_command(), built_command());
    assert_fine(&made);
    char frame[64];
    snprintf(frame, sizeof frame, "f%d (many.c:%d)", FUNCTIONS - 1, FUNCTIONS + 1);
    ck_assert_ptr_nonnull(strstr(made.out, frame));
    outcome_free(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("places");
    TCase *places = tcase_create("places");
    tcase_add_checked_fixture(places, enter_folder, leave_folder);
    tcase_set_timeout(places, 60);
    tcase_add_test(places, the_event_stream_has_whole_stacks_with_inlined_functions);
    tcase_add_test(places, chrome_has_them_as_stack_frames_and_names_the_caller);
    tcase_add_test(places, without_lines_there_are_functions_only);
    tcase_add_test(places, functions_say_where_they_are_defined);
    tcase_add_test(places, reports_say_where_functions_are_defined);
    tcase_add_test(places, twins_have_no_place);
    tcase_add_test(places, samples_in_chrome_are_a_track_that_nests);
    tcase_add_test(places, lines_are_known_of_files_with_very_many_functions);
    suite_add_tcase(suite, places);
    return run_suite(suite);
}
