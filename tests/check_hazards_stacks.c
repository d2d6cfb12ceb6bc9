/* H27, H28, H34: what stacks must not change in the program. H29 to H33 and H35 are the unwinder's
 * own: check_unwind.c, and the storm in check_samples.c. */
#include "tests/hazards.h"

/* Fails: an unwinder that keeps descriptors of its own, or that replaces return addresses to hear
 * of returns. */
START_TEST(h27_h34_descriptors_and_return_addresses_are_the_program_s)
{
    struct outcome run = captured("--stacks --sample 1000", built_program("programs/h34_returns"));
    ck_assert_int_eq(book(&run, "looked"), 300 * 41);
    ck_assert_int_eq(book(&run, "changed"), 0);
    ck_assert_int_eq(book(&run, "descriptors"), 0);
    ck_assert_int_eq(book(&run, "mine"), 3);
    ck_assert_int_eq(book(&run, "bytes"), 0);
    struct outcome stacks = shell("'%s' export -q -f folded --weight calls -o - x.vtrace | grep -c "
                                  "';main;descend;.*malloc '",
                                  built_command());
    ck_assert_int_eq(atoi(stacks.out), 41);
    struct outcome modules = shell("'%s' info x.vtrace | grep -c libunwind", built_command());
    ck_assert_int_eq(atoi(modules.out), 0);
    outcome_free(&modules);
    outcome_free(&stacks);
    outcome_free(&run);
}
END_TEST

/* Fails: libunwind linked, or loaded with its names for all to see: exceptions go through it. */
START_TEST(h28_exceptions_stay_with_libgcc)
{
    static const char *const ways[] = {"auto", "libunwind"};
    needs("/usr/lib/x86_64-linux-gnu/libunwind.so.8", "libunwind8");
    char command[1024];
    snprintf(command, sizeof command,
             "env VITTE_TRACE_UNWIND=%s '%s' record -q -o x.vtrace --stacks "
             "-- '%s' '%s'",
             ways[_i], built_command(), built_program("programs/h28_throws"),
             built_program("libraries/plugin.so"));
    struct outcome run = shell("exec timeout -k 1 60 %s", command);
    assert_fine(&run);
    ck_assert_int_eq(book(&run, "caught"), 50);
    ck_assert_int_eq(book(&run, "libgcc"), 1);
    struct outcome stacks =
        shell("'%s' export -q -f folded --weight calls -o - x.vtrace | awk "
              "'/;main;plugin_work;plugin_inner;thrower[^;]*;malloc / {n += $NF} END {print n}'",
              built_command());
    ck_assert_int_eq(atoi(stacks.out), 50);
    /* the stacks are libunwind's when it was asked for */
    struct outcome modules = shell("'%s' info x.vtrace | grep -c 'libunwind.so'", built_command());
    ck_assert_int_eq(atoi(modules.out), _i);
    outcome_free(&modules);
    outcome_free(&stacks);
    outcome_free(&run);
}
END_TEST

START_TEST(an_unwinder_that_is_not_there_is_told_of)
{
    struct outcome run =
        shell("VITTE_TRACE_UNWIND=magic '%s' record -q -o x.vtrace --stacks -- "
              "'%s' && '%s' info x.vtrace | grep -c VITTE_TRACE_UNWIND",
              built_command(), built_program("programs/call_paths"), built_command());
    ck_assert_ptr_nonnull(strstr(run.out, "\n1\n"));
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stacks");
    TCase *hazards = tcase_create("hazards");
    tcase_set_timeout(hazards, 100);
    tcase_add_checked_fixture(hazards, enter_folder, leave_folder);
    tcase_add_test(hazards, h27_h34_descriptors_and_return_addresses_are_the_program_s);
    tcase_add_loop_test(hazards, h28_exceptions_stay_with_libgcc, 0, 2);
    tcase_add_test(hazards, an_unwinder_that_is_not_there_is_told_of);
    suite_add_tcase(suite, hazards);
    return run_suite(suite);
}
