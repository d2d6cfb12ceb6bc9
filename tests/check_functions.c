/* Functions: their names, and how deep each call is, however the calls before it ended. The targets
 * write a journal (journal.h): "DEPTH NAME" in the order of entry. */
#include "tests/lines.h"
#include "tests/sources.h"

struct entry {
    uint64_t ts, depth, number;
    char *name;
};

static int by_entry(const void *a, const void *b)
{
    const struct entry *l = a, *r = b;
    if (l->ts != r->ts)
        return (l->ts > r->ts) - (l->ts < r->ts);
    if (l->depth != r->depth)
        return (l->depth > r->depth) - (l->depth < r->depth);
    return (l->number > r->number) - (l->number < r->number);
}

static char *function_name(struct slice json)
{
    json_error_t error;
    char quoted[8192];
    ck_assert_uint_lt(json.length + 3, sizeof quoted);
    snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)json.length, json.at);
    json_t *string = json_loads(quoted, JSON_DECODE_ANY, &error);
    char *name = strdup(json_string_value(string));
    json_decref(string);
    return name;
}

/* The function spans of trace.ndjson as a journal. */
static void write_journal(const char *file_name)
{
    struct stream stream;
    struct line line;
    size_t count = 0, room = 1 << 17;
    struct entry *entries = calloc(room, sizeof *entries);
    ck_assert_ptr_nonnull(entries);
    stream_open(&stream, "cat trace.ndjson");
    while (stream_next(&stream, &line))
        if (slice_is(line.type, "span") && slice_is(line.tag, "function")) {
            ck_assert_uint_lt(count, room);
            entries[count] = (struct entry){line.ts, line.depth, count, function_name(line.name)};
            count++;
        } else if (slice_is(line.type, "end")) {
            ck_assert_uint_eq(line.events_lost, 0);
        }
    ck_assert_int_eq(stream_close(&stream), 0);
    qsort(entries, count, sizeof *entries, by_entry);
    FILE *file = fopen(file_name, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "%lu %s\n", (unsigned long)entries[i].depth, entries[i].name);
        free(entries[i].name);
    }
    fclose(file);
    free(entries);
}

/* `compared`: what is printed of a line before it is compared, a command for the shell. */
static void check_journal_by(const char *command, const char *compared)
{
    struct outcome run = traced("--events functions", "%s", command);
    ck_assert_msg(run.code == 0, "exit status %d: %s", run.code, run.err);
    write_file("journal", run.out);
    write_journal("found");
    struct outcome same =
        shell("%s <journal >j && %s <found >f; diff -U 8 j f | head -n 40; cmp -s j f", compared,
              compared);
    ck_assert_msg(same.code == 0, "%s: the trace (+) is not as the program says (-):\n%s", command,
                  same.out);
    outcome_free(&same);
    outcome_free(&run);
}

static void check_journal(const char *command)
{
    check_journal_by(command, "cat");
}

/* Often: whether a jump is seen must not depend on when the program was started. */
START_TEST(longjmp_ends_the_calls_that_it_leaves)
{
    for (int i = 0; i < 20; i++)
        check_journal(built_program("instrumented/jumps"));
}
END_TEST

START_TEST(exceptions_end_the_calls_that_they_leave)
{
    check_journal(built_program("instrumented/exceptions"));
}
END_TEST

static void build_exceptions(const char *compiler)
{
    build("g++ and clang", "%s -finstrument-functions -std=c++17 -o exceptions '%s'", compiler,
          source_file("instrumented/exceptions.cc"));
}

START_TEST(exceptions_of_gxx_end_the_calls_that_they_leave)
{
    build_exceptions(_i == 0 ? "g++ -O0" : "g++ -O2");
    check_journal("./exceptions");
}
END_TEST

/* clang++ calls no exit hook in a function that an exception leaves: such a call ends with the
 * function that caught the exception, and what that one calls before lies deeper. Every call is
 * there, in order. */
START_TEST(exceptions_of_clangxx_lose_no_call)
{
    build_exceptions(_i == 0 ? "clang++ -O0" : "clang++ -O2");
    check_journal_by("./exceptions", "cut -d' ' -f2-");
}
END_TEST

START_TEST(names_of_cxx_are_readable)
{
    check_journal(built_program("instrumented/names"));
}
END_TEST

START_TEST(names_of_vitte_and_rust_are_readable)
{
    check_journal(built_program("instrumented/foreign_names"));
}
END_TEST

START_TEST(functions_have_names_in_every_kind_of_program)
{
    static const char *const flags[] = {"-fPIE -pie",           "-fno-PIE -no-pie",    "-O3 -flto",
                                        "-Wl,-z,now -rdynamic", "-Wl,--build-id=none", "-g -gz"};
    build("gcc", "gcc %s -finstrument-functions -o jumps '%s'", flags[_i],
          source_file("instrumented/jumps.c"));
    check_journal("./jumps");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("functions");
    TCase *functions = tcase_create("functions");
    tcase_add_checked_fixture(functions, enter_folder, leave_folder);
    tcase_set_timeout(functions, 60);
    tcase_add_test(functions, longjmp_ends_the_calls_that_it_leaves);
    tcase_add_test(functions, exceptions_end_the_calls_that_they_leave);
    tcase_add_loop_test(functions, exceptions_of_gxx_end_the_calls_that_they_leave, 0, 2);
    tcase_add_loop_test(functions, exceptions_of_clangxx_lose_no_call, 0, 2);
    tcase_add_test(functions, names_of_cxx_are_readable);
    tcase_add_test(functions, names_of_vitte_and_rust_are_readable);
    tcase_add_loop_test(functions, functions_have_names_in_every_kind_of_program, 0, 6);
    suite_add_tcase(suite, functions);
    return run_suite(suite);
}
