/* Hazards of files (H58 to H60): fortified calls and 64-bit twins give their events, with the right
 * sizes, descriptors and paths, and a mode is passed where there is one. */
#include "tests/expected.h"

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

START_TEST(h59_every_twin_of_the_table_gives_its_event)
{
    struct outcome run = traced("--events io", "%s", built_program("programs/h58_twins"));
    assert_fine(&run);
    json_t *events = call_events("trace.ndjson");
    compare(events, run.out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(!is_twin(rows[i]) || named(events, rows[i]) > 0,
                      "the target does not call %s", rows[i]);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(h59_no_argument_comes_twice)
{
    struct outcome run = traced("", "%s", built_program("programs/h58_twins"));
    assert_fine(&run);
    assert_no_key_twice("trace.ndjson");
    outcome_free(&run);
}
END_TEST

START_TEST(h58_fortified_program_gives_its_events)
{
    struct outcome run = traced("--events io", "%s 48", built_program("programs/h58_fortified"));
    assert_fine(&run);
    json_t *events = call_events("trace.ndjson");
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
    json_t *events = call_events("trace.ndjson");
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:s}}", "name", "open", "args", "path", "open_7777"), 1);
    char folder[PATH_MAX];
    ck_assert_ptr_nonnull(realpath("run/folder", folder));
    ck_assert_uint_eq(count_events(events, "{s:s, s:{s:s, s:s}}", "name", "openat", "args", "path",
                                   "openat_in", "folder", folder),
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
