/* CPU samples, against programs that keep their own books. */
#include "tests/folded.h"

#include <math.h>

static long samples_in_session(void)
{
    json_t *info = look("info", "x.vtrace");
    ck_assert_int_eq(number_in(info, "events_lost"), 0);
    const json_t *events = json_object_get(info, "events");
    long samples = json_object_get(events, "sample") ? number_in(events, "sample") : 0;
    json_decref(info);
    return samples;
}

/* Each function's share is what the program measured, within five standard errors of so many
 * samples (chance passes that once in a million); all of them together are the CPU time that it
 * had, within a hundredth. */
static void check_burns(const char *arguments)
{
    static const char *const names[] = {"burn_60", "burn_30", "burn_10"};
    char command[512], part[32];
    snprintf(command, sizeof command, "%s %s", built_program("programs/burns"), arguments);
    struct outcome run = captured("--sample 1000", command);
    char *stacks = folded("samples");
    double samples = (double)samples_in_session(), whole = (double)book(&run, "cpu_usec");
    ck_assert_double_ge(samples, 10);
    ck_assert_double_le(fabs(weight_of(stacks, "") / 1e3 - whole), whole / 100 + 20000);
    for (int i = 0; i < 3; i++) {
        double share = (double)book(&run, names[i]) / whole;
        double error = 5 * sqrt(share * (1 - share) / samples) + 1 / samples;
        snprintf(part, sizeof part, ";%s", names[i]);
        double seen = weight_of(stacks, part) / 1e3 / whole;
        ck_assert_msg(fabs(seen - share) <= error, "%s: %.4f of %.0f samples, really %.4f",
                      names[i], seen, samples, share);
    }
    /* the whole way, from where the thread began */
    ck_assert_double_eq(weight_of(stacks, ";burn_thread;burn;burn_60"),
                        weight_of(stacks, ";burn_60"));
    free(stacks);
    outcome_free(&run);
}

static const char *const burns[] = {"2", "0.7 3", "1 fork"};

START_TEST(samples_are_where_the_time_goes)
{
    check_burns(burns[_i]);
}
END_TEST

/* signals_kept, as long as it says. */
static struct outcome kept(const char *what)
{
    char command[512];
    snprintf(command, sizeof command, "%s %s", built_program("programs/signals_kept"), what);
    return captured("--sample 10000 --stacks", command);
}

START_TEST(a_thread_that_blocks_every_signal_is_sampled_and_does_not_notice)
{
    struct outcome run = kept("masks");
    ck_assert_int_eq(book(&run, "was_blocked"), 0);
    ck_assert_int_eq(book(&run, "is_blocked"), 1);
    ck_assert_int_eq(book(&run, "stayed_blocked"), 1);
    char *stacks = folded("samples");
    ck_assert_double_ge(weight_of(stacks, ";block_all;compute"), 0.9 * 0.5e9);
    free(stacks);
    outcome_free(&run);
}
END_TEST

/* Needs a kernel that lets such timers expire on the way out (5.11 and newer). */
START_TEST(no_call_is_interrupted_by_a_sample)
{
    struct outcome run = kept("polls");
    ck_assert_int_eq(book(&run, "polled"), 1);
    ck_assert_int_eq(book(&run, "interrupted"), 0);
    ck_assert_int_ge(samples_in_session(), 3);
    outcome_free(&run);
}
END_TEST

START_TEST(a_program_that_wants_the_signal_has_it)
{
    struct outcome run = kept("takes");
    ck_assert_int_eq(book(&run, "was_default"), 1);
    ck_assert_int_eq(book(&run, "still_default"), 1);
    ck_assert_int_eq(book(&run, "foreign"), 0);
    ck_assert_int_eq(book(&run, "own"), 1);
    ck_assert_int_eq(book(&run, "is_mine"), 1);
    ck_assert_int_gt(samples_in_session(), 0); /* until then */
    struct outcome info = shell("'%s' info x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(info.out, "were not sampled"));
    outcome_free(&info);
    outcome_free(&run);
}
END_TEST

START_TEST(a_program_that_resets_the_signal_is_still_sampled)
{
    struct outcome run = kept("resets");
    ck_assert_int_eq(book(&run, "was_default"), 1);
    ck_assert_int_eq(book(&run, "is_default"), 1);
    ck_assert_int_ge(samples_in_session(), 3);
    struct outcome info = shell("'%s' info x.vtrace", built_command());
    ck_assert_ptr_null(strstr(info.out, "were not sampled"));
    outcome_free(&info);
    outcome_free(&run);
}
END_TEST

START_TEST(strict_c_takes_the_signal_too)
{
    struct outcome run = kept("strict");
    ck_assert_int_eq(book(&run, "was_default"), 1);
    ck_assert_int_eq(book(&run, "foreign"), 0);
    ck_assert_int_eq(book(&run, "own"), 1);
    outcome_free(&run);
}
END_TEST

/* Also in threads that begin with all signals blocked. */
START_TEST(who_waits_for_all_signals_is_not_given_the_sampler_s)
{
    struct outcome run = kept("waits");
    ck_assert_int_eq(book(&run, "foreign"), 0);
    ck_assert_int_eq(book(&run, "inherited"), 2);
    ck_assert_int_ge(samples_in_session(), 5);
    outcome_free(&run);
}
END_TEST

START_TEST(the_signal_reaches_who_waits_when_somebody_sends_it)
{
    struct outcome run = kept("sends");
    ck_assert_int_eq(book(&run, "waited_for"), 53);
    ck_assert_int_eq(book(&run, "value"), 7);
    outcome_free(&run);
}
END_TEST

/* Nor a handler on it: there is room for one signal's frame, with luck. */
START_TEST(no_sample_overflows_an_alternative_stack)
{
    static const char *const sizes[] = {"stacks 2048", "stacks 4096", "stacks 8192"};
    struct outcome run = kept(sizes[_i]);
    ck_assert_int_eq(book(&run, "changed"), 0);
    if (_i == 2) {
        ck_assert_int_eq(book(&run, "mask_changed"), 0);
        ck_assert_int_ge(samples_in_session(), 3);
    }
    outcome_free(&run);
}
END_TEST

/* On what stack a handler runs says nothing about whom it interrupted. */
START_TEST(walks_that_handlers_on_other_stacks_interrupt_are_left_alone)
{
    struct outcome run = kept("nests");
    ck_assert_int_gt(book(&run, "nested"), 100);
    json_t *info = look("info", "x.vtrace");
    char *calls = folded("calls");
    double seen = weight_of(calls, ";descend"), made = 150000 + (double)book(&run, "nested");
    ck_assert_double_le(seen, made);
    ck_assert_double_ge(seen,
                        made - (double)number_in(info, "events_lost")); /* of these or others */
    ck_assert_int_le(number_in(info, "events_lost"), 5);
    free(calls);
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* Of an instrumented program at most what each thread computed before its first function. */
START_TEST(auto_samples_what_is_not_instrumented)
{
    struct outcome run = captured("", built_program("instrumented/fib"));
    ck_assert_int_le(samples_in_session(), 2);
    outcome_free(&run);
    ck_assert_int_eq(system("rm -r x.vtrace"), 0);
    char command[512];
    snprintf(command, sizeof command, "%s 0.3", built_program("programs/burns"));
    run = captured("", command);
    ck_assert_int_ge(samples_in_session(), 3);
    outcome_free(&run);
    ck_assert_int_eq(system("rm -r x.vtrace"), 0);
    run = captured("--sample 0", command);
    ck_assert_int_eq(samples_in_session(), 0);
    outcome_free(&run);
}
END_TEST

/* It would stop at every sample. */
START_TEST(a_program_in_a_debugger_is_not_sampled)
{
    needs("/usr/bin/gdb", "gdb");
    char command[512];
    snprintf(command, sizeof command, "gdb -batch -ex run --args %s 0.5",
             built_program("programs/burns"));
    struct outcome run = shell("exec timeout -k 1 100 '%s' record -q --sample 1000 -o x.vtrace -- "
                               "%s",
                               built_command(), command);
    ck_assert_int_eq(run.code, 0);
    ck_assert_ptr_nonnull(strstr(run.out, "exited normally"));
    ck_assert_ptr_null(strstr(run.out, "received signal"));
    struct outcome info = shell("'%s' info x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(info.out, "were not sampled"));
    outcome_free(&info);
    outcome_free(&run);
}
END_TEST

/* What threads did on a processor, and what they waited for, adds up to how long they lived. */
START_TEST(on_and_off_the_processor_is_all_there_is)
{
    char command[512];
    snprintf(command, sizeof command, "%s 0.3 3", built_program("programs/burns"));
    struct outcome run = captured("--sample 1000 --stacks", command);
    json_t *report = look("report --threads", "x.vtrace"), *row;
    double lived = 0, computed = 0, waited = 0;
    size_t i;
    json_array_foreach(json_object_get(report, "threads"), i, row)
    {
        lived += (double)number_in(row, "lived");
        computed += (double)number_in(row, "cpu");
        waited += (double)number_in(row, "waited");
    }
    char *wall = folded("wall");
    ck_assert_double_ge(computed, 0.9e9);
    ck_assert_double_gt(waited, 0.29e9); /* main, for the others */
    ck_assert_double_le(fabs(weight_of(wall, "") - lived), lived / 1000);
    ck_assert_double_le(fabs(weight_of(wall, ";pthread_join") - waited), waited / 100);
    ck_assert_double_le(fabs(weight_of(wall, "") - weight_of(wall, "[not running]") -
                             weight_of(wall, ";pthread_join") - computed),
                        lived / 100);
    free(wall);
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* ---- samples in a storm ---- */

/* Who calls each function of sample_storm. */
static const struct {
    const char *function, *caller;
} callers[] = {{"spin_in_plugin", "from_plugin"},
               {"from_plugin", "plugin_inner"},
               {"plugin_inner", "plugin_work"},
               {"plugin_work", "act_load"},
               {"act_load", "storm"},
               {"throw_deepest", "throw_deeper"},
               {"throw_deeper", "throw_deep"},
               {"throw_deep", "act_throw"},
               {"act_throw", "storm"},
               {"in_child", "act_fork"},
               {"act_fork", "storm"},
               {"allocate_some", "act_allocate"},
               {"act_allocate", "storm"}};

/* The caller that a function must have; NULL: any. */
static const char *caller_of(const char *function, size_t length)
{
    for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++)
        if (strlen(callers[i].function) == length &&
            strncmp(function, callers[i].function, length) == 0)
            return callers[i].caller;
    return NULL;
}

/* Each frame of "process;outer;…;inner WEIGHT" stands behind one that may be its caller. */
static void check_frames(const char *line)
{
    const char *before = line, *at = line + strcspn(line, ";");
    for (size_t length; *at == ';'; before = at + 1, at += 1 + length) {
        length = strcspn(at + 1, "; \n");
        const char *caller = caller_of(at + 1, length);
        /* the outermost of a stack that was cut has nobody */
        int is_right = !caller || before == line || *before == '[' ||
                       strncmp(before, caller, strlen(caller)) == 0;
        ck_assert_msg(is_right, "a wrong frame: %.*s", (int)strcspn(line, "\n"), line);
    }
}

/* STORM_SECONDS makes it longer (make soak). */
START_TEST(h29_no_frame_is_wrong_and_nothing_hangs_in_a_storm)
{
    char command[1024];
    const char *seconds = getenv("STORM_SECONDS");
    snprintf(command, sizeof command, "%s %s %s", built_program("programs/sample_storm"),
             built_program("libraries/plugin.so"), seconds ? seconds : "4");
    struct outcome run = captured("--sample 1000 --stacks=memory", command);
    ck_assert_int_gt(book(&run, "loads"), 0);
    ck_assert_int_gt(book(&run, "throws"), 0);
    ck_assert_int_gt(book(&run, "forks"), 0);
    char *samples = folded("samples"), *calls = folded("calls");
    double storming = weight_of(samples, ";storm;"), whole = weight_of(samples, "");
    ck_assert_double_gt(storming, 0.5 * whole);
    for (const char *line = samples; *line; line = strchr(line, '\n') + 1)
        check_frames(line);
    for (const char *line = calls; *line; line = strchr(line, '\n') + 1)
        check_frames(line);
    ck_assert_double_eq(weight_of(calls, ";storm;act_allocate;allocate_some;malloc"),
                        (double)book(&run, "allocations"));
    ck_assert_double_eq(weight_of(calls, ";plugin_work;plugin_inner;from_plugin;malloc"),
                        (double)book(&run, "loads"));
    ck_assert_double_eq(weight_of(calls, ";act_fork;in_child;malloc"), (double)book(&run, "forks"));
    printf("storm: %.0f samples\n", (double)samples_in_session());
    free(samples);
    free(calls);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("samples");
    TCase *samples = tcase_create("samples");
    tcase_set_timeout(samples, 400);
    tcase_add_checked_fixture(samples, enter_folder, leave_folder);
    tcase_add_loop_test(samples, samples_are_where_the_time_goes, 0,
                        sizeof burns / sizeof burns[0]);
    tcase_add_test(samples, a_thread_that_blocks_every_signal_is_sampled_and_does_not_notice);
    tcase_add_test(samples, no_call_is_interrupted_by_a_sample);
    tcase_add_test(samples, a_program_that_wants_the_signal_has_it);
    tcase_add_test(samples, a_program_that_resets_the_signal_is_still_sampled);
    tcase_add_test(samples, strict_c_takes_the_signal_too);
    tcase_add_test(samples, who_waits_for_all_signals_is_not_given_the_sampler_s);
    tcase_add_test(samples, the_signal_reaches_who_waits_when_somebody_sends_it);
    tcase_add_loop_test(samples, no_sample_overflows_an_alternative_stack, 0, 3);
    tcase_add_test(samples, walks_that_handlers_on_other_stacks_interrupt_are_left_alone);
    tcase_add_test(samples, auto_samples_what_is_not_instrumented);
    tcase_add_test(samples, on_and_off_the_processor_is_all_there_is);
    tcase_add_test(samples, a_program_in_a_debugger_is_not_sampled);
    tcase_add_test(samples, h29_no_frame_is_wrong_and_nothing_hangs_in_a_storm);
    suite_add_tcase(suite, samples);
    return run_suite(suite);
}
