/* H47: seccomp sandboxes kill who makes a system call that is not on their list. From the moment
 * that one is entered the tracer makes none: the program ends as it would without, what fits into
 * the open blocks is there, and the rest is counted. */
#include "tests/hazards.h"
#include "tests/sources.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS = 23, FEW = 40 }; /* of the target; and events around its own */

/* The target instrumented, or built here without. */
static const char *target(int instrumented)
{
    if (instrumented)
        return built_program("instrumented/h47_sandbox");
    build("gcc", "cc -g -O1 -std=gnu11 -pthread -o sandbox '%s'",
          source_file("instrumented/h47_sandbox.c"));
    return "./sandbox";
}

static long lost_of(const json_t *info, const char *reason)
{
    return number_in(json_object_get(info, "lost"), reason);
}

/* The gap line is there, once. */
static void check_said(const json_t *info)
{
    size_t i, lines = 0;
    json_t *line;
    json_array_foreach(json_object_get(info, "not_covered"), i, line) lines +=
        strstr(json_string_value(line), "entered a seccomp sandbox") != NULL;
    ck_assert_uint_eq(lines, 1);
}

/* Alone and captured the program ends the same way, and says the same. */
static struct outcome same_end(int instrumented, const char *arguments)
{
    const char *program = target(instrumented);
    struct outcome alone = shell("exec timeout -k 1 40 '%s' %s", program, arguments);
    ck_assert_msg(alone.code == STATUS, "without the tracer: %d\n%s%s", alone.code, alone.out,
                  alone.err);
    struct outcome run = shell("exec timeout -k 1 40 '%s' record -q -o x.vtrace -- '%s' %s",
                               built_command(), program, arguments);
    ck_assert_msg(run.code == STATUS, "with the tracer: %d\n%s%s", run.code, run.out, run.err);
    ck_assert_str_eq(run.out, alone.out);
    ck_assert_str_eq(run.err, "");
    outcome_free(&alone);
    return run;
}

/* How many events `calls` rounds of the target's work make: malloc, free, and a read in ten; enter
 * and exit of two functions. */
static long events_of(long calls, int instrumented)
{
    return 2 * calls + calls / 10 + (instrumented ? 4 * calls : 0);
}

/* How many of them are in the trace. */
static long events_there(const json_t *report, int instrumented)
{
    long there = calls_of(report, "malloc") + calls_of(report, "read"); /* a free is no call */
    return there +
           (instrumented ? 2 * calls_of(report, "called") + 2 * calls_of(report, "opaque") : 0);
}

/* Everything is either there or counted; what is there is as much as fits into two blocks, and what
 * came before is there in any case. */
static void check_books(const struct outcome *run, int instrumented, long rounds)
{
    json_t *info = look("info", "x.vtrace"), *report = look("report", "x.vtrace");
    json_t *events = stream("x.vtrace");
    long frees = named(events, "free");
    long there = events_there(report, instrumented) + frees, lost = lost_of(info, "sandboxed");
    long made = events_of(rounds, instrumented);
    ck_assert_int_eq(number_in(info, "events_lost"), lost);
    ck_assert_msg(there + lost >= made - FEW && there + lost <= made + FEW,
                  "%ld made, %ld there, %ld lost", made, there, lost);
    ck_assert_int_ge(calls_of(report, "malloc"), book(run, "before"));
    if (instrumented)
        ck_assert_int_ge(calls_of(report, "called"), book(run, "before"));
    check_said(info);
    json_decref(events);
    json_decref(report);
    json_decref(info);
}

/* ---- filters ---- */

static const char *const filters[] = {"kill prctl calls",     "kill prctl _exit",
                                      "kill syscall calls",   "kill tsync calls",
                                      "refuse syscall calls", "kill syscall _exit"};
enum { FILTERS = sizeof filters / sizeof filters[0] };

/* Fails: a flush of the first full block (openat), a sample of the usage (getrusage), a gettid or a
 * sigprocmask of ours, a clock that asks the kernel, an export at the end. Even ones are
 * instrumented. */
START_TEST(h47_a_filter_does_not_kill_a_traced_program)
{
    int instrumented = _i % 2 == 0;
    struct outcome run = same_end(instrumented, filters[_i / 2]);
    check_books(&run, instrumented, book(&run, "before") + book(&run, "after"));
    json_t *info = look("info", "x.vtrace"), *report = look("report", "x.vtrace");
    const json_t *process = json_array_get(json_object_get(info, "processes"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(process, "status")), "exited");
    ck_assert_int_eq(number_in(process, "exit_status"), STATUS);
    /* two blocks of 16 384 words: a round takes 5 to 10 of them, and some for the time */
    ck_assert_int_gt(calls_of(report, "malloc"), book(&run, "before") + 2500);
    struct outcome text = shell("'%s' report x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(text.out, "because their process was in a seccomp sandbox"));
    outcome_free(&text);
    json_decref(report);
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* Fails: to empty the open block of the thread that enters the sandbox, and to forget the others,
 * which a filter with TSYNC takes along: theirs are full, too, one day. */
START_TEST(h47_threads_that_are_taken_along_live)
{
    struct outcome run = same_end(_i, "kill tsync thread");
    check_books(&run, _i, 2 * (book(&run, "before") + book(&run, "after")));
    outcome_free(&run);
}
END_TEST

/* A thread that begins in the sandbox has no place: it is counted, and lives. One that is refused
 * is refused in the same way as without. */
START_TEST(h47_threads_of_the_sandbox_are_counted)
{
    struct outcome run = same_end(_i, "kill prctl new");
    check_books(&run, _i, book(&run, "before") + book(&run, "after"));
    ck_assert_int_eq(book(&run, "refused"), 0);
    outcome_free(&run);
    run = shell("rm -rf x.vtrace");
    outcome_free(&run);
    run = same_end(_i, "refuse prctl new");
    ck_assert_int_ne(book(&run, "refused"), 0);
    json_t *info = look("info", "x.vtrace");
    ck_assert_int_eq(lost_of(info, "sandboxed"), 0);
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* Fails: a child that opens files of its own, or that writes into its parent's. */
START_TEST(h47_children_of_the_sandbox_leave_their_parent_s_trace_alone)
{
    struct outcome run = same_end(_i, "kill prctl fork");
    check_books(&run, _i, book(&run, "before") + book(&run, "after"));
    json_t *report = look("report", "x.vtrace");
    ck_assert_int_eq(calls_of(report, "malloc"), book(&run, "before")); /* the parent's own */
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* ---- strict ---- */

/* Fails: anything but silence. Not even the cycle counter may be read: who does is killed. */
START_TEST(h47_the_strict_sandbox_does_not_kill_a_traced_program)
{
    char arguments[64];
    snprintf(arguments, sizeof arguments, "strict %s calls", _i & 2 ? "syscall" : "prctl");
    struct outcome run = same_end(_i & 1, arguments);
    json_t *info = look("info", "x.vtrace"), *report = look("report", "x.vtrace");
    ck_assert_int_eq(calls_of(report, "malloc"), book(&run, "before"));
    ck_assert_int_eq(calls_of(report, "called"), _i & 1 ? book(&run, "before") : 0);
    ck_assert_int_eq(number_in(report, "unmatched_exits"), 0);
    check_said(info);
    json_decref(report);
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* ---- without a command of ours ---- */

/* Nothing of ours can be started in there: the session stays, and can be exported. */
START_TEST(h47_a_preloaded_root_leaves_its_session)
{
    static const char *const ways[] = {"strict prctl calls", "kill prctl calls",
                                       "kill syscall _exit"};
    const char *program = target(_i % 2);
    struct outcome run = shell("exec timeout -k 1 40 env LD_PRELOAD='%s' VITTE_TRACE_OUT=t.json "
                               "'%s' %s",
                               built_library(), program, ways[_i / 2]);
    ck_assert_int_eq(run.code, STATUS);
    ck_assert_str_eq(run.err, "");
    ck_assert_int_eq(file_size("t.json"), -1);
    struct outcome moved = shell("mv vitte-trace-*.vtrace x.vtrace");
    assert_fine(&moved);
    json_t *info = look("info", "x.vtrace"), *report = look("report", "x.vtrace");
    ck_assert_int_ge(calls_of(report, "malloc"), book(&run, "before"));
    check_said(info);
    json_decref(report);
    json_decref(info);
    outcome_free(&moved);
    outcome_free(&run);
}
END_TEST

/* Fails: a table of stacks that grows when it is full, by a system call. */
START_TEST(h47_more_stacks_than_there_is_room_for)
{
    struct outcome run =
        shell("exec timeout -k 1 40 '%s' record -q --stacks -o x.vtrace -- '%s' kill prctl paths",
              built_command(), target(0));
    ck_assert_msg(run.code == STATUS, "%d\n%s%s", run.code, run.out, run.err);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_sandbox");
    TCase *cases = tcase_create("sandbox");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 100);
    tcase_add_loop_test(cases, h47_a_filter_does_not_kill_a_traced_program, 0, 2 * FILTERS);
    tcase_add_loop_test(cases, h47_threads_that_are_taken_along_live, 0, 2);
    tcase_add_loop_test(cases, h47_threads_of_the_sandbox_are_counted, 0, 2);
    tcase_add_loop_test(cases, h47_children_of_the_sandbox_leave_their_parent_s_trace_alone, 0, 2);
    tcase_add_loop_test(cases, h47_the_strict_sandbox_does_not_kill_a_traced_program, 0, 4);
    tcase_add_loop_test(cases, h47_a_preloaded_root_leaves_its_session, 0, 6);
    tcase_add_test(cases, h47_more_stacks_than_there_is_room_for);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
