/* Hazards of processes made from processes (H36 to H38): every process has its own events, all of
 * them, and nobody else's. Environments, 32-bit, static and setuid programs are in
 * check_hazards_exec.c. */
#include "tests/books.h"

#include <sys/stat.h>

/* ---- H36, H37: children made in every way ---- */

static const char *const methods[] = {"fork",  "_Fork",       "raw_fork", "raw_clone",
                                      "clone", "posix_spawn", "vfork"};
enum { METHODS = sizeof methods / sizeof methods[0] };

/* All events of a process with one thread are of that thread: a tid that was kept over the fork
 * would be the parent's. */
static void check_tids(const json_t *events, int parent)
{
    size_t i, checked = 0;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        long pid = (long)json_integer_value(json_object_get(event, "pid"));
        if (pid == parent || !json_object_get(event, "tid"))
            continue;
        ck_assert_int_eq(json_integer_value(json_object_get(event, "tid")), pid);
        checked++;
    }
    ck_assert_uint_gt(checked, 0);
}

static void check_family(const char *method, int threads, const char *events_wanted)
{
    const char *key;
    json_t *value;
    struct outcome run = traced(events_wanted, "%s %s %d books",
                                built_program("instrumented/h36_family"), method, threads);
    assert_fine(&run);
    json_t *events = load_ndjson("trace.ndjson");
    json_t *pids = check_books(events, "books");
    ck_assert_uint_eq(json_object_size(pids), 9); /* a parent, 4 children, 4 grandchildren */
    json_object_foreach(pids, key, value) ck_assert_uint_ge(
        count_events(events, "{s:s, s:i}", "type", "process", "pid", atoi(key)), 1);
    const json_t *parent = find_event(events, "{s:s, s:s}", "type", "span", "name", "parent_work");
    check_tids(events, (int)json_integer_value(json_object_get(parent, "pid")));
    json_decref(pids);
    json_decref(events);
    outcome_free(&run);
}

START_TEST(h36_fork_child_starts_clean_and_its_parent_stays_whole)
{
    check_family("fork", _i, "");
}
END_TEST

START_TEST(h37_children_of_every_kind_have_their_own_events)
{
    check_family(methods[_i], 0, "");
}
END_TEST

START_TEST(h37_children_of_every_kind_of_a_parent_with_threads_too)
{
    check_family(methods[_i], 3, "");
}
END_TEST

/* Nothing is recorded around the fork itself, so the child is noticed at its first event alone. */
START_TEST(h37_children_are_noticed_without_process_events)
{
    check_family(methods[_i], 2, "--events functions,io");
}
END_TEST

/* ---- H38: vfork ---- */

static void check_vfork(const char *how, const char *events_wanted)
{
    struct outcome run =
        traced(events_wanted, "%s %s books", built_program("instrumented/h38_vfork"), how);
    assert_fine(&run);
    json_t *events = load_ndjson("trace.ndjson");
    json_decref(check_books(events, "books"));
    ck_assert_int_eq(file_size("parent-file"), 40); /* of the target's ROUNDS */
    ck_assert_int_eq(file_size("child-file"), 40);
    json_decref(events);
    outcome_free(&run);
}

static const char *const vforks[][2] = {
    {"vfork", ""},
    {"clone", ""},
    {"late", ""},
    {"late", "--events functions,io"},
};

START_TEST(h38_vfork_child_leaves_its_parent_as_it_was)
{
    check_vfork(vforks[_i][0], vforks[_i][1]);
}
END_TEST

/* A handler forks at any instruction of a call, the tracer's own ones included; its child goes on
 * there. Without counters, whose files are read with signals blocked, where nobody can step.
 * Fails: to take away in the child what the interrupted instruction's neighbour read the address
 * of. */
START_TEST(h36_a_handler_forks_at_any_instruction)
{
    static const char *const calls[] = {"function", "malloc", "futex", "read", "mutex", "longjmp"};
    struct outcome run =
        captured("--events functions,memory,io,waits,locks,threads,processes --sample 0",
                 built_program("instrumented/h36_forks_anywhere"));
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        ck_assert_int_ge(book(&run, calls[i]), 50);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_process");
    TCase *processes = tcase_create("processes");
    tcase_add_checked_fixture(processes, enter_folder, leave_folder);
    tcase_set_timeout(processes, 60);
    tcase_add_test(processes, h36_a_handler_forks_at_any_instruction);
    tcase_add_loop_test(processes, h36_fork_child_starts_clean_and_its_parent_stays_whole, 0, 4);
    tcase_add_loop_test(processes, h37_children_of_every_kind_have_their_own_events, 0, METHODS);
    tcase_add_loop_test(processes, h37_children_of_every_kind_of_a_parent_with_threads_too, 0,
                        METHODS);
    tcase_add_loop_test(processes, h37_children_are_noticed_without_process_events, 0, METHODS);
    tcase_add_loop_test(processes, h38_vfork_child_leaves_its_parent_as_it_was, 0, 4);
    suite_add_tcase(suite, processes);
    return run_suite(suite);
}
