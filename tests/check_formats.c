/* Which file comes out: suffixes, VITTE_TRACE_FORMAT, VITTE_TRACE_EVENTS; and what each format
 * promises about itself. */
#include "tests/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIB = 15, FIB_CALLS = 1973 };
enum format { CHROME, NDJSON, FOLDED };

/* ---- is this file what it should be? Each says how many calls of fib it shows. ---- */

static size_t calls_in_chrome(const char *name)
{
    json_t *trace = load_json(name);
    size_t calls =
        count_events(json_object_get(trace, "traceEvents"), "{s:s, s:s}", "ph", "X", "name", "fib");
    json_decref(trace);
    return calls;
}

static size_t calls_in_ndjson(const char *name)
{
    json_t *events = load_ndjson(name);
    size_t calls = count_events(events, "{s:s, s:s}", "type", "span", "name", "fib");
    ck_assert_uint_eq(count_events(events, "{s:s}", "type", "end"), 1);
    json_decref(events);
    return calls;
}

/* Folded stacks have no calls: their depths instead, fib(15) being 15 deep. */
static size_t lines_in_folded(const char *name)
{
    char line[4096];
    size_t lines = 0;
    FILE *file = fopen(name, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        char *space = strrchr(line, ' ');
        ck_assert_msg(space && strspn(space + 1, "0123456789") == strlen(space + 1) - 1 &&
                          strtoull(space + 1, NULL, 10) > 0,
                      "not `stack weight`: %s", line);
        ck_assert_int_eq(strncmp(line, "fib", 3), 0);
        lines += strstr(line, ";main;fib") != NULL;
    }
    fclose(file);
    return lines;
}

static void check_file(const char *name, enum format format)
{
    static size_t (*const counts[])(const char *) = {calls_in_chrome, calls_in_ndjson,
                                                     lines_in_folded};
    size_t count = counts[format](name);
    if (format == FOLDED)
        ck_assert_uint_eq(count, FIB);
    else
        ck_assert_uint_eq(count, FIB_CALLS);
}

/* ---- choosing ---- */

static const struct choice {
    const char *out, *format; /* VITTE_TRACE_OUT and VITTE_TRACE_FORMAT, or NULL */
    enum format is;
    int compressed;
} choices[] = {
    {NULL, NULL, CHROME, 0},
    {"t.json", NULL, CHROME, 0},
    {"t.ndjson", NULL, NDJSON, 0},
    {"t.folded", NULL, FOLDED, 0},
    {"t.json.gz", NULL, CHROME, 1},
    {"t.ndjson.gz", NULL, NDJSON, 1},
    {"t.folded.gz", NULL, FOLDED, 1},
    {"t.json", "json", NDJSON, 0},
    {"t.json.gz", "folded", FOLDED, 1},
    {"t.folded", "chrome", CHROME, 0},
    {"noname", "json", NDJSON, 0},
    {"t.gz", "chrome", CHROME, 1},
    {"a name with spaces; and \"quotes\".ndjson", NULL, NDJSON, 0},
};

static int is_gzip(const char *name)
{
    unsigned char magic[2] = {0, 0};
    FILE *file = fopen(name, "rb");
    ck_assert_msg(file != NULL, "%s is not there", name);
    ck_assert_uint_eq(fread(magic, 1, 2, file), 2);
    fclose(file);
    return magic[0] == 0x1f && magic[1] == 0x8b;
}

static void check_choice(const struct choice *choice)
{
    const char *name = choice->out ? choice->out : "vitte-trace.json";
    ck_assert_int_eq(is_gzip(name), choice->compressed);
    if (choice->compressed) {
        run_ok(shell("gzip -dc '%s' >plain", name));
        name = "plain";
    }
    check_file(name, choice->is);
}

START_TEST(the_suffix_chooses_and_VITTE_TRACE_FORMAT_overrides)
{
    const struct choice *choice = &choices[_i];
    if (choice->out)
        setenv("VITTE_TRACE_OUT", choice->out, 1);
    if (choice->format)
        setenv("VITTE_TRACE_FORMAT", choice->format, 1);
    run_ok(preloaded("'%s' %d", built_program("instrumented/fib"), FIB));
    check_choice(choice);
    struct outcome list = shell("ls -A | grep -cv '^plain$'");
    ck_assert_str_eq(list.out, "1\n"); /* one trace, no session, no ".part" */
    outcome_free(&list);
}
END_TEST

START_TEST(run_and_export_choose_in_the_same_way)
{
    const struct choice *choice = &choices[_i];
    char options[256] = "";
    if (choice->out)
        snprintf(options, sizeof options, "-o '%s'", choice->out);
    if (choice->format)
        snprintf(options + strlen(options), sizeof options - strlen(options), " -f %s",
                 choice->format);
    run_ok(shell("'%s' run -q %s -- '%s' %d", built_command(), options,
                 built_program("instrumented/fib"), FIB));
    check_choice(choice);
    run_ok(shell("rm -f *; '%s' record -o s.vtrace -- '%s' %d && '%s' export s.vtrace %s",
                 built_command(), built_program("instrumented/fib"), FIB, built_command(),
                 options));
    check_choice(choice);
}
END_TEST

START_TEST(export_to_standard_output_is_the_same_trace)
{
    static const char *const names[] = {"chrome", "json", "folded"};
    run_ok(shell("'%s' record -o s.vtrace -- '%s' %d", built_command(),
                 built_program("instrumented/fib"), FIB));
    for (int i = CHROME; i <= FOLDED; i++) {
        run_ok(shell("'%s' export -f %s -o - s.vtrace >out", built_command(), names[i]));
        check_file("out", (enum format)i);
    }
    struct outcome list = shell("ls -A");
    ck_assert_str_eq(list.out, "out\ns.vtrace\n");
    outcome_free(&list);
}
END_TEST

/* Also of a session that is shorter than what a clock needs to be measured well. */
START_TEST(an_export_is_the_same_each_time)
{
    run_ok(shell("'%s' record -o s.vtrace -- '%s' %d", built_command(),
                 built_program("instrumented/fib"), FIB));
    for (int i = 0; i < 5; i++)
        run_ok(shell("'%s' export -f json -o out%d s.vtrace && cmp out0 out%d", built_command(), i,
                     i));
}
END_TEST

/* ---- categories ---- */

static const struct {
    const char *list, *tags; /* what is asked for; what may and must appear */
} categories[] = {
    {"functions", "function"},
    {"memory", "memory"},
    {"io", "io"},
    {"threads", "thread"},
    {"waits", "wait"},
    {"locks", "lock"},
    {"counters,io", "counter io"},
    {"maps", "map"},
    {"processes", "process"},
    {"scopes", "scope"},
    {"io,locks", "io lock"},
    {"scopes,functions,memory", "scope function memory"},
    {"all", "function memory io wait thread lock counter map process scope"},
};

START_TEST(VITTE_TRACE_EVENTS_chooses_and_nothing_else_appears)
{
    size_t i;
    json_t *event;
    char wanted[128], *save = NULL;
    setenv("VITTE_TRACE_EVENTS", categories[_i].list, 1);
    run_ok(preloaded("'%s'", built_program("instrumented/everything")));
    json_t *trace = load_json("vitte-trace.json"), *events = json_object_get(trace, "traceEvents");
    json_array_foreach(events, i, event)
    {
        const char *tag = json_string_value(json_object_get(event, "cat"));
        const char *phase = json_string_value(json_object_get(event, "ph"));
        ck_assert_msg(strcmp(phase, "M") == 0 || (tag && strstr(categories[_i].tags, tag)),
                      "%s is there, asked for was %s", tag ? tag : phase, categories[_i].list);
    }
    strcpy(wanted, categories[_i].tags);
    for (char *tag = strtok_r(wanted, " ", &save); tag; tag = strtok_r(NULL, " ", &save))
        ck_assert_msg(count_events(events, "{s:s}", "cat", tag) > 0, "nothing of %s", tag);
    json_decref(trace);
}
END_TEST

START_TEST(run_takes_events_as_an_option)
{
    size_t i;
    json_t *event;
    outcome_free((struct outcome[]){
        traced("--events io,locks", "'%s'", built_program("instrumented/everything"))});
    json_t *events = load_ndjson("trace.ndjson");
    json_array_foreach(events, i, event)
    {
        const char *tag = json_string_value(json_object_get(event, "tag"));
        ck_assert_msg(!tag || strcmp(tag, "io") == 0 || strcmp(tag, "lock") == 0, "%s is there",
                      tag);
    }
    ck_assert_uint_gt(count_events(events, "{s:s}", "tag", "io"), 0);
    ck_assert_uint_gt(count_events(events, "{s:s}", "tag", "lock"), 0);
    json_decref(events);
}
END_TEST

/* ---- folded stacks ---- */

/* Every nanosecond of main is in exactly one line. The two exports read the clock at different
 * moments, which may bend their nanoseconds apart by a little. */
START_TEST(folded_weights_sum_to_the_root_span_s_duration)
{
    char line[4096];
    uint64_t sum = 0;
    run_ok(shell("'%s' record --events functions -o s.vtrace -- '%s' 20 && '%s' export -o t.folded "
                 "s.vtrace && "
                 "'%s' export -o t.ndjson s.vtrace",
                 built_command(), built_program("instrumented/fib"), built_command(),
                 built_command()));
    FILE *file = fopen("t.folded", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        sum += strtoull(strrchr(line, ' '), NULL, 10);
    fclose(file);
    json_t *events = load_ndjson("t.ndjson");
    json_t *root = find_event(events, "{s:s, s:s}", "type", "span", "name", "main");
    ck_assert_ptr_nonnull(root);
    uint64_t duration = (uint64_t)json_integer_value(json_object_get(root, "dur"));
    ck_assert_msg(sum > duration - duration / 100 && sum < duration + duration / 100,
                  "the weights sum to %lu, main took %lu", (unsigned long)sum,
                  (unsigned long)duration);
    json_decref(events);
}
END_TEST

START_TEST(folded_lines_are_different_stacks)
{
    run_ok(shell("VITTE_TRACE_OUT=t.folded LD_PRELOAD='%s' '%s' >/dev/null", built_library(),
                 built_program("instrumented/everything")));
    struct outcome twice = shell("sed 's/ [0-9]*$//' t.folded | sort | uniq -d");
    ck_assert_str_eq(twice.out, "");
    struct outcome nested = shell("grep -c '^everything;main;processes;fork [0-9]*$' t.folded");
    ck_assert_str_eq(nested.out, "1\n");
    outcome_free(&twice);
    outcome_free(&nested);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats");
    TCase *formats = tcase_create("formats");
    int count = (int)(sizeof choices / sizeof choices[0]);
    tcase_add_checked_fixture(formats, enter_folder, leave_folder);
    tcase_set_timeout(formats, 60);
    tcase_add_loop_test(formats, the_suffix_chooses_and_VITTE_TRACE_FORMAT_overrides, 0, count);
    tcase_add_loop_test(formats, run_and_export_choose_in_the_same_way, 0, count);
    tcase_add_test(formats, export_to_standard_output_is_the_same_trace);
    tcase_add_test(formats, an_export_is_the_same_each_time);
    tcase_add_loop_test(formats, VITTE_TRACE_EVENTS_chooses_and_nothing_else_appears, 0,
                        (int)(sizeof categories / sizeof categories[0]));
    tcase_add_test(formats, run_takes_events_as_an_option);
    tcase_add_test(formats, folded_weights_sum_to_the_root_span_s_duration);
    tcase_add_test(formats, folded_lines_are_different_stacks);
    suite_add_tcase(suite, formats);
    return run_suite(suite);
}
