/* The report of the Vitte profiler against a program that keeps its own books. */
#include "tests/hazards.h"

static json_t *profile_of(const char *options, const char *arguments)
{
    char command[PATH_MAX];
    snprintf(command, sizeof command, "'%s' %s", built_program("instrumented/profiled"), arguments);
    struct outcome run = captured(options, command);
    FILE *file = fopen("books", "w");
    fputs(run.out, file);
    fclose(file);
    outcome_free(&run);
    run = shell("'%s' export -q -o p.vprof.json x.vtrace", built_command());
    assert_fine(&run);
    outcome_free(&run);
    return load_json("p.vprof.json");
}

static long booked(const char *key)
{
    struct outcome books = shell("cat books");
    long number = book(&books, key);
    outcome_free(&books);
    return number;
}

/* The sample of a function in a thread; there must be just one. */
static json_t *sample_of(const json_t *profile, const char *function, const char *thread)
{
    const json_t *samples = json_object_get(profile, "samples");
    ck_assert_uint_eq(
        count_events(samples, "{s:s, s:s}", "function_name", function, "thread_name", thread), 1);
    return find_event(samples, "{s:s, s:s}", "function_name", function, "thread_name", thread);
}

static const char *text_in(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    ck_assert_msg(json_is_string(value), "there is no text '%s'", key);
    return json_string_value(value);
}

static long sum_of(const json_t *list, const char *key)
{
    size_t i;
    json_t *item;
    long sum = 0;
    json_array_foreach(list, i, item) sum += number_in(item, key);
    return sum;
}

/* ---- shape ---- */

static const char *const report_fields[] = {"target",
                                            "format",
                                            "sample_count",
                                            "thread_count",
                                            "total_ns",
                                            "total_exclusive_ns",
                                            "allocation_count",
                                            "allocation_bytes",
                                            "hottest_function",
                                            "warnings",
                                            "threads",
                                            "samples",
                                            "valid",
                                            NULL};
static const char *const sample_fields[] = {"function_name", "module_name",
                                            "thread_name",   "kind",
                                            "inclusive_ns",  "exclusive_ns",
                                            "allocations",   "allocation_bytes",
                                            "call_count",    "recursion_depth",
                                            "hot_path",      "location",
                                            "valid",         NULL};
static const char *const warning_fields[] = {"severity", "message", "function_name", "valid", NULL};
static const char *const thread_fields[] = {"name", "sample_count", "total_ns", "valid", NULL};
static const char *const location_fields[] = {"file", "line", "column", "valid", NULL};

static void expect_fields(const json_t *object, const char *const *fields)
{
    size_t count = 0;
    for (; fields[count]; count++)
        ck_assert_msg(json_object_get(object, fields[count]), "no %s", fields[count]);
    ck_assert_uint_eq(json_object_size(object), count);
}

START_TEST(objects_have_the_fields_of_the_profiler_and_no_others)
{
    static const char kinds[] = "Cpu Memory Allocation Io Lock Wait";
    size_t i;
    json_t *item;
    json_t *profile = profile_of("", "limits 1");
    expect_fields(profile, report_fields);
    ck_assert_str_eq(text_in(profile, "target"), "profiled");
    ck_assert_str_eq(text_in(profile, "format"), "Json");
    ck_assert(json_is_true(json_object_get(profile, "valid")));
    json_array_foreach(json_object_get(profile, "samples"), i, item)
    {
        expect_fields(item, sample_fields);
        expect_fields(json_object_get(item, "location"), location_fields);
        ck_assert_ptr_nonnull(strstr(kinds, text_in(item, "kind")));
        ck_assert_int_ge(number_in(item, "inclusive_ns"), 0);
    }
    json_array_foreach(json_object_get(profile, "warnings"), i, item)
        expect_fields(item, warning_fields);
    json_array_foreach(json_object_get(profile, "threads"), i, item)
        expect_fields(item, thread_fields);
    json_decref(profile);
}
END_TEST

/* ---- figures ---- */

START_TEST(figures_of_functions_are_those_of_the_program)
{
    json_t *profile = profile_of("", "books");
    static const struct {
        const char *function, *thread, *key, *booked;
    } figures[] = {
        {"leaf", "profiled", "call_count", "leaf"},
        {"leaf", "worker", "call_count", "leaf"},
        {"fib", "profiled", "call_count", "fib"},
        {"descend", "profiled", "call_count", "descend"},
        {"descend", "profiled", "recursion_depth", "depth"},
        {"allocate", "profiled", "allocations", "blocks"},
        {"allocate", "profiled", "allocation_bytes", "bytes"},
        {"read", "profiled", "call_count", "reads"},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        long found =
            number_in(sample_of(profile, figures[i].function, figures[i].thread), figures[i].key);
        ck_assert_msg(found == booked(figures[i].booked), "%s of %s: %ld, not %ld", figures[i].key,
                      figures[i].function, found, booked(figures[i].booked));
    }
    ck_assert_int_eq(number_in(sample_of(profile, "fib", "profiled"), "recursion_depth"), 9);
    ck_assert_int_eq(number_in(sample_of(profile, "leaf", "worker"), "recursion_depth"), 0);
    ck_assert_str_eq(text_in(sample_of(profile, "read", "profiled"), "kind"), "Io");
    ck_assert_str_eq(text_in(sample_of(profile, "malloc", "profiled"), "kind"), "Allocation");
    ck_assert_str_eq(text_in(sample_of(profile, "pthread_join", "profiled"), "kind"), "Wait");
    ck_assert_str_eq(text_in(sample_of(profile, "leaf", "worker"), "kind"), "Cpu");
    json_decref(profile);
}
END_TEST

START_TEST(totals_are_the_sums_of_the_samples)
{
    json_t *profile = profile_of("", "books");
    const json_t *samples = json_object_get(profile, "samples");
    const json_t *threads = json_object_get(profile, "threads");
    ck_assert_int_eq(number_in(profile, "sample_count"), (long)json_array_size(samples));
    ck_assert_int_eq(number_in(profile, "thread_count"), 2);
    ck_assert_uint_eq(json_array_size(threads), 2);
    ck_assert_int_eq(number_in(profile, "sample_count"), sum_of(threads, "sample_count"));
    ck_assert_int_eq(number_in(profile, "total_ns"), sum_of(threads, "total_ns"));
    ck_assert_int_eq(number_in(profile, "total_exclusive_ns"), sum_of(samples, "exclusive_ns"));
    ck_assert_int_eq(number_in(profile, "allocation_count"), sum_of(samples, "allocations"));
    ck_assert_int_eq(number_in(profile, "allocation_bytes"), sum_of(samples, "allocation_bytes"));
    ck_assert_int_le(number_in(profile, "total_exclusive_ns"), number_in(profile, "total_ns"));
    json_decref(profile);
}
END_TEST

/* The same session as the event stream: own and whole time of a function are its spans'. */
START_TEST(times_are_those_of_the_event_stream)
{
    size_t i;
    json_t *event;
    long own = 0, whole = 0;
    json_t *profile = profile_of("", "books"), *events = stream("x.vtrace");
    json_array_foreach(events, i, event)
    {
        const char *name = json_string_value(json_object_get(event, "name"));
        if (!name || strcmp(name, "fib") != 0)
            continue;
        own += number_in(event, "self");
        if (number_in(event, "depth") == 1)
            whole += number_in(event, "dur");
    }
    /* two exports read the clock at two moments, which bends nanoseconds a little */
    const json_t *fib = sample_of(profile, "fib", "profiled");
    long off = number_in(fib, "exclusive_ns") - own;
    ck_assert_msg(labs(off) <= own / 100 + 1, "own time is off by %ld of %ld", off, own);
    off = number_in(fib, "inclusive_ns") - whole;
    ck_assert_msg(labs(off) <= whole / 100 + 1, "whole time is off by %ld of %ld", off, whole);
    json_decref(profile);
    json_decref(events);
}
END_TEST

START_TEST(functions_have_their_place_in_the_source)
{
    json_t *profile = profile_of("", "books");
    const json_t *place = json_object_get(sample_of(profile, "fib", "profiled"), "location");
    struct outcome line = shell("nm -l '%s' | sed -n 's/.* vitte_fn_fib_1.*://p'",
                                built_program("instrumented/profiled"));
    ck_assert_int_eq(number_in(place, "line"), atoi(line.out));
    ck_assert_ptr_nonnull(strstr(text_in(place, "file"), "tests/instrumented/profiled.c"));
    ck_assert(json_is_true(json_object_get(place, "valid")));
    place = json_object_get(sample_of(profile, "read", "profiled"), "location");
    ck_assert(json_is_false(json_object_get(place, "valid")));
    outcome_free(&line);
    json_decref(profile);
}
END_TEST

/* ---- programs that are not instrumented ---- */

static json_t *profile_of_session(void)
{
    struct outcome run = shell("'%s' export -q -o p.vprof.json x.vtrace", built_command());
    assert_fine(&run);
    outcome_free(&run);
    return load_json("p.vprof.json");
}

START_TEST(samples_tell_of_functions_that_are_not_instrumented)
{
    write_file("burn.c", "volatile long sink;\n"
                         "__attribute__((noinline)) void burn(void)\n"
                         "{\n"
                         "    for (long i = 0; i < 300000000; i++)\n"
                         "        sink += i;\n"
                         "}\n"
                         "__attribute__((noinline)) void around(int deep)\n"
                         "{\n"
                         "    if (deep)\n"
                         "        around(deep - 1);\n"
                         "    else\n"
                         "        burn();\n"
                         "    sink++;\n"
                         "}\n"
                         "int main(void)\n"
                         "{\n"
                         "    around(3);\n"
                         "    return 0;\n"
                         "}\n");
    outcome_free((struct outcome[]){shell("cc -g -O1 -fno-optimize-sibling-calls burn.c -o burn")});
    outcome_free((struct outcome[]){captured("--sample=1000", "./burn")});
    json_t *profile = profile_of_session();
    const json_t *burn = sample_of(profile, "burn", "burn");
    const json_t *around = sample_of(profile, "around", "burn");
    ck_assert_str_eq(text_in(burn, "kind"), "Cpu");
    ck_assert_int_gt(number_in(burn, "exclusive_ns"), 0);
    ck_assert_int_ge(number_in(around, "inclusive_ns"), number_in(burn, "inclusive_ns"));
    ck_assert_int_le(number_in(around, "inclusive_ns"), number_in(profile, "total_exclusive_ns"));
    ck_assert_int_eq(number_in(around, "recursion_depth"), 3);
    ck_assert_int_eq(number_in(burn, "call_count"), 0);
    ck_assert(json_is_true(json_object_get(burn, "hot_path")));
    ck_assert_int_eq(number_in(json_object_get(burn, "location"), "line"), 2);
    ck_assert_str_eq(text_in(profile, "hottest_function"), "burn");
    json_decref(profile);
}
END_TEST

START_TEST(allocations_belong_to_the_function_that_their_stack_begins_with)
{
    char command[PATH_MAX];
    snprintf(command, sizeof command, "'%s'", built_program("programs/places"));
    outcome_free((struct outcome[]){captured("--stacks=memory", command)});
    json_t *profile = profile_of_session();
    const json_t *pass = sample_of(profile, "pass", "places");
    ck_assert_int_eq(number_in(pass, "allocations"), 1);
    ck_assert_int_eq(number_in(pass, "allocation_bytes"), 4711);
    json_decref(profile);
}
END_TEST

/* ---- judgements ---- */

START_TEST(the_hot_path_leads_to_what_takes_longest)
{
    json_t *profile = profile_of("", "limits 1");
    ck_assert(json_is_true(json_object_get(sample_of(profile, "limits", "profiled"), "hot_path")));
    ck_assert(
        json_is_true(json_object_get(sample_of(profile, "wait_for", "profiled"), "hot_path")));
    ck_assert(
        json_is_false(json_object_get(sample_of(profile, "descend", "profiled"), "hot_path")));
    ck_assert(
        json_is_false(json_object_get(sample_of(profile, "allocate", "profiled"), "hot_path")));
    json_decref(profile);
}
END_TEST

START_TEST(what_is_above_a_limit_is_warned_of)
{
    static const struct {
        const char *message, *function;
    } warnings[] = {{"slow hot path detected", "limits"},
                    {"slow hot path detected", "wait_for"},
                    {"slow hot path detected", "nanosleep"},
                    {"high allocation pressure", "allocate"},
                    {"deep recursion detected", "descend"}};
    json_t *profile = profile_of("", "limits 1");
    const json_t *found = json_object_get(profile, "warnings");
    for (size_t i = 0; i < sizeof warnings / sizeof warnings[0]; i++)
        ck_assert_msg(count_events(found, "{s:s, s:s, s:s}", "severity", "Warning", "message",
                                   warnings[i].message, "function_name", warnings[i].function) == 1,
                      "%s: %s", warnings[i].function, warnings[i].message);
    ck_assert_uint_eq(json_array_size(found), sizeof warnings / sizeof warnings[0]);
    json_decref(profile);
}
END_TEST

START_TEST(what_is_at_a_limit_is_not)
{
    size_t i, slow = 0;
    json_t *sample;
    json_t *profile = profile_of("", "limits 0");
    json_array_foreach(json_object_get(profile, "samples"), i, sample) /* a machine may be busy */
        slow += json_is_true(json_object_get(sample, "hot_path")) &&
                number_in(sample, "inclusive_ns") > 1000000000;
    ck_assert_uint_eq(json_array_size(json_object_get(profile, "warnings")), slow);
    ck_assert_int_eq(number_in(sample_of(profile, "allocate", "profiled"), "allocations"), 100000);
    ck_assert_int_eq(number_in(sample_of(profile, "descend", "profiled"), "recursion_depth"), 64);
    json_decref(profile);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vitte_profile");
    TCase *report = tcase_create("report");
    tcase_add_checked_fixture(report, enter_folder, leave_folder);
    tcase_set_timeout(report, 60);
    tcase_add_test(report, objects_have_the_fields_of_the_profiler_and_no_others);
    tcase_add_test(report, figures_of_functions_are_those_of_the_program);
    tcase_add_test(report, totals_are_the_sums_of_the_samples);
    tcase_add_test(report, times_are_those_of_the_event_stream);
    tcase_add_test(report, functions_have_their_place_in_the_source);
    tcase_add_test(report, samples_tell_of_functions_that_are_not_instrumented);
    tcase_add_test(report, allocations_belong_to_the_function_that_their_stack_begins_with);
    tcase_add_test(report, the_hot_path_leads_to_what_takes_longest);
    tcase_add_test(report, what_is_above_a_limit_is_warned_of);
    tcase_add_test(report, what_is_at_a_limit_is_not);
    suite_add_tcase(suite, report);
    return run_suite(suite);
}
