/* Which file a function belongs to: libraries that come, go and come back elsewhere, programs
 * without symbols, images that become others; and which thread. */
#include "tests/sources.h"

#include <stdlib.h>

/* A library whose functions have the same offsets and sizes whatever their names are. */
static void build_library(const char *name)
{
    char source[2048], file[64];
    snprintf(file, sizeof file, "%s.c", name);
    snprintf(source, sizeof source,
             "typedef void enter(const char *);\n"
             "static __attribute__((noinline)) void %s_inner(enter *in, void (*out)(void))\n"
             "{ in(\"%s_inner\"); out(); }\n"
             "static __attribute__((noinline)) void %s_outer(enter *in, void (*out)(void))\n"
             "{ in(\"%s_outer\"); %s_inner(in, out); %s_inner(in, out); out(); }\n"
             "void library_entry(enter *in, void (*out)(void))\n"
             "{ in(\"library_entry\"); %s_outer(in, out); out(); }\n",
             name, name, name, name, name, name, name);
    write_file(file, source);
    build("gcc", "gcc -O1 -g0 -shared -fPIC -finstrument-functions -o %s.so %s", name, file);
}

static struct outcome run_journal(const char *command)
{
    struct outcome run = traced("--events functions", "%s >journal", command);
    ck_assert_msg(run.code == 0, "exit status %d: %s", run.code, run.err);
    return run;
}

/* Sorted: "NAME DEPTH COUNT"; order and times are check_functions' business. */
static void check_sums(void)
{
    struct outcome same =
        shell("sort journal | sed 's/^\\([0-9]*\\) \\(.*\\)/\\2 \\1/' | sort | uniq -c >said\n"
              "sed -n "
              "'s/"
              "^{\"type\":\"span\",\"name\":\"\\([^\"]*\\)\",\"tag\":\"function\".*\"depth\":\\([0-"
              "9]*\\),.*/\\1 \\2/p' "
              "trace.ndjson | sort | uniq -c >found\n"
              "diff -u said found");
    ck_assert_msg(same.code == 0, "the trace (+) is not as the program says (-):\n%s", same.out);
    outcome_free(&same);
}

START_TEST(a_library_at_another_s_old_address_has_its_own_names)
{
    char command[512];
    build_library("one");
    build_library("two");
    snprintf(command, sizeof command, "'%s' ./one.so ./two.so",
             built_program("instrumented/late_library"));
    struct outcome run = run_journal(command);
    ck_assert_msg(strstr(run.err, "reused") != NULL, "the loader never used an address twice: %s",
                  run.err);
    check_sums();
    json_t *events = load_ndjson("trace.ndjson"), *event;
    size_t i;
    json_array_foreach(events, i, event) /* and the module is the one of the name */
    {
        const char *name = json_string_value(json_object_get(event, "name"));
        const char *module = json_string_value(json_object_get(event, "module"));
        if (name && (strncmp(name, "one_", 4) == 0 || strncmp(name, "two_", 4) == 0))
            ck_assert_msg(module && strncmp(strrchr(module, '/') + 1, name, 3) == 0, "%s in %s",
                          name, module);
    }
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* fib and main by address: as nm has them before the symbols are cut off. */
START_TEST(functions_without_symbols_are_module_and_offset)
{
    static const char *const flags[] = {"-fPIE -pie", "-fno-PIE -no-pie"};
    build("gcc and binutils",
          "gcc -O1 %s -finstrument-functions -o fib '%s' && nm fib >symbols && strip fib",
          flags[_i], source_file("instrumented/fib.c"));
    struct outcome run = traced("--events functions", "./fib 15");
    struct outcome offset = shell("sed -n 's/^0*\\([0-9a-f]*\\) [tT] fib$/fib+0x\\1/p' symbols");
    ck_assert_str_eq(run.out, "610 1973\n");
    offset.out[strcspn(offset.out, "\n")] = '\0';
    json_t *events = load_ndjson("trace.ndjson");
    ck_assert_msg(count_events(events, "{s:s, s:s}", "type", "span", "name", offset.out) == 1973,
                  "%zu calls of %s", count_events(events, "{s:s}", "name", offset.out), offset.out);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "span", "tag", "function"), 1974);
    json_decref(events);
    outcome_free(&run);
    outcome_free(&offset);
}
END_TEST

START_TEST(a_program_rebuilt_since_gives_offsets_and_not_wrong_names)
{
    build("gcc", "gcc -O1 -finstrument-functions -o fib '%s'", source_file("instrumented/fib.c"));
    struct outcome run = shell("'%s' record -q -o s.vtrace -- ./fib 10", built_command());
    ck_assert_msg(run.code == 0, "%s", run.err);
    outcome_free(&run);
    write_file("other.c", "int zero(void) { return 0; } int one(void) { return 1; } int main(void) "
                          "{ return zero(); }");
    build("gcc", "gcc -O0 -o fib other.c");
    run = shell("'%s' export -o trace.ndjson s.vtrace", built_command());
    ck_assert_msg(run.code == 0, "%s", run.err);
    json_t *events = load_ndjson("trace.ndjson");
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "span", "tag", "function"), 178);
    static const char *const wrong[] = {"zero", "one", "main", "_start"};
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(count_events(events, "{s:s}", "name", wrong[i]), 0);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(threads_have_the_names_that_they_were_given)
{
    char *save = NULL;
    struct outcome run =
        traced("--events functions", "%s", built_program("instrumented/threads_named"));
    ck_assert_int_eq(run.code, 0);
    json_t *events = load_ndjson("trace.ndjson");
    for (char *line = strtok_r(run.out, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *function = strchr(line, ';');
        *function++ = '\0';
        json_t *span = find_event(events, "{s:s, s:s}", "type", "span", "name", function);
        ck_assert_msg(span != NULL, "no call of %s", function);
        json_t *tid = json_object_get(span, "tid");
        ck_assert_msg(count_events(events, "{s:s, s:O, s:s}", "type", "thread", "tid", tid, "name",
                                   line) == 1,
                      "the thread of %s is not called %s", function, line);
    }
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* One pid, four images; each but the last ends inside becomes(), after an exec that failed. */
START_TEST(exec_keeps_the_session_and_ends_the_image)
{
    struct outcome run = traced("", "'%s' 1 2 3", built_program("instrumented/execs"));
    ck_assert_msg(run.code == 0, "%s", run.err);
    ck_assert_str_eq(run.out, "image 4\nimage 3\nimage 2\nimage 1\n");
    json_t *events = load_ndjson("trace.ndjson");
    ck_assert_uint_eq(count_events(events, "{s:s}", "type", "process"), 4);
    json_t *pid = json_object_get(find_event(events, "{s:s}", "type", "process"), "pid");
    ck_assert_uint_eq(count_events(events, "{s:s, s:O}", "type", "process", "pid", pid), 4);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "span", "name", "image_function"),
                      4 + 3);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "span", "name", "main"), 4);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:{s:i}}", "type", "span", "name", "main",
                                   "args", "unwound", 1),
                      3);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:{s:i}}", "type", "span", "name", "becomes",
                                   "args", "unwound", 1),
                      3);
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:s}}", "name", "execve", "args", "error", "ENOENT"), 3);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("modules");
    TCase *modules = tcase_create("modules");
    tcase_add_checked_fixture(modules, enter_folder, leave_folder);
    tcase_set_timeout(modules, 60);
    tcase_add_test(modules, a_library_at_another_s_old_address_has_its_own_names);
    tcase_add_loop_test(modules, functions_without_symbols_are_module_and_offset, 0, 2);
    tcase_add_test(modules, a_program_rebuilt_since_gives_offsets_and_not_wrong_names);
    tcase_add_test(modules, threads_have_the_names_that_they_were_given);
    tcase_add_test(modules, exec_keeps_the_session_and_ends_the_image);
    suite_add_tcase(suite, modules);
    return run_suite(suite);
}
