/* Hazards of descriptors (H42, H43): the tracer holds none, so nobody can close it, and it never
 * writes into the program's files nor takes the numbers that the program expects. */
#include "tests/books.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES = 4, TURNS = 20 }; /* of the target */

static const char *target(void)
{
    return built_program("instrumented/h42_daemon");
}

/* What the target wrote into its files, and nothing else. */
static void check_files(void)
{
    struct outcome wrong = shell("cat wrong 2>&1");
    ck_assert_msg(wrong.code != 0, "the target found something wrong:\n%.400s", wrong.out);
    outcome_free(&wrong);
    for (int i = 0; i < FILES; i++) {
        char name[16], wanted[256] = "";
        snprintf(name, sizeof name, "file-%d", i);
        for (int turn = i; turn < TURNS; turn += FILES)
            snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "turn %d\n", turn);
        struct outcome run = shell("cat %s", name);
        ck_assert_str_eq(run.out, wanted);
        outcome_free(&run);
    }
    ck_assert_int_eq(file_size("extra"), 0);
}

static void check_session(const char *session)
{
    json_t *events = stream(session);
    json_decref(check_books(events, "books"));
    json_decref(events);
}

/* ---- H42 ---- */

static const char *const ways[] = {"close", "closefrom", "close_range", "raw", "list", "daemon"};
enum { WAYS = sizeof ways / sizeof ways[0] };

/* Daemons become this process's children when their parents have gone. */
static void adopt(void)
{
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ck_assert_int_eq(mkfifo("go", 0600), 0);
}

/* Lets the daemon go on, which has become one by now, and waits for its end. */
static void let_go(void)
{
    int status;
    int go = open("go", O_WRONLY);
    ck_assert_int_ge(go, 0);
    ck_assert_int_eq(write(go, "x", 1), 1);
    close(go);
    for (;;) {
        pid_t pid = wait(&status);
        if (pid < 0 && errno == ECHILD)
            return;
        ck_assert_int_eq(status, 0);
    }
}

START_TEST(h42_daemon_that_closes_everything_keeps_its_trace)
{
    adopt();
    struct outcome run = shell("exec '%s' record -o s.vtrace -- %s %s \"$PWD\"", built_command(),
                               target(), ways[_i]);
    assert_fine(&run);
    let_go();
    check_files();
    check_session("s.vtrace");
    outcome_free(&run);
}
END_TEST

/* The command ends before the daemon does: what run and the preload write then is not all. */
START_TEST(h42_session_of_a_daemon_stays_until_it_ends)
{
    adopt();
    struct outcome run =
        _i ? preloaded("VITTE_TRACE_OUT=t.ndjson %s %s \"$PWD\"", target(), ways[1])
           : shell("exec '%s' run -q -o t.ndjson -- %s %s \"$PWD\"", built_command(), target(),
                   ways[1]);
    ck_assert_int_eq(run.code, 0);
    if (_i == 0)
        ck_assert_ptr_nonnull(strstr(run.err, "some processes of the command still run"));
    json_decref(load_ndjson("t.ndjson"));
    let_go();
    check_files();
    outcome_free(&run);
    run = shell("mv vitte-trace-*.vtrace s.vtrace");
    assert_fine(&run);
    check_session("s.vtrace");
    outcome_free(&run);
}
END_TEST

/* ---- H43 ---- */

static const char *const closings[] = {"",         "<&-",      ">&-",         "<&- >&-", "2>&-",
                                       "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"}; /* by mask */

START_TEST(h43_program_started_without_0_1_2_gets_them_for_its_files)
{
    struct outcome run = traced("", "%s fresh:%d \"$PWD\" %s", target(), _i, closings[_i]);
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.out, "");
    ck_assert_str_eq(run.err, "");
    check_files();
    json_t *events = load_ndjson("trace.ndjson");
    json_decref(check_books(events, "books"));
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(h43_preloaded_program_too)
{
    struct outcome run = preloaded("VITTE_TRACE_OUT=trace.ndjson %s fresh:%d \"$PWD\" %s", target(),
                                   _i, closings[_i]);
    ck_assert_int_eq(run.code, 0);
    check_files();
    json_t *events = load_ndjson("trace.ndjson");
    json_decref(check_books(events, "books"));
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* The exporter has something to say, and descriptor 2 is a file of the program's by then. */
START_TEST(h43_complaints_do_not_go_into_the_program_s_files)
{
    ck_assert_int_eq(mkdir("trace.ndjson", 0700), 0);
    struct outcome run = preloaded("VITTE_TRACE_OUT=trace.ndjson %s fresh:%d \"$PWD\" %s", target(),
                                   _i, closings[_i]);
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.out, "");
    if (_i & 4)
        ck_assert_str_eq(run.err, "");
    else
        ck_assert_ptr_nonnull(strstr(run.err, "cannot write"));
    check_files();
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_files");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, enter_folder, leave_folder);
    tcase_set_timeout(files, 60);
    tcase_add_loop_test(files, h42_daemon_that_closes_everything_keeps_its_trace, 0, WAYS);
    tcase_add_loop_test(files, h42_session_of_a_daemon_stays_until_it_ends, 0, 2);
    tcase_add_loop_test(files, h43_program_started_without_0_1_2_gets_them_for_its_files, 0, 8);
    tcase_add_loop_test(files, h43_preloaded_program_too, 0, 8);
    tcase_add_loop_test(files, h43_complaints_do_not_go_into_the_program_s_files, 0, 8);
    suite_add_tcase(suite, files);
    return run_suite(suite);
}
