/* Hazards of files (H58 to H60): fortified calls and 64-bit twins give their events, with the right
 * sizes, descriptors and paths, and a mode is passed where there is one. */
#include "tests/hazards.h"

#include <signal.h>
#include <sys/wait.h>

/* ---- H58, H59 ---- */

/* Calls of the table that are another's fortified or 64-bit form. */
static const char *const rows[] = {
#define HAND(category, result, flags, type, name, ...) #name,
#define CALL                                           HAND
#include "preload/calls/io.def"
#undef CALL
#undef HAND
};

static int is_twin(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, "__", 2) == 0 || strcmp(name + length - 2, "64") == 0;
}

/* The I/O events of the trace, in order, but for those of the target's own printing; a target
 * without threads has but one order. */
static json_t *io_events(const char *path)
{
    json_t *all = load_ndjson(path), *list = json_array(), *event;
    size_t i;
    json_array_foreach(all, i, event)
    {
        const char *tag = json_string_value(json_object_get(event, "tag"));
        const json_t *args = json_object_get(event, "args");
        if (tag && strcmp(tag, "io") == 0 && json_integer_value(json_object_get(args, "fd")) != 1)
            json_array_append(list, event);
    }
    json_decref(all);
    return list;
}

/* The targets print what is to come: the same events, in the same order, with the same arguments.
 */
static void compare(json_t *events, const char *printed)
{
    size_t i = 0;
    for (const char *line = printed; *line; line = strchr(line, '\n') + 1, i++) {
        json_t *wanted = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        const json_t *event = json_array_get(events, i);
        const json_t *there = json_object_get(event, "args");
        char *shown = event ? json_dumps(event, 0) : NULL;
        ck_assert_ptr_nonnull(wanted);
        ck_assert_msg(
            event != NULL &&
                json_equal(json_object_get(wanted, "name"), json_object_get(event, "name")) &&
                json_equal(json_object_get(wanted, "args"), there),
            "event %zu is not %.*s\nbut %s", i, (int)strcspn(line, "\n"), line, shown);
        free(shown);
        json_decref(wanted);
    }
    ck_assert_uint_eq(json_array_size(events), i);
}

START_TEST(h59_every_twin_of_the_table_gives_its_event)
{
    struct outcome run = traced("--events io", "%s", built_program("programs/h58_twins"));
    assert_fine(&run);
    json_t *events = io_events("trace.ndjson");
    compare(events, run.out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(!is_twin(rows[i]) || named(events, rows[i]) > 0,
                      "the target does not call %s", rows[i]);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* A key that comes twice in one object has no meaning. */
START_TEST(h59_no_argument_comes_twice)
{
    struct outcome run = traced("", "%s", built_program("programs/h58_twins"));
    assert_fine(&run);
    FILE *file = fopen("trace.ndjson", "r");
    char line[4096];
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        json_error_t error;
        json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        ck_assert_msg(event != NULL, "%s: %s", error.text, line);
        json_decref(event);
    }
    fclose(file);
    outcome_free(&run);
}
END_TEST

START_TEST(h58_fortified_program_gives_its_events)
{
    struct outcome run = traced("--events io", "%s 48", built_program("programs/h58_fortified"));
    assert_fine(&run);
    json_t *events = io_events("trace.ndjson");
    compare(events, run.out);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* The check itself stays with libc: in a fortified program, and called directly. */
START_TEST(h58_overflow_is_still_found)
{
    const char *commands[] = {"h58_fortified 65", "h58_twins overflow 17 </dev/zero"};
    char program[64];
    snprintf(program, sizeof program, "programs/%s", commands[_i]);
    struct outcome bare = shell("exec %s", built_program(program));
    struct outcome run = preloaded("%s", built_program(program));
    ck_assert(WIFSIGNALED(bare.status));
    ck_assert_int_eq(WTERMSIG(run.status), SIGABRT);
    ck_assert_str_eq(run.err, bare.err);
    ck_assert_ptr_nonnull(strstr(run.err, "buffer overflow detected"));
    outcome_free(&bare);
    outcome_free(&run);
}
END_TEST

/* ---- H60 ---- */

static const char *const masks[] = {"0", "022", "027", "0777"};

START_TEST(h60_modes_reach_the_file_system)
{
    const char *target = built_program("programs/h60_modes");
    struct outcome bare = shell("mkdir bare run; cd bare; exec %s %s", target, masks[_i]);
    assert_fine(&bare);
    struct outcome run = shell("cd run; LD_PRELOAD='%s' VITTE_TRACE_OUT=../trace.ndjson exec %s %s",
                               built_library(), target, masks[_i]);
    assert_fine(&run);
    ck_assert_str_eq(run.out, bare.out);
    if (_i == 0) { /* it is not the bare run that is wrong */
        ck_assert_ptr_nonnull(
            strstr(run.out, "open 0666\nopen64 0640\nopen_7777 7777\nopen_0 0000\n"));
        ck_assert_ptr_nonnull(
            strstr(run.out, "openat64 4755\ncreat 0620\ncreat64 0602\ntmpfile 0644\n"));
    }
    json_t *events = io_events("trace.ndjson");
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:s}}", "name", "open", "args", "path", "open_7777"), 1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:{s:s, s:s}}", "name", "openat", "args", "path",
                                   "openat_in", "folder", "folder"),
                      1);
    json_decref(events);
    outcome_free(&bare);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_io");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, enter_folder, leave_folder);
    tcase_set_timeout(files, 60);
    tcase_add_test(files, h59_every_twin_of_the_table_gives_its_event);
    tcase_add_test(files, h59_no_argument_comes_twice);
    tcase_add_test(files, h58_fortified_program_gives_its_events);
    tcase_add_loop_test(files, h58_overflow_is_still_found, 0, 2);
    tcase_add_loop_test(files, h60_modes_reach_the_file_system, 0, 4);
    suite_add_tcase(suite, files);
    return run_suite(suite);
}
