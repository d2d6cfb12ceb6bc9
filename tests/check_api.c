/* vitte_trace.h, from outside: a program that uses all of it, with and without the library. */
#include "tests/sources.h"

#include <stdlib.h>

static const char *const languages[] = {"programs/api", "programs/api_cxx"};

static json_t *trace_of(const char *program, const char *what)
{
    struct outcome run = traced("--events scopes", "'%s' %s", built_program(program), what);
    ck_assert_msg(run.code == 0, "exit status %d: %s", run.code, run.err);
    ck_assert_str_eq(run.out, "enabled 1\n");
    outcome_free(&run);
    return load_ndjson("trace.ndjson");
}

static json_t *args_of(const json_t *events, const char *name)
{
    json_t *event = find_event(events, "{s:s}", "name", name);
    ck_assert_msg(event != NULL, "no %s", name);
    return json_object_get(event, "args");
}

/* ---- without the library ---- */

START_TEST(without_the_library_everything_does_nothing)
{
    struct outcome run =
        shell("'%s' 'scopes arguments counters tracer' && ls -A", built_program(languages[_i]));
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(
        run.out, "enabled 0\nflush before open ENOSYS\nopen nothing ENOSYS\nopen too long ENOSYS\n"
                 "open ENOSYS\nflush ENOSYS\n"); /* and no file */
    outcome_free(&run);
}
END_TEST

START_TEST(the_header_compiles_without_a_warning)
{
    static const char *const compilers[] = {"gcc -std=c99",   "gcc -std=c17",
                                            "clang -std=c11", "g++ -std=c++11",
                                            "g++ -std=c++20", "clang++ -std=c++17"};
    const char *suffix = strstr(compilers[_i], "++") ? "cc" : "c";
    char name[32];
    snprintf(name, sizeof name, "use.%s", suffix);
    write_file(name, "#include \"vitte_trace.h\"\n"
                     "int main(void)\n{\n"
                     "    VT_SCOPE(\"one\");\n    VT_SCOPE(\"two\");\n"
                     "    struct vt_arg args[] = {VT_INT(\"a\", 1), VT_DOUBLE(\"b\", 2), "
                     "VT_STRING(\"c\", \"d\")};\n"
                     "    vt_instant(\"three\", 3, args);\n"
                     "    vt_counter_int(\"four\", 5);\n"
                     "    return vt_enabled() ? vt_tracer_flush() : 0;\n}\n");
    struct outcome run = shell(
        "%s -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -O1 -I'%s' -o use %s && ./use",
        compilers[_i], source_file("../include"), name);
    ck_assert_msg(run.code == 0, "%s (this test needs Debian's gcc, g++ and clang): %s",
                  compilers[_i], run.err);
    ck_assert_str_eq(run.err, "");
    outcome_free(&run);
}
END_TEST

/* ---- scopes ---- */

static const struct {
    const char *name;
    int depth, count;
} wanted_scopes[] = {
    {"all", 0, 1},
    {"loop", 1, 1},
    {"turn", 2, 3}, /* the third is left by break */
    {"rest of the turn", 3, 2},
    {"left early", 1, 3},
    {"inner", 2, 3},
    {"after inner", 2, 1},
    {"made at run time 0", 1, 1},
    {"made at run time 2", 1, 1},
    {"a part", 2, 3},
};

START_TEST(scopes_nest_however_they_are_left)
{
    json_t *events = trace_of(languages[_i], "scopes");
    size_t sum = 0;
    for (size_t i = 0; i < sizeof wanted_scopes / sizeof wanted_scopes[0]; i++) {
        size_t count = count_events(events, "{s:s, s:s, s:s, s:i}", "type", "span", "tag", "scope",
                                    "name", wanted_scopes[i].name, "depth", wanted_scopes[i].depth);
        ck_assert_msg(count == (size_t)wanted_scopes[i].count, "%s: %zu", wanted_scopes[i].name,
                      count);
        sum += count;
    }
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "span", "tag", "scope"), sum + 1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "instant", "name", "inside"), 3);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "instant", "name", "an instant"),
                      1);
    ck_assert_uint_eq(count_events(events, "{s:{s:i}}", "args", "unwound", 1), 0);
    json_decref(events);
}
END_TEST

/* ---- arguments ---- */

static void check_string(const json_t *args, const char *key, const char *bytes, size_t length)
{
    json_t *value = json_object_get(args, key);
    ck_assert_msg(json_is_string(value), "%s is not there", key);
    ck_assert_uint_eq(json_string_length(value), length);
    ck_assert_mem_eq(json_string_value(value), bytes, length);
}
#define CHECK_STRING(args, key, text) check_string(args, key, text, sizeof text - 1)

START_TEST(arguments_of_all_kinds_come_through)
{
    json_t *events = trace_of(languages[_i], "arguments");
    static const char *const scopes[] = {"integers", "scope with arguments"};
    for (size_t i = 0; i < 2; i++) {
        json_t *args = args_of(events, scopes[i]);
        ck_assert_int_eq(json_integer_value(json_object_get(args, "smallest")), INT64_MIN);
        ck_assert_int_eq(json_integer_value(json_object_get(args, "largest")), INT64_MAX);
        ck_assert_int_eq(json_integer_value(json_object_get(args, "zero")), 0);
        ck_assert_uint_eq(json_object_size(args), 3);
    }
    json_t *args = args_of(events, "numbers");
    ck_assert(json_number_value(json_object_get(args, "tenth")) == 0.1);
    ck_assert(json_number_value(json_object_get(args, "huge")) == 1.7976931348623157e308);
    ck_assert(json_number_value(json_object_get(args, "tiny")) == 2.2250738585072014e-308);
    CHECK_STRING(args, "nan", "nan");
    CHECK_STRING(args, "inf", "inf");
    CHECK_STRING(args, "minus inf", "-inf");
    args = args_of(events, "strings");
    CHECK_STRING(args, "empty", "");
    CHECK_STRING(args, "quotes", "say \"hi\" \\ back");
    CHECK_STRING(args, "control", "tab\tline\nbell\a");
    CHECK_STRING(args, "utf-8", "h\xc3\xa9llo \xe6\xbc\xa2 \xf0\x9f\x98\x80");
    CHECK_STRING(args, "part", "only this");
    CHECK_STRING(args, "nul inside", "a\0b");
    CHECK_STRING(args, "key \"quoted\" \xc3\xa9", "value");
#define BAD "\xef\xbf\xbd"
    CHECK_STRING(args, "invalid", "a" BAD "b" BAD BAD "c" BAD BAD BAD "d" BAD BAD);
    json_decref(events);
}
END_TEST

/* Eight arguments are kept; keys may be equal, so the text is looked at. */
START_TEST(more_than_eight_arguments_are_left_out)
{
    json_decref(trace_of("programs/api", "arguments"));
    struct outcome run = shell("grep '\"name\":\"many\"' trace.ndjson | grep -o within | wc -l; "
                               "grep -c 'left out' trace.ndjson");
    ck_assert_str_eq(run.out, "8\n0\n");
    outcome_free(&run);
}
END_TEST

START_TEST(counters_and_thread_names_come_through)
{
    json_t *events = trace_of(languages[_i], "counters");
    static const json_int_t integers[] = {1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:{s:I}}", "type", "counter", "name",
                                       "int", "args", "value", integers[i]),
                          1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:{s:f}}", "type", "counter", "name",
                                   "double", "args", "value", 0.25),
                      1);
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:f}}", "name", "double", "args", "value", -1e300), 1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:{s:i}}", "name", "part", "args", "value", 44),
                      1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:{s:f}}", "name", "part", "args", "value", 4.5),
                      1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "thread", "name", "the last name"),
                      1);
    json_decref(events);
}
END_TEST

START_TEST(the_header_leaves_no_functions_of_its_own_in_a_trace)
{
    struct outcome run =
        traced("--events functions,scopes", "'%s'", built_program("instrumented/everything"));
    ck_assert_msg(run.code == 0, "%s", run.err);
    outcome_free(&run);
    run = shell("grep -ciE '\"name\":\"vt_' trace.ndjson");
    ck_assert_str_eq(run.out, "0\n");
    outcome_free(&run);
}
END_TEST

/* ---- a trace file of the program's choosing ---- */

static const char answers[] = "enabled 1\nflush before open EINVAL\nopen nothing EINVAL\n"
                              "open too long ENAMETOOLONG\nopen 0\nflush %s\n";

static void check_answers(struct outcome *run, const char *flush)
{
    char wanted[512];
    snprintf(wanted, sizeof wanted, answers, flush);
    ck_assert_int_eq(run->code, 0);
    ck_assert_str_eq(run->out, wanted);
}

static size_t instants(const char *file, const char *name)
{
    json_t *events = load_ndjson(file);
    size_t count = count_events(events, "{s:s, s:s}", "type", "instant", "name", name);
    json_decref(events);
    return count;
}

START_TEST(the_tracer_s_file_is_written_by_flush_and_at_the_end)
{
    struct outcome run = preloaded("'%s' tracer mine.ndjson", built_program(languages[_i]));
    check_answers(&run, "0");
    ck_assert_str_eq(run.err, "");
    ck_assert_uint_eq(instants("mine.ndjson", "before the flush"), 1);
    ck_assert_uint_eq(instants("mine.ndjson", "after the flush"), 1); /* the end wrote it again */
    struct outcome list = shell("ls -A");
    ck_assert_str_eq(list.out, "mine.ndjson\n");
    outcome_free(&list);
    outcome_free(&run);
}
END_TEST

START_TEST(a_file_that_the_user_named_is_written_at_the_end)
{
    setenv("VITTE_TRACE_OUT", "user.ndjson", 1);
    struct outcome run = preloaded("'%s' tracer mine.ndjson", built_program("programs/api"));
    check_answers(&run, "0");
    ck_assert_uint_eq(instants("mine.ndjson", "before the flush"), 1);
    ck_assert_uint_eq(instants("mine.ndjson", "after the flush"), 0);
    ck_assert_uint_eq(instants("user.ndjson", "after the flush"), 1);
    outcome_free(&run);
}
END_TEST

START_TEST(flush_works_under_run_too)
{
    struct outcome run = traced("", "'%s' tracer mine.ndjson", built_program("programs/api"));
    check_answers(&run, "0");
    ck_assert_uint_eq(instants("mine.ndjson", "before the flush"), 1);
    ck_assert_uint_eq(instants("mine.ndjson", "after the flush"), 0);
    ck_assert_uint_eq(instants("trace.ndjson", "after the flush"), 1);
    outcome_free(&run);
}
END_TEST

START_TEST(a_flush_that_fails_says_so)
{
    struct outcome run =
        preloaded("'%s' tracer no/such/folder/mine.ndjson", built_program("programs/api"));
    check_answers(&run, "EIO");
    ck_assert_msg(strstr(run.err, "no/such/folder/mine.ndjson: No such file or directory") != NULL,
                  "%s", run.err);
    outcome_free(&run);
}
END_TEST

/* The library alone, without the command beside it. */
START_TEST(a_flush_without_the_command_is_ENOENT)
{
    struct outcome run =
        shell("cp '%s' . && exec env LD_PRELOAD=./libvittetrace.so '%s' tracer mine.ndjson",
              built_library(), built_program("programs/api"));
    check_answers(&run, "ENOENT");
    struct outcome list = shell("ls -d *.vtrace | wc -l");
    ck_assert_str_eq(list.out, "1\n"); /* what was captured is kept */
    outcome_free(&list);
    outcome_free(&run);
}
END_TEST

/* ---- the example of the documentation ---- */

START_TEST(the_example_s_phase_contains_a_parsing_of_100_ms)
{
    build("gcc", "gcc -o build_trace -I'%s' '%s'", source_file("../include"),
          source_file("../examples/build_trace.c"));
    struct outcome plain = shell("./build_trace && ls");
    ck_assert_str_eq(plain.out, "not traced: Function not implemented\nbuild_trace\n");
    struct outcome run = preloaded("./build_trace");
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.out, "wrote build-trace.json\n");
    json_t *trace = load_json("build-trace.json"), *events = json_object_get(trace, "traceEvents");
    json_t *phase = find_event(events, "{s:s, s:s}", "ph", "X", "name", "compilation_phase");
    json_t *parsing = find_event(events, "{s:s, s:s}", "ph", "X", "name", "parsing");
    ck_assert(phase && parsing);
    double start = json_number_value(json_object_get(parsing, "ts"));
    double duration = json_number_value(json_object_get(parsing, "dur"));
    double outer = json_number_value(json_object_get(phase, "ts"));
    ck_assert(start >= outer);
    ck_assert(start + duration <=
              outer + json_number_value(json_object_get(phase, "dur")) + 0.0005);
    ck_assert_msg(duration >= 100000, "parsing took %f us", duration);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:{s:s, s:i, s:f}}", "ph", "i", "name",
                                   "compiling", "args", "file", "main.vit", "bytes", 4711, "ratio",
                                   0.5),
                      1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:{s:i}}", "ph", "C", "name", "tokens",
                                   "args", "value", 1200),
                      1);
    json_decref(trace);
    outcome_free(&plain);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api");
    TCase *api = tcase_create("api");
    tcase_add_checked_fixture(api, enter_folder, leave_folder);
    tcase_set_timeout(api, 60);
    tcase_add_loop_test(api, without_the_library_everything_does_nothing, 0, 2);
    tcase_add_loop_test(api, the_header_compiles_without_a_warning, 0, 6);
    tcase_add_loop_test(api, scopes_nest_however_they_are_left, 0, 2);
    tcase_add_loop_test(api, arguments_of_all_kinds_come_through, 0, 2);
    tcase_add_test(api, more_than_eight_arguments_are_left_out);
    tcase_add_loop_test(api, counters_and_thread_names_come_through, 0, 2);
    tcase_add_test(api, the_header_leaves_no_functions_of_its_own_in_a_trace);
    tcase_add_loop_test(api, the_tracer_s_file_is_written_by_flush_and_at_the_end, 0, 2);
    tcase_add_test(api, a_file_that_the_user_named_is_written_at_the_end);
    tcase_add_test(api, flush_works_under_run_too);
    tcase_add_test(api, a_flush_that_fails_says_so);
    tcase_add_test(api, a_flush_without_the_command_is_ENOENT);
    tcase_add_test(api, the_example_s_phase_contains_a_parsing_of_100_ms);
    suite_add_tcase(suite, api);
    return run_suite(suite);
}
