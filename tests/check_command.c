/* The verbs that run a command: what they print, how they end, what they leave behind. */
#include "tests/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct outcome run_verb(const char *arguments)
{
    return shell("exec '%s' %s", built_command(), arguments);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void check_folder(const char *wanted)
{
    struct outcome list = shell("ls -A");
    ck_assert_str_eq(list.out, wanted);
    outcome_free(&list);
}

/* ---- the summary ---- */

START_TEST(run_says_on_stderr_what_there_was_to_see)
{
    struct outcome run =
        shell("'%s' run -o t.json -- '%s' 15", built_command(), built_program("instrumented/fib"));
    static const char *const wanted[] = {" wall, 1 process, 1 thread\n",
                                         " function events,",
                                         " lost: 0\n",
                                         "  allocated ",
                                         " self  fib\n",
                                         "; read ",
                                         ", written ",
                                         "  trace: t.json\n"};
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.out, "610 1973\n");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        ck_assert_msg(strstr(run.err, wanted[i]) != NULL, "'%s' is not in:\n%s", wanted[i],
                      run.err);
    ck_assert_msg(strstr(run.err, "3 948 function events") != NULL, "%s", run.err);
    check_folder("t.json\n");
    outcome_free(&run);
}
END_TEST

START_TEST(quiet_run_and_record_say_nothing)
{
    struct outcome run = run_verb("run -q -o t.json -- echo one");
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(run.out, "one\n");
    outcome_free(&run);
    run = run_verb("record -o s.vtrace -- echo two");
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(run.out, "two\n");
    check_folder("s.vtrace\nt.json\n");
    outcome_free(&run);
}
END_TEST

START_TEST(the_command_keeps_its_input_and_its_arguments)
{
    struct outcome run = shell("echo hello | '%s' run -q -o t.json -- cat - && "
                               "'%s' run -q -o t.json -- printf '<%%s>' -o --keep -- '' 'a b'",
                               built_command(), built_command());
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.out, "hello\n<-o><--keep><--><><a b>");
    ck_assert_str_eq(run.err, "");
    outcome_free(&run);
}
END_TEST

START_TEST(keep_leaves_the_session_and_names_it)
{
    struct outcome run = run_verb("run --keep -q -o t.json -- true"), again;
    const char *session = strstr(run.err, "session: /");
    ck_assert_int_eq(run.code, 0);
    ck_assert_msg(session != NULL, "%s", run.err);
    again = shell("'%s' export -o again.json %.*s", built_command(),
                  (int)strcspn(session + 9, "\n"), session + 9);
    ck_assert_int_eq(again.code, 0);
    json_decref(load_json("again.json"));
    outcome_free(&again);
    outcome_free(&run);
}
END_TEST

/* ---- how it ends ---- */

static const char *const verbs[] = {"run -q -o t.json", "record -o s.vtrace"};

START_TEST(the_exit_status_is_the_command_s)
{
    static const int codes[] = {0, 1, 2, 77, 126, 127, 255};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct outcome run = shell("rm -rf s.vtrace; exec '%s' %s -- sh -c 'exit %d'",
                                   built_command(), verbs[_i], codes[i]);
        ck_assert(WIFEXITED(run.status));
        ck_assert_int_eq(run.code, codes[i]);
        ck_assert_str_eq(run.err, "");
        outcome_free(&run);
    }
}
END_TEST

START_TEST(a_signal_that_ends_the_command_is_passed_on)
{
    static const int signals[] = {SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGINT, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct outcome run = shell("rm -rf s.vtrace; exec '%s' %s -- sh -c 'kill -%d $$'",
                                   built_command(), verbs[_i], signals[i]);
        ck_assert_msg(WIFSIGNALED(run.status), "exit code %d instead of signal %d", run.code,
                      signals[i]);
        ck_assert_int_eq(WTERMSIG(run.status), signals[i]);
        outcome_free(&run);
    }
}
END_TEST

static const struct {
    const char *prepare, *command;
    int code;
} impossible[] = {
    {"true", "no-such-command", 127},
    {"true", "./no-such-file", 127},
    {"true", "''", 127},
    {"echo 'echo hi' >script", "./script", 126}, /* not executable */
    {"mkdir folder", "./folder", 126},
};
enum { IMPOSSIBLE = sizeof impossible / sizeof impossible[0] };

START_TEST(what_cannot_be_run_is_126_or_127_and_one_line)
{
    for (size_t v = 0; v < 2; v++) {
        struct outcome run = shell("rm -rf *; %s; exec '%s' %s -- %s", impossible[_i].prepare,
                                   built_command(), verbs[v], impossible[_i].command);
        ck_assert_int_eq(run.code, impossible[_i].code);
        ck_assert_uint_eq(lines_of(run.err), 1);
        ck_assert_int_eq(strncmp(run.err, "vitte-trace: cannot run ", 24), 0);
        ck_assert_str_eq(run.out, "");
        struct outcome left = shell("ls -A | grep -vE '^(script|folder)$'");
        ck_assert_str_eq(left.out, ""); /* no trace, no session */
        outcome_free(&left);
        outcome_free(&run);
    }
}
END_TEST

/* The command asks its parent to end; the parent tells the command, which has the last word. */
START_TEST(a_signal_sent_to_run_reaches_the_command)
{
    struct outcome run =
        run_verb("run -q -o t.json -- sh -c "
                 "'trap \"echo told; exit 7\" TERM; kill -TERM $PPID; while :; do :; done'");
    ck_assert_int_eq(run.code, 7);
    ck_assert_str_eq(run.out, "told\n");
    json_decref(load_json("t.json"));
    outcome_free(&run);
}
END_TEST

START_TEST(every_verb_tells_how_it_is_used)
{
    static const char *const asked[] = {"run", "record", "export", "report", "info"};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        char usage[64];
        struct outcome run = shell("'%s' %s --help", built_command(), asked[i]);
        snprintf(usage, sizeof usage, "usage: vitte-trace %s ", asked[i]);
        ck_assert_int_eq(run.code, 0);
        ck_assert_ptr_eq(strstr(run.out, usage), run.out);
        ck_assert_str_eq(run.err, "");
        outcome_free(&run);
    }
}
END_TEST

START_TEST(io_says_of_no_more_files_than_it_has_rows)
{
    struct outcome run = shell(
        "for i in 1 2 3 4 5; do echo f$i >f$i; done; "
        "'%s' record -q -o s.vtrace -- sh -c 'for n in 1 2 3 4 5 6 7 8 9 10 11 12; do cat f1 f2 "
        "f3 f4 f5; done' >/dev/null && '%s' report s.vtrace --io -n 3 | grep -c ': opened'",
        built_command(), built_command());
    ck_assert_str_eq(run.out, "3\n");
    outcome_free(&run);
}
END_TEST

START_TEST(record_does_not_touch_a_session_that_exists)
{
    struct outcome first = run_verb("record -o s.vtrace -- true");
    struct outcome before = shell("cat s.vtrace/* | cksum");
    struct outcome again = run_verb("record -o s.vtrace -- touch ran");
    struct outcome after = shell("cat s.vtrace/* | cksum");
    ck_assert_int_eq(first.code, 0);
    ck_assert_int_eq(again.code, 1);
    ck_assert_msg(strstr(again.err, "s.vtrace exists already") != NULL, "%s", again.err);
    ck_assert_str_eq(before.out, after.out);
    check_folder("s.vtrace\n"); /* the command was not run */
    outcome_free(&first);
    outcome_free(&before);
    outcome_free(&again);
    outcome_free(&after);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("command");
    TCase *commands = tcase_create("commands");
    tcase_add_checked_fixture(commands, enter_folder, leave_folder);
    tcase_set_timeout(commands, 60);
    tcase_add_test(commands, run_says_on_stderr_what_there_was_to_see);
    tcase_add_test(commands, quiet_run_and_record_say_nothing);
    tcase_add_test(commands, the_command_keeps_its_input_and_its_arguments);
    tcase_add_test(commands, keep_leaves_the_session_and_names_it);
    tcase_add_loop_test(commands, the_exit_status_is_the_command_s, 0, 2);
    tcase_add_loop_test(commands, a_signal_that_ends_the_command_is_passed_on, 0, 2);
    tcase_add_loop_test(commands, what_cannot_be_run_is_126_or_127_and_one_line, 0, IMPOSSIBLE);
    tcase_add_test(commands, a_signal_sent_to_run_reaches_the_command);
    tcase_add_test(commands, record_does_not_touch_a_session_that_exists);
    tcase_add_test(commands, every_verb_tells_how_it_is_used);
    tcase_add_test(commands, io_says_of_no_more_files_than_it_has_rows);
    suite_add_tcase(suite, commands);
    return run_suite(suite);
}
