/* That programs which are sampled do not notice it in their signals, masks and stacks. */
#include "tests/hazards.h"

static struct outcome sampled(const char *program, const char *what)
{
    char command[512];
    snprintf(command, sizeof command, "%s %s", built_program(program), what);
    return captured("--sample 10000", command);
}

static struct outcome unseen(const char *what)
{
    return sampled("programs/signals_unseen", what);
}

static long samples_taken(void)
{
    json_t *info = look("info", "x.vtrace");
    const json_t *events = json_object_get(info, "events");
    long samples = json_object_get(events, "sample") ? number_in(events, "sample") : 0;
    json_decref(info);
    return samples;
}

static int was_sampled_to_the_end(void)
{
    struct outcome info = shell("'%s' info x.vtrace", built_command());
    int answer = !strstr(info.out, "were not sampled");
    outcome_free(&info);
    return answer;
}

/* The program's handlers would find a mask and a place in the program that are not the program's,
 * and cancellation one that cannot be left. */
START_TEST(no_handler_interrupts_the_sampler)
{
    struct outcome run = unseen("handler");
    ck_assert_int_eq(book(&run, "may_interrupt"), 0);
    outcome_free(&run);
}
END_TEST

START_TEST(a_timer_of_the_program_is_not_taken_for_the_sampler_s)
{
    struct outcome run = unseen("timer");
    ck_assert_int_eq(book(&run, "killed_by"), 53);
    outcome_free(&run);
}
END_TEST

START_TEST(a_mask_that_a_jump_brings_back_is_the_one_it_kept)
{
    struct outcome run = unseen("restored");
    ck_assert_int_eq(book(&run, "behind_open"), 0);
    ck_assert_int_eq(book(&run, "behind_closed"), 2);
    outcome_free(&run);
}
END_TEST

START_TEST(h38_a_vfork_s_child_leaves_its_parent_s_signals_alone)
{
    struct outcome run = unseen("vfork");
    ck_assert_int_eq(book(&run, "blocked"), 11);
    ck_assert(was_sampled_to_the_end());
    ck_assert_int_ge(samples_taken(), 3);
    outcome_free(&run);
}
END_TEST

/* By posix_spawn, by a vfork whose child unblocked everything, by system, popen and exec. */
#define BLOCKED "SigBlk:\tfffffffe7ffbfeff\n"

START_TEST(a_program_that_is_started_has_the_mask_that_it_was_given)
{
    char command[512];
    snprintf(command, sizeof command, "%s launch", built_program("programs/signals_unseen"));
    struct outcome run = captured("--sample 10000 --no-exec-env", command);
    ck_assert_str_eq(run.out, "blocked 11\nblocked 0\nblocked 11\n" BLOCKED BLOCKED BLOCKED);
    outcome_free(&run);
}
END_TEST

static const char *const ways[] = {"sigwait", "sigwaitinfo", "sigtimedwait", "read",
                                   "poll",    "ppoll",       "epoll",        "select"};

/* And is blocked from then on. */
START_TEST(the_signal_reaches_who_waits_for_all)
{
    char what[64];
    snprintf(what, sizeof what, "waits %s", ways[_i]);
    struct outcome run = unseen(what);
    ck_assert_int_eq(book(&run, "got"), 53);
    ck_assert_int_eq(book(&run, "blocked"), 11);
    ck_assert(!was_sampled_to_the_end());
    outcome_free(&run);
}
END_TEST

START_TEST(handlers_of_the_program_interrupt_waits_for_signals)
{
    struct outcome run = unseen("interrupted");
    ck_assert_int_eq(book(&run, "interrupted"), 1);
    ck_assert_int_eq(book(&run, "sigwait"), 0);
    ck_assert_int_eq(book(&run, "signal_is_second"), 1);
    ck_assert_int_eq(book(&run, "is_unblocked"), 1);
    outcome_free(&run);
}
END_TEST

/* Whatever masks it sets, sees, and waits with. */
START_TEST(a_handler_on_an_alternative_stack_is_not_interrupted)
{
    char command[512];
    snprintf(command, sizeof command, "%s clears", built_program("programs/signals_unseen"));
    struct outcome run = captured("--sample 10000 --no-exec-env", command);
    ck_assert_int_eq(book(&run, "blocked"), 0);
    ck_assert_int_eq(book(&run, "early"), 0);
    ck_assert_int_eq(book(&run, "kept_out"), 1);
    ck_assert_int_eq(book(&run, "child_shown"), 0);
    ck_assert_int_eq(book(&run, "child_kept_out"), 1);
    ck_assert_ptr_nonnull(strstr(run.out, "SigBlk:\t0000000000000000\n")); /* of what it starts */
    ck_assert_int_ge(samples_taken(), 5);
    outcome_free(&run);
}
END_TEST

/* Each prints what it finds, which is the same without us. */
static const char *const stacks[] = {"freed",   "coroutine", "thread",
                                     "answers", "handlers",  "forks"};

START_TEST(h32_alternative_stacks_are_the_program_s_and_small_ones_have_room)
{
    struct outcome alone = shell("'%s' %s", built_program("programs/handler_stacks"), stacks[_i]);
    struct outcome run = sampled("programs/handler_stacks", stacks[_i]);
    ck_assert_ptr_nonnull(strchr(alone.out, '\n'));
    ck_assert_str_eq(run.out, alone.out);
    ck_assert_int_ge(samples_taken(), 5);
    ck_assert(was_sampled_to_the_end());
    outcome_free(&alone);
    outcome_free(&run);
}
END_TEST

/* Its handlers have to find the thread's own stack. */
START_TEST(h32_a_small_thread_that_can_have_no_other_stack_is_not_sampled)
{
    struct outcome run = sampled("programs/handler_stacks", "bare");
    ck_assert_int_eq(book(&run, "changed"), 0);
    ck_assert(!was_sampled_to_the_end());
    outcome_free(&run);
}
END_TEST

/* Its waits end with a signal that is on its way, in whatever they have come to. */
START_TEST(a_program_with_io_uring_is_not_sampled_from_then_on)
{
    struct outcome run = unseen("rings");
    ck_assert_int_eq(book(&run, "timers"), 0);
    ck_assert_int_ge(samples_taken(), 3); /* until then */
    ck_assert(!was_sampled_to_the_end());
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signals");
    TCase *signals = tcase_create("signals");
    tcase_set_timeout(signals, 200);
    tcase_add_checked_fixture(signals, enter_folder, leave_folder);
    tcase_add_test(signals, no_handler_interrupts_the_sampler);
    tcase_add_test(signals, a_timer_of_the_program_is_not_taken_for_the_sampler_s);
    tcase_add_test(signals, a_mask_that_a_jump_brings_back_is_the_one_it_kept);
    tcase_add_test(signals, h38_a_vfork_s_child_leaves_its_parent_s_signals_alone);
    tcase_add_test(signals, a_program_that_is_started_has_the_mask_that_it_was_given);
    tcase_add_loop_test(signals, the_signal_reaches_who_waits_for_all, 0,
                        sizeof ways / sizeof ways[0]);
    tcase_add_test(signals, handlers_of_the_program_interrupt_waits_for_signals);
    tcase_add_test(signals, a_handler_on_an_alternative_stack_is_not_interrupted);
    tcase_add_loop_test(signals, h32_alternative_stacks_are_the_program_s_and_small_ones_have_room,
                        0, sizeof stacks / sizeof stacks[0]);
    tcase_add_test(signals, h32_a_small_thread_that_can_have_no_other_stack_is_not_sampled);
    tcase_add_test(signals, a_program_with_io_uring_is_not_sampled_from_then_on);
    suite_add_tcase(suite, signals);
    return run_suite(suite);
}
