/* Every row of preload/calls/: the call is made by a target, gives its event with the right
 * arguments, and answers the target what it would have answered without us. What a target expects
 * is in what it prints; locks, which take two, are at the end. */
#include "tests/expected.h"

#define ALL "--events io,waits,threads,locks,processes,maps"

/* ---- one thread, one event a call ---- */

static const char *const targets[] = {"h58_twins",     "surface_io",    "surface_sockets",
                                      "surface_stdio", "surface_files", "surface_waits",
                                      "surface_locks", "surface_maps",  "surface_processes"};
enum {
    TARGETS = sizeof targets / sizeof targets[0],
    FILES = 4
}; /* the first ones have tests of their own */

static const char *target(const char *name)
{
    char relative[64];
    snprintf(relative, sizeof relative, "programs/%s", name);
    return built_program(relative);
}

/* Its calls' events, after they have been compared with what it printed. */
static json_t *expected_events(const char *name)
{
    int takes_two = strcmp(name, "surface_locks") == 0; /* threads, whose events do not count */
    struct outcome run = traced(takes_two ? "--events locks" : ALL, "%s", target(name));
    assert_fine(&run);
    json_t *events = call_events("trace.ndjson");
    compare(events, run.out);
    assert_no_key_twice("trace.ndjson");
    outcome_free(&run);
    return events;
}

START_TEST(calls_answer_as_ever_and_give_their_events)
{
    json_decref(expected_events(targets[_i]));
}
END_TEST

/* What a target says of results and errno is libc's doing, and not ours. */
START_TEST(targets_find_the_same_without_a_tracer)
{
    struct outcome run = shell("exec %s", target(targets[_i]));
    assert_fine(&run);
    outcome_free(&run);
}
END_TEST

static const char *const surfaces[] = {"surface_io", "surface_sockets"};

START_TEST(h61_vectors_sockets_and_transfers_give_their_events)
{
    json_decref(expected_events(surfaces[_i]));
}
END_TEST

/* What a stream reads and writes inside libc is in no other event. */
START_TEST(h57_stdio_is_a_layer_of_its_own)
{
    json_t *events = expected_events("surface_stdio");
    ck_assert_int_gt(named(events, "fwrite"), 0);
    ck_assert_int_eq(named(events, "write") + named(events, "read") + named(events, "lseek"), 0);
    json_decref(events);
}
END_TEST

/* It comes back in a child of the caller's. */
START_TEST(daemon_gives_its_event_in_the_daemon)
{
    struct outcome run = traced("--events processes", "%s daemon", target("surface_processes"));
    assert_fine(&run);
    json_t *events = load_ndjson("trace.ndjson");
    const json_t *event =
        find_event(events, "{s:s, s:{s:i}}", "name", "daemon", "args", "result", 0);
    ck_assert_ptr_nonnull(event);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s, s:O, s:{s:i}}", "type", "instant", "name",
                                   "exit", "pid", json_object_get(event, "pid"), "args", "number",
                                   11),
                      1);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* ---- the table ---- */

static const char *const rows[] = {
#define HAND(category, result, flags, type, name, ...) #name,
#define CALL                                           HAND
#define NOTE(category, name, ...)                      #name,
#define SPAN                                           NOTE
#define ALLOCATOR(result, flags, type, name, ...)      /* check_hazards_memory.c has them all */
#define ALLOCATES(name, ...)
#include "preload/calls/all.def"
#undef ALLOCATES
#undef ALLOCATOR
#undef SPAN
#undef NOTE
#undef CALL
#undef HAND
};

/* Rows that no target of this suite has in what it prints. */
static const struct {
    const char *name, *why;
} elsewhere[] = {
    {"realloc_begins", "a note of the allocator's: check_hazards_memory.c"},
    {"exit", "the last event of a process, behind all printing: daemon_gives_its_event_in_…"},
    {"sigaction", "not recorded: check_samples.c"},
    {"signal", "not recorded: check_samples.c"},
    {"__sysv_signal", "not recorded: check_samples.c"},
    {"sysv_signal", "not recorded: check_samples.c"},
    {"ssignal", "not recorded: check_samples.c"},
    {"sigset", "not recorded: check_samples.c"},
    {"sigaltstack", "not recorded: check_samples.c"},
    {"sigpending", "not recorded: check_samples.c"},
    {"sigprocmask", "not recorded: check_samples.c"},
    {"pthread_sigmask", "not recorded: check_samples.c"},
    {"daemon", "the caller does not come back from it: daemon_gives_its_event_in_…"},
};

static int is_elsewhere(const char *name)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        if (strcmp(elsewhere[i].name, name) == 0)
            return 1;
    return 0;
}

/* Adds the calls that a target says it makes. */
static void add_calls(json_t *calls, const char *name)
{
    struct outcome run = shell("mkdir %s && cd %s && exec %s", name, name, target(name));
    assert_fine(&run);
    for (const char *line = run.out; *line; line = strchr(line, '\n') + 1) {
        json_t *wanted = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        const json_t *call = json_object_get(wanted, "name");
        ck_assert_ptr_nonnull(wanted);
        json_object_set_new(
            calls, json_string_value(call ? call : json_object_get(wanted, "silent")), json_true());
        json_decref(wanted);
    }
    outcome_free(&run);
}

START_TEST(every_row_of_the_table_is_called)
{
    json_t *calls = json_object();
    char missing[4096] = "";
    for (size_t i = 0; i < TARGETS; i++)
        add_calls(calls, targets[i]);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int called = json_object_get(calls, rows[i]) != NULL;
        ck_assert_msg(!called || !is_elsewhere(rows[i]), "%s is no exception any more", rows[i]);
        if (!called && !is_elsewhere(rows[i]))
            snprintf(missing + strlen(missing), sizeof missing - strlen(missing), " %s", rows[i]);
    }
    ck_assert_msg(!missing[0], "no target calls%s", missing);
    json_decref(calls);
}
END_TEST

/* ---- locks of two threads ---- */

/* Runs locks_told; `locks` is what VITTE_TRACE_LOCKS says. */
static json_t *locks_told(struct outcome *run, const char *way, const char *locks)
{
    *run = preloaded("VITTE_TRACE_EVENTS=locks VITTE_TRACE_LOCKS=%s VITTE_TRACE_OUT=trace.ndjson "
                     "timeout -k 1 40 %s %s",
                     locks, target("locks_told"), way);
    assert_fine(run);
    return load_ndjson("trace.ndjson");
}

static json_t *event_number(const json_t *events, size_t number, const char *name, long tid)
{
    json_t *event;
    size_t i;
    json_array_foreach(events, i, event)
    {
        const json_t *there = json_object_get(event, "name");
        if (there && strcmp(json_string_value(there), name) == 0 &&
            number_in(event, "tid") == tid && number-- == 0)
            return event;
    }
    ck_abort_msg("there is no such %s of %ld", name, tid);
}

static size_t held_in(const json_t *events, const char *function)
{
    return count_events(events, "{s:s, s:{s:s}}", "name", "lock_held", "args", "taken_in",
                        function);
}

START_TEST(h22_wait_for_a_mutex_says_who_has_it_and_where_it_was_taken)
{
    struct outcome run;
    json_t *events = locks_told(&run, "contended", "");
    long keeper = book(&run, "keeper"), visitor = book(&run, "visitor");
    const char *lock = NULL;
    ck_assert_int_eq(named(events, "pthread_mutex_lock"), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *args =
            json_object_get(event_number(events, i, "pthread_mutex_lock", visitor), "args");
        ck_assert_uint_eq(json_object_size(args), 4);
        ck_assert_int_eq(number_in(args, "holder_tid"), keeper);
        ck_assert_str_eq(json_string_value(json_object_get(args, "holder")), "keeper");
        ck_assert_str_eq(json_string_value(json_object_get(args, "taken_in")), "keeps");
        lock = json_string_value(json_object_get(args, "lock"));
    }
    /* nobody was known to wait for it when the keeper took it first: that counts from the wait on
     */
    ck_assert_uint_eq(held_in(events, "keeps"), 2);
    const json_t *held = event_number(events, 0, "lock_held", keeper);
    ck_assert_int_eq(number_in(held, "aside"), 1);
    ck_assert_int_eq(number_in(held, "self"), 0);
    ck_assert_uint_eq(count_events(events, "{s:i, s:i, s:{s:s, s:s, s:i}}", "tid", (int)keeper,
                                   "aside", 1, "args", "lock", lock, "taken_in", "keeps", "waiters",
                                   1),
                      2);
    /* the visitor had to wait, and nobody waited for it */
    ck_assert_uint_eq(count_events(events, "{s:s, s:i, s:{s:s, s:i}}", "name", "lock_held", "tid",
                                   (int)visitor, "args", "taken_in", "visits", "waiters", 0),
                      2);
    ck_assert_int_eq(named(events, "lock_held"), 4);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* The wait for a mutex lies inside the time that its holder had it. */
START_TEST(lock_held_covers_the_wait_for_it)
{
    struct outcome run;
    json_t *events = locks_told(&run, "contended", "all");
    long keeper = book(&run, "keeper"), visitor = book(&run, "visitor");
    for (size_t i = 0; i < 2; i++) {
        const json_t *held = event_number(events, i, "lock_held", keeper);
        const json_t *wait = event_number(events, i, "pthread_mutex_lock", visitor);
        ck_assert_int_le(number_in(held, "ts"), number_in(wait, "ts"));
        ck_assert_int_ge(number_in(held, "ts") + number_in(held, "dur"), number_in(wait, "ts"));
        ck_assert_int_eq(number_in(json_object_get(held, "args"), "waiters"), 1);
    }
    ck_assert_int_eq(named(events, "lock_held"), 4);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(locks_that_nobody_waits_for_give_no_event)
{
    struct outcome run;
    json_t *events = locks_told(&run, "free", "");
    ck_assert_uint_eq(count_events(events, "{s:s}", "tag", "lock"), 0);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(every_lock_that_was_held_is_one_event_when_asked_for)
{
    struct outcome run;
    json_t *events = locks_told(&run, "free", "all");
    size_t rounds = (size_t)book(&run, "rounds");
    static const char *const functions[] = {"takes_mutex", "tries_mutex", "takes_again", "writes",
                                            "takes_c11"};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        ck_assert_uint_eq(held_in(events, functions[i]), rounds);
    /* an unlock that fails ends nothing, and is no event of who tried it */
    ck_assert_uint_eq(held_in(events, "takes_checked"), 1);
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:i}", "name", "lock_held", "tid", (int)book(&run, "keeper")),
        5 * rounds + 1);
    ck_assert_uint_eq(count_events(events, "{s:s}", "tag", "lock"), 5 * rounds + 1);
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:i}}", "name", "lock_held", "args", "waiters", 0),
        5 * rounds + 1);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

static long end_of(const json_t *event)
{
    return number_in(event, "ts") + number_in(event, "dur");
}

START_TEST(h63_condition_gives_its_mutex_away_and_takes_it_again)
{
    struct outcome run;
    json_t *events = locks_told(&run, "condition", "all");
    long keeper = book(&run, "keeper"), visitor = book(&run, "visitor");
    const json_t *before = event_number(events, 0, "lock_held", keeper);
    const json_t *wait = event_number(events, 0, "pthread_cond_wait", keeper);
    const json_t *behind = event_number(events, 1, "lock_held", keeper);
    const json_t *others = event_number(events, 0, "lock_held", visitor);
    ck_assert_int_eq(named(events, "lock_held"), 3);
    ck_assert_int_eq(named(events, "pthread_cond_wait"), 1);
    ck_assert_int_eq(named(events, "pthread_mutex_lock"), 0); /* the visitor had not to wait */
    ck_assert_uint_eq(held_in(events, "keeps"), 1);
    ck_assert_uint_eq(held_in(events, "waits"), 1); /* where it was taken again */
    ck_assert_uint_eq(held_in(events, "signals"), 1);
    ck_assert_int_le(end_of(before), number_in(wait, "ts"));
    ck_assert_int_lt(number_in(wait, "ts"), number_in(others, "ts"));
    ck_assert_int_lt(number_in(others, "ts"), number_in(behind, "ts"));
    ck_assert_int_le(number_in(behind, "ts"), end_of(wait));
    ck_assert(json_equal(json_object_get(json_object_get(wait, "args"), "lock"),
                         json_object_get(json_object_get(behind, "args"), "lock")));
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(h22_child_of_a_fork_has_nobody_who_waits)
{
    struct outcome run;
    json_t *events = locks_told(&run, "child", "");
    int child = (int)book(&run, "child");
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:i}", "name", "pthread_mutex_timedlock", "pid", child), 1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:i}", "name", "lock_held", "pid", child), 0);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(semaphores_stay_cancellation_points)
{
    struct outcome run;
    json_decref(locks_told(&run, "cancelled", ""));
    ck_assert_int_eq(book(&run, "cancelled"), 3);
    outcome_free(&run);
}
END_TEST

/* What C++ makes of try_lock_for and wait_for. */
START_TEST(h62_waits_by_a_clock_give_their_events)
{
    static const char *const calls[] = {"pthread_cond_clockwait",    "pthread_cond_timedwait",
                                        "pthread_mutex_clocklock",   "pthread_mutex_timedlock",
                                        "pthread_mutex_clocklock",   "pthread_rwlock_clockwrlock",
                                        "pthread_rwlock_clockrdlock"};
    struct outcome run = traced("--events locks", "%s", target("h62_timed"));
    assert_fine(&run);
    json_t *events = load_ndjson("trace.ndjson"), *event;
    size_t i, there = 0;
    json_array_foreach(events, i, event)
    {
        const json_t *args = json_object_get(event, "args");
        if (!json_object_get(event, "tag"))
            continue;
        ck_assert_uint_lt(there, sizeof calls / sizeof calls[0]);
        ck_assert_str_eq(json_string_value(json_object_get(event, "name")), calls[there]);
        ck_assert_str_eq(json_string_value(json_object_get(args, "error")), "ETIMEDOUT");
        if (there++ >= 2) { /* a lock, and main has it */
            ck_assert_str_eq(json_string_value(json_object_get(args, "taken_in")), "main");
            ck_assert_str_eq(json_string_value(json_object_get(args, "holder")), "h62_timed");
            ck_assert(
                !json_equal(json_object_get(args, "holder_tid"), json_object_get(event, "tid")));
        }
    }
    ck_assert_uint_eq(there, sizeof calls / sizeof calls[0]);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calls");
    TCase *calls = tcase_create("calls"), *locks = tcase_create("locks");
    tcase_add_checked_fixture(calls, enter_folder, leave_folder);
    tcase_add_checked_fixture(locks, enter_folder, leave_folder);
    tcase_set_timeout(calls, 120);
    tcase_set_timeout(locks, 60);
    tcase_add_loop_test(calls, calls_answer_as_ever_and_give_their_events, FILES, TARGETS);
    tcase_add_loop_test(calls, h61_vectors_sockets_and_transfers_give_their_events, 0, 2);
    tcase_add_test(calls, h57_stdio_is_a_layer_of_its_own);
    tcase_add_loop_test(calls, targets_find_the_same_without_a_tracer, 0, TARGETS);
    tcase_add_test(calls, daemon_gives_its_event_in_the_daemon);
    tcase_add_test(calls, every_row_of_the_table_is_called);
    tcase_add_test(locks, h22_wait_for_a_mutex_says_who_has_it_and_where_it_was_taken);
    tcase_add_test(locks, lock_held_covers_the_wait_for_it);
    tcase_add_test(locks, locks_that_nobody_waits_for_give_no_event);
    tcase_add_test(locks, every_lock_that_was_held_is_one_event_when_asked_for);
    tcase_add_test(locks, h63_condition_gives_its_mutex_away_and_takes_it_again);
    tcase_add_test(locks, h22_child_of_a_fork_has_nobody_who_waits);
    tcase_add_test(locks, semaphores_stay_cancellation_points);
    tcase_add_test(locks, h62_waits_by_a_clock_give_their_events);
    suite_add_tcase(suite, calls);
    suite_add_tcase(suite, locks);
    return run_suite(suite);
}
