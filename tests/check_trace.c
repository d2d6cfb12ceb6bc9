/* End to end: real commands traced, the trace compared with what is known of them. */
#include "tests/support.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- a compiler at work ---- */

static const char source[] = "#include <stdio.h>\n"
                             "#include <stdlib.h>\n"
                             "int main(int argc, char **argv)\n"
                             "{\n"
                             "    printf(\"%d %s\\n\", argc, argv[0] ? getenv(argv[0]) : \"\");\n"
                             "    return 0;\n"
                             "}\n";

static const char *const compilers[] = {"gcc", "cc1", "as"};

static void need_gcc(void)
{
    struct outcome run = shell("gcc --version && as --version && python3 --version");
    ck_assert_msg(run.code == 0, "this test needs Debian's packages gcc, binutils and python3: %s",
                  run.err);
    outcome_free(&run);
}

/* The process of that name in a chrome trace. */
static json_int_t pid_named(const json_t *events, const char *name)
{
    json_t *event = find_event(events, "{s:s, s:s, s:{s:s}}", "ph", "M", "name", "process_name",
                               "args", "name", name);
    ck_assert_msg(event != NULL, "no process %s", name);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:{s:s}}", "ph", "M", "name", "process_name",
                                   "args", "name", name),
                      1);
    return json_integer_value(json_object_get(event, "pid"));
}

static json_t *trace_of_compilation(void)
{
    need_gcc();
    write_file("source.c", source);
    struct outcome run = preloaded("gcc -O1 -c source.c");
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(run.out, "");
    outcome_free(&run);
    return load_json("vitte-trace.json");
}

START_TEST(a_traced_compilation_gives_the_same_object_file)
{
    need_gcc();
    write_file("source.c", source);
    struct outcome plain = shell("gcc -O1 -c source.c -o plain.o");
    struct outcome run = preloaded("gcc -O1 -c source.c -o traced.o");
    ck_assert_int_eq(plain.code, 0);
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.out, "");
    ck_assert_str_eq(run.err, "");
    struct outcome same =
        shell("cmp plain.o traced.o && python3 -m json.tool vitte-trace.json >/dev/null");
    ck_assert_msg(same.code == 0, "%s%s", same.out, same.err);
    outcome_free(&plain);
    outcome_free(&run);
    outcome_free(&same);
}
END_TEST

START_TEST(a_failing_compilation_fails_in_the_same_way)
{
    need_gcc();
    write_file("source.c", "int main(void) { return nothing; }\n");
    struct outcome plain = shell("gcc -O1 -c source.c");
    struct outcome run = preloaded("gcc -O1 -c source.c");
    ck_assert_int_ne(plain.code, 0);
    ck_assert_int_eq(run.code, plain.code);
    ck_assert_str_eq(run.err, plain.err);
    ck_assert_str_eq(run.out, plain.out);
    json_t *trace = load_json("vitte-trace.json");
    pid_named(json_object_get(trace, "traceEvents"), "cc1");
    json_decref(trace);
    outcome_free(&plain);
    outcome_free(&run);
}
END_TEST

START_TEST(a_compilation_is_one_trace_of_gcc_cc1_and_as)
{
    json_t *trace = trace_of_compilation(), *events = json_object_get(trace, "traceEvents"), *event;
    size_t i;
    for (size_t k = 0; k < 3; k++) {
        json_int_t pid = pid_named(events, compilers[k]);
        size_t allocations = 0;
        json_array_foreach(events, i, event)
        {
            json_t *args = json_object_get(event, "args");
            if (json_integer_value(json_object_get(event, "pid")) != pid ||
                strcmp(json_string_value(json_object_get(event, "name")), "malloc") != 0)
                continue;
            ck_assert(json_is_integer(json_object_get(args, "size")));
            ck_assert_int_eq(strncmp(json_string_value(json_object_get(args, "result")), "0x", 2),
                             0);
            allocations++;
        }
        ck_assert_msg(allocations > 50, "%s made %zu allocations?", compilers[k], allocations);
    }
    json_decref(trace);
}
END_TEST

START_TEST(the_compiler_s_opens_and_reads_have_paths_and_sizes)
{
    json_t *trace = trace_of_compilation(), *events = json_object_get(trace, "traceEvents"), *event;
    json_int_t cc1 = pid_named(events, "cc1");
    size_t i, reads = 0;
    char whole[PATH_MAX]; /* as descriptors are called */
    ck_assert_ptr_nonnull(realpath("source.c", whole));
    event = find_event(events, "{s:s, s:I, s:{s:s}}", "name", "open", "pid", cc1, "args", "path",
                       "source.c");
    ck_assert_msg(event != NULL, "cc1 did not open source.c");
    json_int_t fd = json_integer_value(json_object_get(json_object_get(event, "args"), "result"));
    ck_assert_uint_eq(count_events(events, "{s:s, s:I, s:{s:s, s:I, s:I}}", "name", "read", "pid",
                                   cc1, "args", "path", whole, "fd", fd, "bytes",
                                   (json_int_t)sizeof source - 1),
                      1);
    ck_assert_uint_ge(count_events(events, "{s:s, s:I, s:{s:s}}", "name", "open", "pid", cc1,
                                   "args", "path", "/usr/include/stdio.h"),
                      1);
    json_array_foreach(events, i, event)
    {
        json_t *args = json_object_get(event, "args");
        const char *name = json_string_value(json_object_get(event, "name"));
        if (strcmp(name, "read") != 0 && strcmp(name, "write") != 0)
            continue;
        ck_assert(json_is_integer(json_object_get(args, "fd")));
        ck_assert(json_is_integer(json_object_get(args, "size")));
        ck_assert(json_is_integer(json_object_get(args, "bytes")) ||
                  json_is_string(json_object_get(args, "error")));
        reads++;
    }
    ck_assert_uint_gt(reads, 10);
    json_decref(trace);
}
END_TEST

/* as reads the assembly and writes the object file with stdio. Between sections it seeks over the
 * few bytes that align the next one: those nobody writes. */
START_TEST(what_the_assembler_reads_and_writes_is_in_the_trace)
{
    json_t *trace = trace_of_compilation(), *events = json_object_get(trace, "traceEvents"), *event;
    json_int_t as = pid_named(events, "as"), written = 0, read = 0;
    enum { GAPS = 13 * 8 };
    size_t i;
    char object[PATH_MAX];
    ck_assert_ptr_nonnull(realpath("source.o", object));
    json_array_foreach(events, i, event)
    {
        const char *name = json_string_value(json_object_get(event, "name"));
        json_t *args = json_object_get(event, "args");
        const char *path = json_string_value(json_object_get(args, "path"));
        json_int_t bytes = json_integer_value(json_object_get(args, "bytes"));
        if (json_integer_value(json_object_get(event, "pid")) != as || !path)
            continue;
        written += strstr(name, "write") && strcmp(path, object) == 0 ? bytes : 0;
        read += strstr(name, "read") && strcmp(path + strlen(path) - 2, ".s") == 0 ? bytes : 0;
    }
    ck_assert_msg(written <= 2 * file_size("source.o") && written >= file_size("source.o") - GAPS,
                  "source.o has %ld bytes, as has written %ld", file_size("source.o"),
                  (long)written);
    ck_assert_int_gt(read, 100);
    json_decref(trace);
}
END_TEST

/* ---- files ---- */

static const char *argument_text(const json_t *args, const char *key)
{
    static char numbers[2][32];
    static int next;
    json_t *value = json_object_get(args, key);
    if (!json_is_integer(value))
        return json_string_value(value);
    next ^= 1;
    snprintf(numbers[next], sizeof numbers[next], "%lld", (long long)json_integer_value(value));
    return numbers[next];
}

/* Without this folder, which the names of descriptors have in front of what they were opened by. */
static const char *from_here(const char *path)
{
    char here[PATH_MAX];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    size_t length = strlen(here);
    return path && strncmp(path, here, length) == 0 && path[length] == '/' ? path + length + 1
                                                                           : path;
}

/* The I/O events, in order, as files.c writes them down: "NAME PATH SIZE RESULT". */
static void write_books(const json_t *events, FILE *books)
{
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        static const char *const results[] = {"error", "bytes", "result"};
        json_t *args = json_object_get(event, "args");
        const char *path = from_here(argument_text(args, "path")),
                   *size = argument_text(args, "size");
        const char *result = NULL;
        if (strcmp(json_string_value(json_object_get(event, "type")), "span") != 0 ||
            (path && strcmp(path, "books") == 0)) /* the writing of the books themselves */
            continue;
        for (size_t k = 0; !result && k < 3; k++)
            result = argument_text(args, results[k]);
        fprintf(books, "%s %s %s %s\n", json_string_value(json_object_get(event, "name")),
                path ? path : "-", size ? size : "-", result ? result : "?");
    }
}

START_TEST(files_are_read_and_written_as_the_program_says)
{
    struct outcome run = traced("--events io", "'%s' books", built_program("programs/files"));
    ck_assert_msg(run.code == 0, "%s", run.err);
    json_t *events = load_ndjson("trace.ndjson");
    FILE *books = fopen("found", "w");
    ck_assert_ptr_nonnull(books);
    write_books(events, books);
    fclose(books);
    struct outcome same = shell("diff -u books found");
    ck_assert_msg(same.code == 0, "%s", same.out);
    json_decref(events);
    outcome_free(&run);
    outcome_free(&same);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *traces = tcase_create("traces");
    tcase_add_checked_fixture(traces, enter_folder, leave_folder);
    tcase_set_timeout(traces, 60);
    tcase_add_test(traces, preload_gives_one_chrome_trace);
    tcase_add_test(traces, a_traced_compilation_gives_the_same_object_file);
    tcase_add_test(traces, a_failing_compilation_fails_in_the_same_way);
    tcase_add_test(traces, a_compilation_is_one_trace_of_gcc_cc1_and_as);
    tcase_add_test(traces, the_compiler_s_opens_and_reads_have_paths_and_sizes);
    tcase_add_test(traces, what_the_assembler_reads_and_writes_is_in_the_trace);
    tcase_add_test(traces, files_are_read_and_written_as_the_program_says);
    suite_add_tcase(suite, traces);
    return run_suite(suite);
}
