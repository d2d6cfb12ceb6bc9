/* No room (H45): on a full disk, or beyond a limit, the program ends as it would have; what could
 * not be kept is counted, exactly, and said. The disks are small tmpfs mounts in a mount namespace
 * of the test's own, so they vanish with it. */
#include "runtime/layout.h"
#include "tests/hazards.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void mount_disk(const char *options)
{
    ck_assert_msg(unshare(CLONE_NEWNS) == 0 &&
                      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
                  "this test mounts a small disk: run it as root (%s)", strerror(errno));
    ck_assert_int_eq(mkdir("disk", 0777), 0);
    ck_assert_msg(mount("none", "disk", "tmpfs", 0, options) == 0, "tmpfs: %s", strerror(errno));
}

static void enter_disk(void)
{
    enter_folder();
    mount_disk("size=1m");
}

static void leave_disk(void)
{
    ck_assert_int_eq(umount2("disk", MNT_DETACH), 0);
    leave_folder();
}

/* Leaves so many KiB. */
static void fill_disk(int left)
{
    struct outcome run = shell("head -c %d /dev/zero > disk/filler", (1024 - left) << 10);
    assert_fine(&run);
    outcome_free(&run);
}

static const char *storm(void)
{
    return built_program("instrumented/h45_storm");
}

static struct outcome record_storm(const char *before, const char *arguments)
{
    return shell("%s exec '%s' record --events functions,io -o disk/s.vtrace -- %s %s", before,
                 built_command(), storm(), arguments);
}

static long lost(const json_t *info, const char *reason)
{
    return number_in(json_object_get(info, "lost"), reason);
}

/* What is there and what was lost is what the target did. */
static json_t *check_sums(const struct outcome *run, const char *session)
{
    assert_fine(run);
    json_t *info = look("info", session);
    const json_t *events = json_object_get(info, "events");
    long there = number_in(events, "function") + number_in(events, "io");
    ck_assert_int_eq(there + number_in(info, "events_lost"),
                     book(run, "functions") + book(run, "io"));
    ck_assert_int_gt(there, 0);
    ck_assert_int_gt(number_in(info, "events_lost"), 0);
    return info;
}

/* ---- the disk gets full ---- */

static const char *const storms[] = {"0 200000", "3 100000", "4 10000", "40 9000", "1 60000"};

START_TEST(h45_full_disk_drops_and_counts_exactly)
{
    struct outcome run = record_storm("", storms[_i]);
    json_t *info = check_sums(&run, "disk/s.vtrace");
    ck_assert_int_eq(lost(info, "disk_full") + lost(info, "no_room_for_thread"),
                     number_in(info, "events_lost"));
    ck_assert_int_gt(lost(info, "disk_full"), 0);
    struct outcome report = shell("'%s' report disk/s.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(report.out, "because the disk was full"));
    json_t *events = stream("disk/s.vtrace");
    ck_assert_uint_eq(count_events(events, "{s:s, s:i}", "type", "end", "events_lost",
                                   (int)number_in(info, "events_lost")),
                      1);
    json_decref(events);
    json_decref(info);
    outcome_free(&report);
    outcome_free(&run);
}
END_TEST

START_TEST(h45_disk_without_inodes_drops_and_counts_exactly)
{
    ck_assert_int_eq(umount("disk"), 0);
    ck_assert_int_eq(mount("none", "disk", "tmpfs", 0, "nr_inodes=5"),
                     0); /* one for each but .blocks */
    struct outcome run = record_storm("", "0 100000");
    json_decref(check_sums(&run, "disk/s.vtrace"));
    outcome_free(&run);
}
END_TEST

START_TEST(h45_processes_without_room_are_told)
{
    struct outcome run = record_storm("", "0 100000 3 disk/filler");
    json_t *info = check_sums(&run, "disk/s.vtrace");
    json_decref(info);
    outcome_free(&run);
    run = shell("'%s' info disk/s.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(run.out, "3 processes could not be captured: no room"));
    outcome_free(&run);
    run = shell("'%s' report disk/s.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(run.out, "3 processes could not be captured"));
    outcome_free(&run);
}
END_TEST

START_TEST(h45_names_without_room_are_counted)
{
    struct outcome run =
        shell("'%s' record --events io -o disk/s.vtrace -- "
              "cat $(seq -f /nowhere/at/all/in/this/long/folder/%%g 20000) 2>cat.err",
              built_command());
    ck_assert_int_eq(run.code, 1);
    json_t *info = look("info", "disk/s.vtrace"), *events = stream("disk/s.vtrace"), *event;
    size_t i;
    long opens = 0, named = 0;
    json_array_foreach(events, i, event)
    {
        const json_t *arguments = json_object_get(event, "args");
        if (!json_object_get(arguments, "flags"))
            continue;
        opens++;
        named += json_object_get(arguments, "path") != NULL;
    }
    ck_assert_int_ge(opens + number_in(info, "events_lost"), 20000);
    ck_assert_int_gt(named, 1000);
    ck_assert_int_gt(opens - named, 1000);
    ck_assert_int_ge(lost(info, "names"), opens - named); /* other events have names too */
    json_decref(events);
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* ---- the disk is full before it begins ---- */

START_TEST(h45_full_from_the_start_leaves_the_program_alone)
{
    /* for the session alone; not for a process; for its first file, but not for the second */
    static const int left[] = {4, 40, (3 * LAYOUT_PAGE + FIRST_WORDS * 8 + ARENA_STEP / 2) >> 10};
    fill_disk(left[_i]);
    struct outcome run = shell("exec '%s' record -o disk/s.vtrace -- sh -c '%s 0 1000; exit 7'",
                               built_command(), storm());
    ck_assert_int_eq(book(&run, "functions"), 2002);
    ck_assert_int_eq(run.code, 7);
    ck_assert_str_eq(run.err, "");
    outcome_free(&run);
    run = shell("'%s' info disk/s.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(run.out, "2 processes could not be captured: no room"));
    outcome_free(&run);
    run = preloaded("VITTE_TRACE_OUT=disk/t.json sh -c '%s 0 1000; exit 7'", storm());
    ck_assert_int_eq(book(&run, "functions"), 2002);
    ck_assert_int_eq(run.code, 7);
    outcome_free(&run);
}
END_TEST

START_TEST(h45_no_room_for_a_session_is_said_before_the_program_runs)
{
    fill_disk(0);
    struct outcome run = shell("exec '%s' run -o disk/t.ndjson -- touch ran", built_command());
    ck_assert_int_eq(run.code, 1);
    ck_assert_ptr_nonnull(strstr(run.err, "No space left on device"));
    ck_assert_int_eq(file_size("ran"), -1);
    outcome_free(&run);
    run = preloaded("VITTE_TRACE_OUT=disk/t.json sh -c 'touch ran; exit 7'");
    ck_assert_int_eq(run.code, 7);
    ck_assert_str_eq(run.err, "");
    ck_assert_int_eq(file_size("ran"), 0);
    outcome_free(&run);
}
END_TEST

START_TEST(h45_trace_without_room_leaves_its_session)
{
    struct outcome run = preloaded(
        "VITTE_TRACE_EVENTS=functions,io VITTE_TRACE_OUT=disk/t.ndjson %s 0 15000", storm());
    ck_assert_int_eq(run.code, 0);
    ck_assert_ptr_nonnull(strstr(run.err, "disk/t.ndjson: No space left on device"));
    struct outcome list = shell("ls -d disk/* | grep -v vtrace$; mv disk/*.vtrace s.vtrace");
    ck_assert_str_eq(list.out, ""); /* no piece of a trace */
    json_t *info = look("info", "s.vtrace");
    ck_assert_int_eq(number_in(json_object_get(info, "events"), "function"),
                     book(&run, "functions"));
    json_decref(info);
    outcome_free(&list);
    outcome_free(&run);
}
END_TEST

/* ---- room comes back ---- */

START_TEST(h45_process_made_when_there_is_room_again_is_captured)
{
    fill_disk(540);
    struct outcome run = record_storm("", "-3 8000 disk/filler");
    assert_fine(&run);
    json_t *events = stream("disk/s.vtrace");
    ck_assert_int_eq((long)count_events(events, "{s:s, s:i}", "name", "storm_work", "pid",
                                        (int)book(&run, "child")),
                     book(&run, "child_calls"));
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* ---- RLIMIT_FSIZE ---- */

START_TEST(h45_file_size_limit_kills_nobody)
{
    static const int blocks[] = {0, 1, 200, 500, 1000};
    struct outcome run = shell(
        "(ulimit -f %d; LD_PRELOAD='%s' VITTE_TRACE_OUT=t.json %s 2 50000; echo code $?) | cat",
        blocks[_i], built_library(), storm());
    ck_assert_int_eq(book(&run, "code"), 0);
    ck_assert_int_eq(book(&run, "functions"), 2 * (3 * 50000 + 1));
    outcome_free(&run);
}
END_TEST

START_TEST(h45_file_size_limit_drops_and_counts_exactly)
{
    ck_assert_int_eq(mkdir("disk", 0777), 0);
    struct outcome run = record_storm("ulimit -f 1000;", storms[_i]);
    json_t *info = check_sums(&run, "disk/s.vtrace");
    ck_assert_int_eq(lost(info, "not_writable") + lost(info, "no_room_for_thread"),
                     number_in(info, "events_lost"));
    json_decref(info);
    outcome_free(&run);
}
END_TEST

START_TEST(h45_file_size_limit_keeps_the_command_s_status)
{
    struct outcome run =
        shell("ulimit -f 1000; exec '%s' run --keep -q -o t.ndjson -- sh -c '%s 0 20000; exit 7'",
              built_command(), storm());
    ck_assert_int_eq(run.code, 7);
    ck_assert_ptr_nonnull(strstr(run.err, "t.ndjson: File too large"));
    outcome_free(&run);
}
END_TEST

START_TEST(h45_size_signal_of_the_program_s_own_is_its_own)
{
    struct outcome run =
        shell("ulimit -f 1000; exec '%s' record -o s.vtrace -- head -c 10000000 /dev/zero > big",
              built_command());
    ck_assert(WIFSIGNALED(run.status));
    ck_assert_int_eq(WTERMSIG(run.status), SIGXFSZ);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_full");
    TCase *full = tcase_create("full");
    tcase_add_checked_fixture(full, enter_disk, leave_disk);
    tcase_set_timeout(full, 60);
    tcase_add_loop_test(full, h45_full_disk_drops_and_counts_exactly, 0, 5);
    tcase_add_test(full, h45_disk_without_inodes_drops_and_counts_exactly);
    tcase_add_test(full, h45_processes_without_room_are_told);
    tcase_add_test(full, h45_names_without_room_are_counted);
    tcase_add_loop_test(full, h45_full_from_the_start_leaves_the_program_alone, 0, 3);
    tcase_add_test(full, h45_no_room_for_a_session_is_said_before_the_program_runs);
    tcase_add_test(full, h45_trace_without_room_leaves_its_session);
    tcase_add_test(full, h45_process_made_when_there_is_room_again_is_captured);
    suite_add_tcase(suite, full);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, enter_folder, leave_folder);
    tcase_set_timeout(limits, 60);
    tcase_add_loop_test(limits, h45_file_size_limit_kills_nobody, 0, 5);
    tcase_add_loop_test(limits, h45_file_size_limit_drops_and_counts_exactly, 0, 5);
    tcase_add_test(limits, h45_file_size_limit_keeps_the_command_s_status);
    tcase_add_test(limits, h45_size_signal_of_the_program_s_own_is_its_own);
    suite_add_tcase(suite, limits);
    return run_suite(suite);
}
