/* What people get wrong, and what goes wrong around them: each is one line that says what happened,
 * to which file, and what to do; 2 for a call that makes no sense, 1 for a failure; and nothing is
 * left. */
#include "tests/support.h"

#include "runtime/layout.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static struct outcome command(const char *arguments)
{
    return shell("exec '%s' %s", built_command(), arguments);
}

static void make_session(void)
{
    struct outcome run = shell("'%s' record -o s.vtrace -- '%s' 1 5000", built_command(),
                               built_program("instrumented/forest"));
    ck_assert_msg(run.code == 0, "%s", run.err);
    outcome_free(&run);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* One line that has all of these texts (separated by |). */
static void check_line(const struct outcome *run, int code, const char *texts)
{
    char copy[512], *save = NULL;
    ck_assert_msg(WIFEXITED(run->status) && run->code == code, "exit status %d: %s", run->code,
                  run->err);
    ck_assert_msg(lines_of(run->err) == 1, "not one line: %s", run->err);
    ck_assert_str_eq(run->out, "");
    snprintf(copy, sizeof copy, "%s", texts);
    for (char *text = strtok_r(copy, "|", &save); text; text = strtok_r(NULL, "|", &save))
        ck_assert_msg(strstr(run->err, text) != NULL, "no '%s' in: %s", text, run->err);
}

static void check_nothing_left(void)
{
    struct outcome left = shell("find . -name '*.part' -o -name 'out*' -o -name 'vitte-trace*'");
    ck_assert_str_eq(left.out, "");
    outcome_free(&left);
}

/* ---- what is no session ---- */

static const struct {
    const char *prepare, *name, *says;
} no_sessions[] = {
    {"true", "missing.vtrace", "missing.vtrace is not a session|session.json|; "},
    {"mkdir empty.vtrace", "empty.vtrace", "empty.vtrace is not a session|session.json|; "},
    {"echo hello >file", "file", "file is not a session|; "},
    {"true", "/dev/null", "/dev/null is not a session|; "},
    {"true", "''", " is not a session|; "},
    {"cp -r s.vtrace new.vtrace && sed -i 's/\"vitte_trace_session\": "
     "[0-9]*/\"vitte_trace_session\": 99/' "
     "new.vtrace/session.json",
     "new.vtrace", "new.vtrace/session.json is of another version|; "},
    {"cp -r s.vtrace bad.vtrace && echo '{' >bad.vtrace/session.json", "bad.vtrace",
     "bad.vtrace/session.json is damaged|; "},
    {"cp -r s.vtrace bad.vtrace && echo '[1]' >bad.vtrace/session.json", "bad.vtrace",
     "bad.vtrace/session.json|; "},
    {"cp -r s.vtrace bad.vtrace && rm bad.vtrace/session.json && mkdir bad.vtrace/session.json",
     "bad.vtrace", "bad.vtrace/session.json|; "},
};
enum { NO_SESSIONS = sizeof no_sessions / sizeof no_sessions[0] };

START_TEST(what_is_no_session_is_named)
{
    static const char *const verbs[] = {"export", "report", "info", "report --memory",
                                        "export --keep-going"};
    make_session();
    struct outcome prepared = shell("%s", no_sessions[_i].prepare);
    ck_assert_msg(prepared.code == 0, "%s", prepared.err);
    for (size_t i = 0; i < 5; i++) {
        struct outcome run =
            shell("exec '%s' %s %s", built_command(), verbs[i], no_sessions[_i].name);
        check_line(&run, 1, no_sessions[_i].says);
        outcome_free(&run);
    }
    check_nothing_left();
    outcome_free(&prepared);
}
END_TEST

/* The library that was preloaded is another one than the command's. */
START_TEST(a_process_of_another_version_is_named)
{
    make_session();
    run_ok(shell("printf '\\143' | dd of=$(ls s.vtrace/*-0.live) bs=1 seek=%zu conv=notrunc",
                 offsetof(struct live_header, version)));
    struct outcome refused = command("export s.vtrace -o out.json");
    check_line(&refused, 1, ".live is of another version|; ");
    check_nothing_left();
    run_ok(command("export --keep-going -q s.vtrace -o rest.json"));
    outcome_free(&refused);
}
END_TEST

/* ---- calls that make no sense ---- */

static const struct {
    const char *arguments, *says;
} senseless[] = {
    {"", "usage: vitte-trace"},
    {"frobnicate", "no verb 'frobnicate'|--help"},
    {"''", "no verb ''|--help"},
    {"run", "usage: vitte-trace run"},
    {"run --", "usage: vitte-trace run"},
    {"run --stack-depth 7 -- true", "--stack-depth|from 8 to 512|'7'"},
    {"run --stack-depth 513 -- true", "--stack-depth|'513'"},
    {"record --stack-depth deep -- true", "--stack-depth|'deep'"},
    {"run -q", "usage: vitte-trace run"},
    {"record", "usage: vitte-trace record"},
    {"record --", "usage: vitte-trace record"},
    {"export", "usage: vitte-trace export"},
    {"export one two", "usage: vitte-trace export"},
    {"report", "usage: vitte-trace report"},
    {"info", "usage: vitte-trace info"},
    {"export -f frob s.vtrace", "no format 'frob'|chrome|json|folded"},
    {"export -o out.xyz s.vtrace", "out.xyz|.json|.ndjson|.folded|-f"},
    {"export -o out s.vtrace", "out |-f"},
    {"run -o out.txt -- touch ran", "out.txt|-f"},
    {"run -f frob -- touch ran", "no format 'frob'"},
    {"run -o - -- touch ran", "standard output|; "},
    {"run --events io,frob -- touch ran", "'frob'|functions|memory|all"},
    {"report -n many s.vtrace", "-n|'many'"},
    {"report --sort frob s.vtrace", "'frob'|total|self"},
    {"report --memory --filter 'tag(io)' s.vtrace", "--memory|--filter"},
    {"record -f json -- touch ran", "-f|export"},
};
enum { SENSELESS = sizeof senseless / sizeof senseless[0] };

START_TEST(a_call_that_makes_no_sense_is_2_and_one_line)
{
    make_session();
    struct outcome run = command(senseless[_i].arguments);
    check_line(&run, 2, senseless[_i].says);
    ck_assert_int_ne(access("ran", F_OK), 0); /* found out before the command runs */
    check_nothing_left();
    outcome_free(&run);
}
END_TEST

/* getopt's own line, and the usage. */
START_TEST(an_unknown_option_is_2_and_named)
{
    static const char *const verbs[] = {"run", "record", "export", "report", "info"};
    make_session();
    for (size_t i = 0; i < 5; i++) {
        struct outcome run =
            shell("exec '%s' %s --frobnicate s.vtrace -- touch ran", built_command(), verbs[i]);
        ck_assert_int_eq(run.code, 2);
        ck_assert_msg(strstr(run.err, "--frobnicate") && strstr(run.err, "usage: vitte-trace "),
                      "%s", run.err);
        ck_assert_msg(strstr(run.err, verbs[i]) != NULL, "%s", run.err);
        ck_assert_int_ne(access("ran", F_OK), 0);
        outcome_free(&run);
    }
}
END_TEST

static const struct {
    const char *expression;
    int column; /* of the character that is wrong, from 1 */
} filters[] = {
    {"tag(io) and", 12},
    {"frob(x)", 1},
    {"tag(io) tag(memory)", 9},
    {"(tag(io)", 1},
    {"duration > 1parsec", 13},
    {"", 1},
    {"tag(io", 4},
};
enum { FILTERS = sizeof filters / sizeof filters[0] };

START_TEST(a_wrong_filter_is_shown_with_its_character)
{
    static const char *const verbs[] = {"export -o out.json s.vtrace", "report s.vtrace",
                                        "run -o out.json -- touch ran"};
    make_session();
    for (size_t i = 0; i < 3; i++) {
        char verb[128], caret[80], wanted[256];
        snprintf(verb, sizeof verb, "%.*s --filter '%s' %s", (int)strcspn(verbs[i], " "), verbs[i],
                 filters[_i].expression, verbs[i] + strcspn(verbs[i], " "));
        struct outcome run = command(verb);
        snprintf(caret, sizeof caret, "%*s^\n", filters[_i].column - 1, "");
        snprintf(wanted, sizeof wanted, ", at character %d:\n  %s\n  %s", filters[_i].column,
                 filters[_i].expression, caret);
        ck_assert_int_eq(run.code, 2);
        ck_assert_msg(strstr(run.err, wanted) != NULL, "%s: %s", verb, run.err);
        ck_assert_uint_eq(lines_of(run.err), 3);
        ck_assert_int_ne(access("ran", F_OK), 0);
        outcome_free(&run);
    }
    check_nothing_left();
}
END_TEST

/* ---- places that cannot be written ---- */

START_TEST(an_output_in_a_folder_that_does_not_exist)
{
    make_session();
    struct outcome run = command("export -o no/such/folder/out.json s.vtrace");
    check_line(&run, 1, "no/such/folder/out.json|No such file or directory|; |-o");
    outcome_free(&run);
    run = command("run -o no/such/folder/out.json -- touch ran");
    check_line(&run, 1, "no/such/folder|No such file or directory|; |-o");
    outcome_free(&run);
    run = command("record -o no/such/folder/s.vtrace -- touch ran");
    check_line(&run, 1, "no/such/folder/s.vtrace|No such file or directory|; |-o");
    outcome_free(&run);
    run = command("export -o s.vtrace/session.json/out.json s.vtrace");
    check_line(&run, 1, "session.json/out.json|Not a directory|; |-o");
    ck_assert_int_ne(access("ran", F_OK), 0);
    check_nothing_left();
    outcome_free(&run);
}
END_TEST

/* Root may write anywhere but there. */
START_TEST(an_output_in_a_folder_that_is_read_only)
{
    make_session();
    struct outcome mounted =
        shell("mkdir folder && mount --bind folder folder && mount -o remount,bind,ro folder");
    ck_assert_msg(mounted.code == 0, "this test must be root's: %s", mounted.err);
    struct outcome exported = command("export -o folder/out.json s.vtrace");
    struct outcome run = command("run -o folder/out.json -- touch ran");
    struct outcome recorded = command("record -o folder/s.vtrace -- touch ran");
    ck_assert_int_eq(umount("folder"), 0);
    check_line(&exported, 1, "folder/out.json|Read-only file system|; |-o");
    check_line(&run, 1, "folder|Read-only file system|; |-o");
    check_line(&recorded, 1, "folder/s.vtrace|Read-only file system|; |-o");
    ck_assert_int_ne(access("ran", F_OK), 0);
    check_nothing_left();
    outcome_free(&mounted);
    outcome_free(&exported);
    outcome_free(&run);
    outcome_free(&recorded);
}
END_TEST

/* A signal in the middle of an export: ended by the signal, with nothing half-written left. It may
 * come too late; then the output is whole, and it is tried again. */
START_TEST(an_export_that_is_interrupted_leaves_nothing)
{
    struct outcome recorded = shell("exec '%s' record -q -o s.vtrace -- '%s' 26", built_command(),
                                    built_program("instrumented/fib"));
    int interrupted = 0;
    ck_assert_int_eq(recorded.code, 0);
    for (int tries = 0; tries < 50 && !interrupted; tries++) {
        struct outcome run = shell("'%s' export -q -o out.json.gz s.vtrace & "
                                   "until ls *.part >/dev/null 2>&1 || ! kill -0 $! 2>/dev/null; "
                                   "do :; done; kill -TERM $!; wait $!",
                                   built_command());
        struct outcome left = shell("ls -A");
        interrupted = run.code == 128 + SIGTERM;
        ck_assert_msg(interrupted || run.code == 0, "ended with %d\n%s", run.code, run.err);
        ck_assert_int_eq(strstr(left.out, "out.json.gz") != NULL, !interrupted);
        ck_assert_ptr_null(strstr(left.out, ".part"));
        unlink("out.json.gz");
        outcome_free(&run);
        outcome_free(&left);
    }
    ck_assert(interrupted);
    outcome_free(&recorded);
}
END_TEST

static const char *const suffixes[] = {"json", "ndjson", "folded", "json.gz"};

/* The disk becomes full while the output is written: an older output of that name stays as it was.
 */
START_TEST(a_full_disk_leaves_no_output_and_the_old_one_untouched)
{
    make_session();
    struct outcome mounted =
        shell("mkdir disk && mount -t tmpfs -o size=1m none disk && echo old >disk/out.%s && "
              "head -c 1040000 /dev/zero >disk/filler; ls disk",
              suffixes[_i]);
    ck_assert_msg(strstr(mounted.out, "filler") != NULL, "this test must be root's: %s",
                  mounted.err);
    struct outcome run =
        shell("exec '%s' export -o disk/out.%s s.vtrace", built_command(), suffixes[_i]);
    struct outcome left = shell("ls -A disk; cat disk/out.%s", suffixes[_i]);
    ck_assert_int_eq(umount("disk"), 0);
    check_line(&run, 1, "disk/out.|No space left on device|; |room|-o");
    ck_assert_msg(strstr(left.out, ".part") == NULL && strstr(left.out, "\nold\n") != NULL, "%s",
                  left.out);
    outcome_free(&mounted);
    outcome_free(&run);
    outcome_free(&left);
}
END_TEST

START_TEST(a_full_device_is_an_error_too)
{
    make_session();
    struct outcome run = shell("'%s' export -f json -o - s.vtrace >/dev/full", built_command());
    check_line(&run, 1, "standard output|No space left on device");
    outcome_free(&run);
    run = command("export -f json -o /dev/full s.vtrace");
    check_line(&run, 1, "/dev/full|No space left on device");
    ck_assert_int_eq(access("/dev/full", W_OK), 0); /* still there */
    outcome_free(&run);
    run = shell("'%s' report --json s.vtrace >/dev/full", built_command());
    check_line(&run, 1, "standard output|No space left on device");
    outcome_free(&run);
    run = shell("'%s' info s.vtrace >/dev/full", built_command());
    check_line(&run, 1, "standard output|No space left on device");
    outcome_free(&run);
}
END_TEST

/* By signal or by one line, as SIGPIPE is set; never a trace of it in the folder. */
START_TEST(a_reader_that_goes_away_ends_the_export_quietly)
{
    make_session();
    struct outcome run = shell(
        "env --default-signal=PIPE sh -c \"'%s' export -f json -o - s.vtrace; echo \\$? >code\" | "
        "head -c 1; cat code",
        built_command());
    ck_assert_msg(strcmp(run.out, "{141\n") == 0 || strcmp(run.out, "{1\n") == 0, "%s", run.out);
    ck_assert_msg(lines_of(run.err) <= 1, "%s", run.err);
    outcome_free(&run);
    run = shell("env --ignore-signal=PIPE sh -c \"'%s' export -f json -o - s.vtrace; echo \\$? "
                ">code\" | head -c 1; "
                "cat code",
                built_command());
    ck_assert_str_eq(run.out, "{1\n");
    ck_assert_msg(strstr(run.err, "standard output: Broken pipe") && lines_of(run.err) == 1, "%s",
                  run.err);
    check_nothing_left();
    outcome_free(&run);
}
END_TEST

/* ---- installed badly ---- */

START_TEST(the_command_without_its_library_says_where_it_looked)
{
    struct outcome copied = shell("mkdir bin && cp '%s' bin/", built_command());
    struct outcome run = shell("bin/vitte-trace run -o out.json -- touch ran");
    check_line(&run, 1, "libvittetrace.so|bin/vitte-trace|install");
    outcome_free(&run);
    run = shell("bin/vitte-trace record -o s.vtrace -- touch ran");
    check_line(&run, 1, "libvittetrace.so|bin/vitte-trace|install");
    ck_assert_int_ne(access("ran", F_OK), 0);
    struct outcome left = shell("ls -A; ls bin");
    ck_assert_str_eq(left.out, "bin\nvitte-trace\n");
    outcome_free(&copied);
    outcome_free(&run);
    outcome_free(&left);
}
END_TEST

/* The library without the command: the program is not hurt, the capture is kept, and a line says
 * how to go on. */
START_TEST(the_library_without_the_command_keeps_the_session)
{
    struct outcome run =
        shell("mkdir lib && cp '%s' lib/ && exec env LD_PRELOAD=$PWD/lib/libvittetrace.so '%s' 10",
              built_library(), built_program("instrumented/fib"));
    ck_assert_int_eq(run.code, 0);
    ck_assert_str_eq(run.out, "55 177\n");
    ck_assert_msg(lines_of(run.err) == 1 && strstr(run.err, "vitte-trace export "), "%s", run.err);
    struct outcome exported = shell(
        "'%s' export -f json -o - *.vtrace | grep -c '\"name\":\"fib\",\"tag\"'", built_command());
    ck_assert_str_eq(exported.out, "177\n");
    outcome_free(&run);
    outcome_free(&exported);
}
END_TEST

static void add_tests(TCase *usage)
{
    tcase_add_loop_test(usage, what_is_no_session_is_named, 0, NO_SESSIONS);
    tcase_add_test(usage, a_process_of_another_version_is_named);
    tcase_add_loop_test(usage, a_call_that_makes_no_sense_is_2_and_one_line, 0, SENSELESS);
    tcase_add_test(usage, an_unknown_option_is_2_and_named);
    tcase_add_loop_test(usage, a_wrong_filter_is_shown_with_its_character, 0, FILTERS);
    tcase_add_test(usage, an_output_in_a_folder_that_does_not_exist);
    tcase_add_test(usage, an_output_in_a_folder_that_is_read_only);
    tcase_add_loop_test(usage, a_full_disk_leaves_no_output_and_the_old_one_untouched, 0, 4);
    tcase_add_test(usage, an_export_that_is_interrupted_leaves_nothing);
    tcase_add_test(usage, a_full_device_is_an_error_too);
    tcase_add_test(usage, a_reader_that_goes_away_ends_the_export_quietly);
    tcase_add_test(usage, the_command_without_its_library_says_where_it_looked);
    tcase_add_test(usage, the_library_without_the_command_keeps_the_session);
}

int main(void)
{
    Suite *suite = suite_create("bad usage");
    TCase *usage = tcase_create("usage");
    tcase_add_checked_fixture(usage, enter_folder, leave_folder);
    tcase_set_timeout(usage, 60);
    add_tests(usage);
    suite_add_tcase(suite, usage);
    return run_suite(suite);
}
