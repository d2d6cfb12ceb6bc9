/* What `vitte-trace info` says of processes that ended all of a sudden, or still run: what each of
 * their threads was doing, for whom, and what killed them. And of trees of processes: who is whose
 * child, however it was made. (That their events are all there: check_crash.c,
 * check_hazards_process.c.) */
#include "tests/hazards.h"
#include "tests/sources.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- threads of a process that is no more ---- */

static const struct ending {
    const char *how;
    int signal, threads;             /* threads: that it had */
    const char *doing, *called_from; /* of the thread that ended it */
} endings[] = {
    {"segv", SIGSEGV, 9, "ends", "goes_to_its_end"},
    {"abort", SIGABRT, 9, "ends", "goes_to_its_end"},
    {"kill", SIGKILL, 9, "ends", "goes_to_its_end"},
    {"overflow", SIGSEGV, 10, "overflows", "overflows"},
};
enum { ENDINGS = sizeof endings / sizeof endings[0] };

static const char *const waits[] = {"wait", "waitpid", "wait3", "wait4", "waitid", "waitid_blind"};
enum { WAITS = sizeof waits / sizeof waits[0] };

/* The stuck program instrumented, or built here without. */
static const char *stuck(int instrumented)
{
    if (instrumented)
        return built_program("instrumented/stuck");
    build("gcc", "cc -g -O1 -std=gnu11 -pthread -w -o stuck '%s'",
          source_file("instrumented/stuck.c"));
    return "./stuck";
}

static const json_t *process_with(const json_t *info, long pid)
{
    const json_t *process =
        find_event(json_object_get(info, "processes"), "{s:i}", "pid", (int)pid);
    ck_assert_msg(process != NULL, "info does not know process %ld", pid);
    return process;
}

static const char *string_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    ck_assert_msg(text != NULL, "there is no text '%s'", key);
    return text;
}

static long listed(const json_t *process)
{
    return (long)json_array_size(json_object_get(process, "at_end"));
}

/* Whether the source has a call of this function in that line; calls that libc makes inside others
 * (fgets reads) come from it. */
static int calls_at(const char *place, const char *doing)
{
    struct outcome line = shell("sed -n '%dp' '%s'", atoi(strrchr(place, ':') + 1),
                                source_file("instrumented/stuck.c"));
    char name[64] = "";
    sscanf(doing, "%63[^(]", name);
    int found = strstr(line.out, name) != NULL;
    if (!found)
        printf("%s: %s", place, line.out);
    outcome_free(&line);
    return found;
}

/* Every thread is where it says that it is, and info's text says so too. Of those that are in no
 * call of libc's that much is known, and where functions are, in which. How many were checked. */
static long check_threads(const json_t *process, const struct outcome *run, const char *text,
                          int instrumented)
{
    long checked = 0;
    const json_t *list = json_object_get(process, "at_end");
    for (const char *line = strstr(run->out, "thread "); line;
         line = strstr(line + 1, "\nthread ")) {
        int tid;
        char doing[128], caller[64], wanted[512];
        line += *line == '\n';
        ck_assert_int_eq(sscanf(line, "thread %d %127[^|]|%63s", &tid, doing, caller), 3);
        const json_t *end = find_event(list, "{s:i}", "tid", tid);
        ck_assert_msg(end != NULL, "info does not list thread %d, which is in %s", tid, doing);
        if (!strchr(doing, '(') && !instrumented) { /* in no call that is known */
            ck_assert_str_eq(string_in(end, "doing"), "its own code");
            snprintf(wanted, sizeof wanted, "thread %d %s: in its own code for ", tid,
                     string_in(end, "name"));
            ck_assert_ptr_nonnull(strstr(text, wanted));
            continue;
        }
        ck_assert_str_eq(string_in(end, "doing"), doing);
        ck_assert_str_eq(string_in(end, "called_from"), caller);
        ck_assert_int_ge(number_in(end, "for_ns"), 0);
        ck_assert_int_ge(number_in(end, "since_ns"), number_in(process, "start_ns"));
        snprintf(wanted, sizeof wanted, "thread %d %s: in %s for ", tid, string_in(end, "name"),
                 doing);
        const char *there = strstr(text, wanted);
        ck_assert_msg(there != NULL, "the text does not say: %s", wanted);
        const char *at = string_in(end, "called_at"); /* in ….c:123 */
        ck_assert_int_eq(at[0] != '\0', !instrumented || strchr(doing, '(') != NULL);
        snprintf(wanted, sizeof wanted, "called from %s", caller);
        if (at[0]) {
            ck_assert_msg(calls_at(at, doing), "%s is not called at %s", doing, at);
            snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted),
                     " (instrumented/stuck.c%s)\n", strrchr(at, ':'));
        } else {
            strcat(wanted, "\n");
        }
        ck_assert_ptr_nonnull(strstr(there, wanted));
        checked++;
    }
    return checked;
}

static struct outcome text_of(const char *session)
{
    struct outcome text = shell("'%s' info %s", built_command(), session);
    assert_fine(&text);
    return text;
}

/* Fails: to know only finished calls; to take a call that was left by a longjmp (the spinning
 * thread did that) for where the thread is; to take an allocation in a call for a sign that it is
 * over (fgets), which this suite found; to name the innermost frame as the caller of itself. */
static void check_killed(int instrumented, const struct ending *ending, const char *wait)
{
    char command[PATH_MAX + 64], killed[64];
    snprintf(command, sizeof command, "'%s' %s %s", stuck(instrumented), ending->how, wait);
    struct outcome run = captured("", command), text = text_of("x.vtrace");
    json_t *info = look("info", "x.vtrace");
    const json_t *process = process_with(info, book(&run, "process"));
    ck_assert_int_eq(number_in(process, "killed_by"), ending->signal);
    ck_assert_str_eq(string_in(process, "status"), "ended without a word");
    ck_assert_int_eq(number_in(process, "threads"), ending->threads);
    ck_assert_int_ge(number_in(process, "end_ns"), number_in(process, "start_ns"));
    snprintf(killed, sizeof killed, "killed by SIG%s, %d threads", sigabbrev_np(ending->signal),
             ending->threads);
    ck_assert_ptr_nonnull(strstr(text.out, killed));
    ck_assert_int_eq(check_threads(process, &run, text.out, instrumented), 7 + instrumented);
    ck_assert_int_eq(listed(process), ending->threads); /* who ended it too */
    if (instrumented) {
        const json_t *list = json_object_get(process, "at_end");
        ck_assert_uint_eq(count_events(list, "{s:s, s:s}", "doing", ending->doing, "called_from",
                                       ending->called_from),
                          1);
    }
    /* the parent, which ended well, has no thread in the middle of anything */
    const json_t *parent = json_array_get(json_object_get(info, "processes"), 0);
    ck_assert_int_eq(listed(parent), 0);
    ck_assert_int_eq(number_in(parent, "exit_status"), 0);
    ck_assert_ptr_null(json_object_get(parent, "killed_by"));
    json_decref(info);
    outcome_free(&text);
    outcome_free(&run);
}

START_TEST(info_tells_what_the_threads_of_a_crashed_process_were_doing)
{
    check_killed(1, &endings[_i], "waitpid");
}
END_TEST

/* Where there are only libc's calls, each still has the function that made it. */
START_TEST(info_tells_it_of_programs_that_are_not_instrumented)
{
    check_killed(0, &endings[_i], "waitpid");
}
END_TEST

/* Fails: to read what the program asked for, which may be nothing (wait(NULL)). */
START_TEST(every_kind_of_wait_tells_what_killed_a_child)
{
    check_killed(1, &endings[_i % ENDINGS], waits[_i]);
}
END_TEST

/* Fails: to take the first thing that a wait tells for the end: it may have been a stop. */
START_TEST(a_child_that_was_stopped_before_was_killed_by_its_last_signal)
{
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "'%s' stopped", built_program("programs/gaps"));
    struct outcome run = captured("", command);
    json_t *info = look("info", "x.vtrace");
    const json_t *process = process_with(info, book(&run, "pid"));
    ck_assert_int_eq(number_in(process, "killed_by"), SIGTERM);
    const json_t *parent = json_array_get(json_object_get(info, "processes"), 0);
    ck_assert_int_ge(number_in(process, "end_ns"), number_in(process, "start_ns"));
    ck_assert_int_le(number_in(process, "end_ns"), number_in(parent, "end_ns"));
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* What the threads were in to the end is in the report, too. A session with a process that did not
 * say its end is read by the clock of that moment, so two readings differ by nanoseconds. */
static void check_times(json_t *at_end, const char *session)
{
    json_t *report = look("report --threads", session), *end;
    size_t i;
    json_array_foreach(at_end, i, end)
    {
        const json_t *row = find_event(json_object_get(report, "threads"), "{s:i}", "tid",
                                       (int)number_in(end, "tid"));
        ck_assert_ptr_nonnull(row);
        ck_assert_int_ge(number_in(row, "waited") + number_in(row, "io") +
                             json_integer_value(json_object_get(row, "functions")) + 1000,
                         number_in(end, "for_ns"));
    }
    json_decref(report);
}

/* Of a command that is killed `record` tells how and when; of the same, preloaded, nobody does:
 * neither a signal is made up then, nor for how long its threads were at what they did.
 * Fails: to take the session's last event for the end. */
static void check_root(const char *how, const char *session, int is_told)
{
    struct outcome run = shell("exec env %s '%s' kill", how, built_program("instrumented/stuck"));
    ck_assert_int_eq(run.code, 128 + SIGKILL);
    struct outcome text = text_of(session);
    json_t *info = look("info", session), *end;
    const json_t *process = process_with(info, book(&run, "process"));
    ck_assert_ptr_null(json_object_get(process, "exit_status"));
    ck_assert_str_eq(string_in(process, "status"), "ended without a word");
    ck_assert_int_eq(json_integer_value(json_object_get(process, "killed_by")),
                     is_told ? SIGKILL : 0);
    ck_assert_int_eq(json_object_get(process, "end_ns") != NULL, is_told);
    ck_assert_int_eq(strstr(text.out, "was killed by SIGKILL\n") != NULL, is_told);
    ck_assert_int_eq(strstr(text.out, ", and nobody waited for it\n") != NULL, !is_told);
    size_t i;
    json_array_foreach(json_object_get(process, "at_end"), i, end)
    {
        ck_assert_int_eq(json_is_true(json_object_get(end, "at_least")), !is_told);
        if (is_told)
            ck_assert_int_eq(number_in(end, "since_ns") + number_in(end, "for_ns"),
                             number_in(process, "end_ns"));
    }
    ck_assert_uint_eq(i, 9);
    if (is_told)
        check_times(json_object_get(process, "at_end"), session);
    if (is_told)
        ck_assert_int_eq(check_threads(process, &run, text.out, 1), 8);
    json_decref(info);
    outcome_free(&text);
    outcome_free(&run);
}

START_TEST(the_command_s_signal_is_told_and_that_of_others_is_not_made_up)
{
    char how[2 * PATH_MAX];
    snprintf(how, sizeof how, _i ? "'%s' record -q -o x.vtrace --" : "LD_PRELOAD='%s'",
             _i ? built_command() : built_library());
    check_root(how, _i ? "x.vtrace" : "vitte-trace-*.vtrace", _i);
}
END_TEST

/* Fails: to read who waited behind the one that was waited for, and to have two answers then. */
START_TEST(who_waited_may_have_begun_behind_the_one_that_ended)
{
    struct outcome run = captured("", built_program("programs/waits_after_exec"));
    json_t *info = look("info", "x.vtrace");
    const json_t *process = process_with(info, book(&run, "child"));
    ck_assert_int_eq(number_in(process, "killed_by"), SIGKILL);
    ck_assert_int_eq(listed(process), 1);
    check_times(json_object_get(process, "at_end"), "x.vtrace");
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* Whoever may write into a session of root's may put something where the end is to be written.
 * Fails: to write through a link; to wait for a pipe's other end, writing or reading. */
START_TEST(what_lies_in_the_place_of_the_end_is_left_alone)
{
    static const char *const plants[] = {"ln -s $PWD/victim", "mkfifo"};
    char command[PATH_MAX];
    write_file("victim", "precious");
    snprintf(command, sizeof command, "sh -c '%s x.vtrace/ending.json'", plants[_i]);
    struct outcome run = captured("", command);
    struct outcome left = shell("cat victim; exec timeout 20 '%s' info x.vtrace", built_command());
    ck_assert_int_eq(left.code, 0);
    ck_assert_int_eq(strncmp(left.out, "precious", 8), 0);
    outcome_free(&left);
    outcome_free(&run);
}
END_TEST

/* ---- a process that runs ---- */

/* So that the kernel's clock, which says when processes began, tells a difference between this one
 * and the session that it will begin. */
static void grow_older_than_a_tick(void)
{
    struct timespec two = {.tv_nsec = 2 * 1000000000 / sysconf(_SC_CLK_TCK)};
    while (nanosleep(&two, &two) != 0)
        ;
}

/* Starts the program, which stays; what it prints is read up to the last of its lines. */
static pid_t start_staying(struct outcome *run)
{
    int ends[2];
    char text[4096];
    size_t length = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test fails */
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        grow_older_than_a_tick();
        setenv("LD_PRELOAD", built_library(), 1);
        execl(built_program("instrumented/stuck"), "stuck", "stay", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    do { /* "ready" is the last line */
        ssize_t got = read(ends[0], text + length, sizeof text - 1 - length);
        ck_assert_msg(got > 0, "the target ended");
        length += (size_t)got;
        text[length] = '\0';
    } while (!strstr(text, "ready\n"));
    close(ends[0]);
    *run = (struct outcome){.out = strdup(text), .err = strdup("")};
    return pid;
}

/* Fails: to say "ended without a word" of what has no end yet, older than its session or not, and
 * to remove that; to take a time of the trace's for now, so that who waits since the last event
 * waits since ever, or not at all. */
START_TEST(info_says_that_a_process_runs_and_what_it_does)
{
    struct outcome run;
    pid_t pid = start_staying(&run);
    struct outcome text = text_of("vitte-trace-*.vtrace");
    json_t *info = look("info", "vitte-trace-*.vtrace");
    const json_t *process = process_with(info, pid);
    ck_assert_str_eq(string_in(process, "status"), "runs");
    ck_assert_ptr_nonnull(strstr(text.out, ", runs, 9 threads\n"));
    ck_assert_int_eq(check_threads(process, &run, text.out, 1), 8);
    ck_assert_int_eq(listed(process), 9); /* main too, which sleeps or is about to */
    struct outcome kept = shell("'%s' export -q --remove -o now.json vitte-trace-*.vtrace && "
                                "ls -d now.json *.vtrace | wc -l",
                                built_command());
    ck_assert_str_eq(kept.out, "2\n"); /* it is still written into */
    outcome_free(&kept);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    json_t *later = look("info", "vitte-trace-*.vtrace");
    ck_assert_str_ne(string_in(process_with(later, pid), "status"), "runs");
    json_decref(later);
    json_decref(info);
    outcome_free(&text);
    outcome_free(&run);
}
END_TEST

/* ---- trees ---- */

/* The image of a program that was given this last argument. The root's is also that of its fork's
 * children, which are behind it; the others are there once. */
static long image_of(const json_t *info, const char *argument)
{
    const json_t *process, *processes = json_object_get(info, "processes");
    size_t i;
    long found = -1;
    json_array_foreach((json_t *)(uintptr_t)processes, i, process)
    {
        const json_t *command = json_object_get(process, "command");
        const char *last = json_string_value(json_array_get(command, json_array_size(command) - 1));
        if (last && strcmp(last, argument) == 0) {
            ck_assert_msg(found <= 0, "%s is there twice", argument);
            found = found < 0 ? (long)i : found;
        }
    }
    ck_assert_msg(found >= 0, "%s is not there", argument);
    return found;
}

static const json_t *image_at(const json_t *info, long at)
{
    return json_array_get(json_object_get(info, "processes"), (size_t)at);
}

/* lineage.c's tree, as it says itself: "child NAME PID PARENT-NAME". */
static long check_lineage(const json_t *info, const struct outcome *run)
{
    long lines = 0;
    for (const char *line = strstr(run->out, "child "); line; line = strstr(line + 1, "\nchild ")) {
        char name[32], parent[32];
        int pid;
        line += *line == '\n';
        ck_assert_int_eq(sscanf(line, "child %31s %d %31s", name, &pid, parent), 3);
        const json_t *image = image_at(info, image_of(info, name));
        ck_assert_int_eq(number_in(image, "pid"), pid);
        long above = number_in(image, "parent");
        if (strcmp(parent, "-") == 0) {
            ck_assert_int_eq(above, -1);
        } else { /* a shell may stand between, or have become it */
            while (above >= 0 && above != image_of(info, parent))
                above = number_in(image_at(info, above), "parent");
            ck_assert_msg(above >= 0, "%s is not below %s", name, parent);
        }
        lines++;
    }
    return lines;
}

/* Fails: to find parents by pid alone: the exec chain's images all have the same one; to lose
 * images whose pid is there already. */
START_TEST(trees_of_every_kind_of_child_are_one_session)
{
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "'%s' %s root", built_program("instrumented/lineage"),
             _i ? "scrubbed" : "plain");
    struct outcome run = captured("", command), count = shell("ls -d *.vtrace | wc -l");
    json_t *info = look("info", "x.vtrace");
    ck_assert_int_eq(check_lineage(info, &run), book(&run, "children"));
    ck_assert_int_eq(atoi(count.out), 1);
    /* the chain: one process, whose images follow each other */
    const json_t *last = image_at(info, image_of(info, "chain4"));
    for (int i = 3; i >= 0; i--) {
        char name[32];
        snprintf(name, sizeof name, "chain%d", i);
        const json_t *before = image_at(info, number_in(last, "parent"));
        ck_assert_int_eq(number_in(last, "parent"), image_of(info, name));
        ck_assert_int_eq(number_in(before, "pid"), number_in(last, "pid"));
        ck_assert_str_eq(string_in(before, "status"), "became another program");
        last = before;
    }
    json_t *report = look("report", "x.vtrace");
    ck_assert_int_eq(calls_of(report, "works"), book(&run, "works"));
    ck_assert_int_eq(number_in(report, "events_lost"), 0);
    json_decref(report);
    json_decref(info);
    outcome_free(&count);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("endings");
    TCase *cases = tcase_create("endings");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, info_tells_what_the_threads_of_a_crashed_process_were_doing, 0,
                        ENDINGS);
    tcase_add_loop_test(cases, info_tells_it_of_programs_that_are_not_instrumented, 0, ENDINGS);
    tcase_add_loop_test(cases, every_kind_of_wait_tells_what_killed_a_child, 0, WAITS);
    tcase_add_test(cases, a_child_that_was_stopped_before_was_killed_by_its_last_signal);
    tcase_add_loop_test(cases, the_command_s_signal_is_told_and_that_of_others_is_not_made_up, 0,
                        2);
    tcase_add_test(cases, who_waited_may_have_begun_behind_the_one_that_ended);
    tcase_add_loop_test(cases, what_lies_in_the_place_of_the_end_is_left_alone, 0, 2);
    tcase_add_test(cases, info_says_that_a_process_runs_and_what_it_does);
    tcase_add_loop_test(cases, trees_of_every_kind_of_child_are_one_session, 0, 2);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
