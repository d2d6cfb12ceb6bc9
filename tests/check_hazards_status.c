/* Exit statuses (H49): the code or signal of the command is that of the tool, through the preload
 * and through `vitte-trace run`; Ctrl-C and signals to the tool reach the command, and its trace is
 * still written. */
#include "tests/hazards.h"

#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 5000 }; /* of the target */

static const char *target(void)
{
    return built_program("instrumented/h44_endings");
}

static void check_trace(const char *path)
{
    json_t *events = load_ndjson(path);
    ck_assert_int_eq(named(events, "end_work"), CALLS);
    json_decref(events);
}

/* ---- codes and signals ---- */

START_TEST(h49_exit_codes_pass_through)
{
    for (int code = _i * 32; code < (_i + 1) * 32; code++) {
        struct outcome run = preloaded("sh -c 'exit %d'", code);
        ck_assert_int_eq(run.status, code << 8);
        ck_assert_str_eq(run.err, "");
        outcome_free(&run);
        run = traced("--events processes", "sh -c 'exit %d'", code);
        ck_assert_int_eq(run.status, code << 8);
        ck_assert_str_eq(run.err, "");
        outcome_free(&run);
    }
}
END_TEST

static int ends_a_process(int signal)
{
    return signal != SIGSTOP && signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU &&
           signal != SIGCONT && signal != SIGCHLD && signal != SIGURG && signal != SIGWINCH &&
           signal != 32 && signal != 33;
}

START_TEST(h49_signals_pass_through)
{
    for (int signal = 1; signal <= 64; signal++) {
        if (!ends_a_process(signal))
            continue;
        struct outcome run = preloaded("sh -c 'kill -%d $$'", signal);
        ck_assert_int_eq(run.status, signal);
        outcome_free(&run);
        run = traced("--events processes", "sh -c 'kill -%d $$'", signal);
        ck_assert_msg(WIFSIGNALED(run.status) && WTERMSIG(run.status) == signal,
                      "status %x for signal %d", (unsigned)run.status, signal);
        ck_assert_str_eq(run.err, "");
        outcome_free(&run);
    }
}
END_TEST

/* What is in the folder after the target dumped core: name and whose it is. */
static struct outcome cores(const char *folder)
{
    return shell(
        "cd %s; for f in core*; do [ -e \"$f\" ] && echo core && grep -c \"In a core, this\" "
        "\"$f\" >/dev/null "
        "&& echo of the target; done; true",
        folder);
}

START_TEST(h49_core_flag_and_core_are_the_program_s)
{
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &unlimited), 0);
    struct outcome bare = shell("mkdir bare preload run; cd bare; exec %s abort", target());
    struct outcome preload =
        shell("cd preload; LD_PRELOAD='%s' exec %s abort", built_library(), target());
    struct outcome run =
        shell("cd run; exec '%s' run -q -o ../trace.ndjson -- %s abort", built_command(), target());
    ck_assert_int_eq(WTERMSIG(bare.status), SIGABRT);
    ck_assert_int_eq(preload.status,
                     bare.status); /* with the core flag, where cores are dumped at all */
    ck_assert(WIFSIGNALED(run.status));
    ck_assert_int_eq(WTERMSIG(run.status), SIGABRT);
    struct outcome wanted = cores("bare"), of_preload = cores("preload"), of_run = cores("run");
    ck_assert_msg(strcmp(wanted.out, WCOREDUMP(bare.status) ? "core\nof the target\n" : "") == 0,
                  "core dumps go elsewhere: this test needs the core_pattern 'core'");
    ck_assert_str_eq(of_preload.out, wanted.out);
    ck_assert_str_eq(of_run.out, wanted.out); /* and not overwritten by one of vitte-trace */
    check_trace("trace.ndjson");
    outcome_free(&wanted);
    outcome_free(&of_preload);
    outcome_free(&of_run);
    outcome_free(&bare);
    outcome_free(&preload);
    outcome_free(&run);
}
END_TEST

/* ---- signals to the tool ---- */

struct started {
    pid_t pid;
    int terminal; /* the other side of its terminal, which is its standard output too */
};

/* The tool with the target on a terminal of its own, when the target is ready. */
static struct started start(const char *how)
{
    char got[4096] = "";
    size_t length = 0;
    struct started started;
    started.pid = forkpty(&started.terminal, NULL, NULL, NULL);
    if (started.pid == 0) {
        execl(built_command(), "vitte-trace", "run", "-q", "-o", "trace.ndjson", "--", target(),
              how, "21", (char *)NULL);
        _exit(99);
    }
    ck_assert_int_gt(started.pid, 0);
    while (!strstr(got, "ready")) {
        ssize_t more = read(started.terminal, got + length, sizeof got - 1 - length);
        ck_assert_msg(more > 0, "the target is not ready: %s", got);
        length += (size_t)more;
    }
    return started;
}

static int wait_for(const struct started *started)
{
    int status;
    char rest[4096];
    while (read(started->terminal, rest, sizeof rest) > 0) /* EIO when the last process has left */
        ;
    while (waitpid(started->pid, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    close(started->terminal);
    return status;
}

static void press(const struct started *started, char key)
{
    ck_assert_int_eq(write(started->terminal, &key, 1), 1);
}

START_TEST(h49_ctrl_c_ends_the_command_and_the_trace_is_written)
{
    struct started started = start("wait");
    press(&started, _i ? 034 : 003); /* Ctrl-\ is SIGQUIT */
    int status = wait_for(&started);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), _i ? SIGQUIT : SIGINT);
    check_trace("trace.ndjson");
}
END_TEST

START_TEST(h49_command_that_handles_ctrl_c_ends_with_its_own_code)
{
    struct started started = start("handle");
    press(&started, 003);
    ck_assert_int_eq(wait_for(&started), 21 << 8);
    check_trace("trace.ndjson");
}
END_TEST

START_TEST(h49_signals_to_the_tool_are_passed_on)
{
    static const int signals[] = {SIGTERM, SIGHUP};
    struct started started = start("wait");
    ck_assert_int_eq(kill(started.pid, signals[_i]), 0);
    int status = wait_for(&started);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), signals[_i]);
    check_trace("trace.ndjson");
    started = start("handle");
    ck_assert_int_eq(kill(started.pid, signals[_i]), 0);
    ck_assert_int_eq(wait_for(&started), 21 << 8);
    check_trace("trace.ndjson");
}
END_TEST

/* The command goes on, so the tool has to, and what it is told later still arrives. */
START_TEST(h49_command_that_ignores_ctrl_c_keeps_the_tool)
{
    struct started started = start("ignore");
    press(&started, 003);
    ck_assert_int_eq(waitpid(started.pid, NULL, WNOHANG), 0);
    ck_assert_int_eq(kill(started.pid, SIGTERM), 0);
    int status = wait_for(&started);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGTERM);
    check_trace("trace.ndjson");
}
END_TEST

/* What nohup and the like have set up is the command's too. */
START_TEST(h49_command_gets_the_signals_as_the_tool_was_given_them)
{
    const char *shown = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status";
    for (int ignoring = 0; ignoring < 2; ignoring++) {
        signal(SIGINT, ignoring ? SIG_IGN : SIG_DFL);
        signal(SIGHUP, ignoring ? SIG_IGN : SIG_DFL);
        signal(SIGXFSZ, ignoring ? SIG_IGN : SIG_DFL);
        struct outcome bare = shell("exec %s", shown);
        struct outcome run = traced("--sample 0", "%s", shown), preload = preloaded("%s", shown);
        ck_assert_str_eq(run.out, bare.out);
        ck_assert_str_eq(preload.out, bare.out);
        outcome_free(&bare);
        outcome_free(&run);
        outcome_free(&preload);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_status");
    TCase *statuses = tcase_create("statuses");
    tcase_add_checked_fixture(statuses, enter_folder, leave_folder);
    tcase_set_timeout(statuses, 60);
    tcase_add_loop_test(statuses, h49_exit_codes_pass_through, 0, 8);
    tcase_add_test(statuses, h49_signals_pass_through);
    tcase_add_test(statuses, h49_core_flag_and_core_are_the_program_s);
    tcase_add_loop_test(statuses, h49_ctrl_c_ends_the_command_and_the_trace_is_written, 0, 2);
    tcase_add_test(statuses, h49_command_that_handles_ctrl_c_ends_with_its_own_code);
    tcase_add_loop_test(statuses, h49_signals_to_the_tool_are_passed_on, 0, 2);
    tcase_add_test(statuses, h49_command_that_ignores_ctrl_c_keeps_the_tool);
    tcase_add_test(statuses, h49_command_gets_the_signals_as_the_tool_was_given_them);
    suite_add_tcase(suite, statuses);
    return run_suite(suite);
}
