/* Sessions of very many short processes and threads: each one is there, exactly, nothing is lost,
 * and what they cost on disk and to read has a bound. (That threads' memory is given back: h24 in
 * check_hazards_threads.c.) */
#include "tests/hazards.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIVES = 10000, SOURCES = 1000 };

/* Of a process that does next to nothing: a page of header, 32 KiB of its first block, 16 KiB of
 * definitions, and their ends, which are kept in advance. A whole block would be 128 KiB more. */
enum { KIB_PER_PROCESS = 80 };

static long kib_of(const char *session)
{
    struct outcome run = shell("du -sk %s", session);
    long size = strtol(run.out, NULL, 10);
    ck_assert_int_gt(size, 0);
    outcome_free(&run);
    return size;
}

/* `vitte-trace VERB` of the session, and the CPU time that it took, in seconds. */
static struct outcome timed(const char *verb, double *seconds)
{
    struct rusage before, after;
    getrusage(RUSAGE_CHILDREN, &before);
    struct outcome run = shell("exec timeout -k 1 60 '%s' %s x.vtrace", built_command(), verb);
    getrusage(RUSAGE_CHILDREN, &after);
    assert_fine(&run);
    *seconds = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
               (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6;
    return run;
}

/* What reads a session of many processes goes through them once: no verb takes much more than what
 * collects everything there is. (Not a limit on time: all of them on the same machine.) */
static void check_costs(double whole)
{
    static const char *const verbs[] = {"report", "report --memory", "report --threads",
                                        "export -q -f chrome -o /dev/null"};
    double seconds;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct outcome run = timed(verbs[i], &seconds);
        ck_assert_msg(seconds < 2 * whole + 1, "%s takes %.1f s, info --json %.1f", verbs[i],
                      seconds, whole);
        outcome_free(&run);
    }
}

static size_t lines_with(const char *text, const char *what)
{
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        lines++;
    return lines;
}

/* How many different pids there are. */
static size_t pids_in(const json_t *info)
{
    char pid[32];
    const json_t *process, *processes = json_object_get(info, "processes");
    json_t *pids = json_object();
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)processes, i, process)
    {
        snprintf(pid, sizeof pid, "%ld", number_in(process, "pid"));
        json_object_set_new(pids, pid, json_true());
    }
    size_t count = json_object_size(pids);
    json_decref(pids);
    return count;
}

static void check_sums(const struct outcome *run, const json_t *report)
{
    ck_assert_int_eq(book(run, "lives"), LIVES);
    ck_assert_int_eq(calls_of(report, "lives"), LIVES);
    ck_assert_int_eq(calls_of(report, "open"), LIVES);
    ck_assert_int_eq(number_in(report, "events_lost"), 0);
    ck_assert_int_eq(number_in(report, "unmatched_exits"), 0);
}

/* Fails: a session of each process's own; whole blocks for everybody (1.5 GiB); a reader that looks
 * for every process among all the others: info's tree was printed by such a one, in four times the
 * time of the rest; one that keeps all of them open (EMFILE). */
START_TEST(ten_thousand_processes_are_one_session)
{
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "'%s' processes %d",
             built_program("instrumented/short_lives"), LIVES);
    struct outcome run = captured("", command);
    json_t *report = look("report", "x.vtrace"), *info = look("info", "x.vtrace");
    check_sums(&run, report);
    ck_assert_uint_eq(json_array_size(json_object_get(info, "processes")), LIVES + 1);
    ck_assert_int_eq(number_in(info, "threads"), LIVES + 1);
    ck_assert_int_eq(number_in(info, "events_lost"), 0);
    ck_assert_uint_eq(count_events(json_object_get(info, "processes"), "{s:s, s:i, s:i}", "status",
                                   "exited", "exit_status", 0, "parent", 0),
                      LIVES);
    long size = kib_of("x.vtrace");
    ck_assert_msg(size < (long)KIB_PER_PROCESS * LIVES, "%ld KiB, %.1f for each process", size,
                  (double)size / LIVES);
    double whole, tree;
    struct outcome all = timed("info --json", &whole), text = timed("info", &tree);
    ck_assert_msg(tree < 2 * whole + 1, "info takes %.1f s, info --json %.1f", tree, whole);
    ck_assert_uint_eq(lines_with(text.out, ", exited with 0, 1 thread\n"), LIVES + 1);
    check_costs(whole);
    json_decref(info);
    json_decref(report);
    outcome_free(&all);
    outcome_free(&text);
    outcome_free(&run);
}
END_TEST

/* Fails: files or rows for every thread that there was. */
START_TEST(ten_thousand_threads_are_one_process)
{
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "'%s' threads %d", built_program("instrumented/short_lives"),
             LIVES);
    struct outcome run = captured("", command), files = shell("ls x.vtrace | wc -l");
    json_t *report = look("report", "x.vtrace"), *info = look("info", "x.vtrace");
    check_sums(&run, report);
    ck_assert_int_eq(calls_of(report, "pthread_create"), LIVES);
    ck_assert_uint_eq(json_array_size(json_object_get(info, "processes")), 1);
    ck_assert_int_eq(number_in(info, "threads"), LIVES + 1);
    ck_assert_int_lt(atoi(files.out), 20); /* three are alive at a time */
    ck_assert_int_lt(kib_of("x.vtrace"), 16 << 10);
    json_decref(info);
    json_decref(report);
    outcome_free(&files);
    outcome_free(&run);
}
END_TEST

/* ---- a build ---- */

/* A compiler that takes a moment: it says who it is, and copies. */
static void write_tree(void)
{
    char name[32];
    ck_assert_int_eq(mkdir("source", 0700), 0);
    for (int i = 0; i < SOURCES; i++) {
        snprintf(name, sizeof name, "source/f%d.c", i);
        write_file(name, "int main(void) { return 0; }\n");
    }
    write_file("cc.sh", "#!/bin/sh\n"
                        "echo $$ >>compilers\n"
                        "read line <\"$2\" && echo \"$line\" >\"$4\"\n");
    ck_assert_int_eq(chmod("cc.sh", 0700), 0);
    write_file("makefile", "OBJECTS := $(patsubst %.c,%.o,$(wildcard source/*.c))\n"
                           "all: $(OBJECTS)\n"
                           "\t@cat $(OBJECTS) >all && wc -l <all\n"
                           "%.o: %.c\n"
                           "\t@./cc.sh -c $< -o $@\n");
}

/* The compilers' pids are in the session, each with a run of the script. */
static void check_compilers(const json_t *info)
{
    FILE *file = fopen("compilers", "r");
    int pid, count = 0;
    ck_assert_ptr_nonnull(file);
    json_t *by_pid = json_object();
    const json_t *process, *processes = json_object_get(info, "processes");
    char key[32];
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)processes, i, process)
    {
        const json_t *command = json_object_get(process, "command");
        snprintf(key, sizeof key, "%ld", number_in(process, "pid"));
        for (size_t k = 0; k < json_array_size(command); k++)
            if (strcmp(json_string_value(json_array_get(command, k)), "./cc.sh") == 0)
                json_object_set_new(by_pid, key, json_true());
    }
    for (; fscanf(file, "%d", &pid) == 1; count++) {
        snprintf(key, sizeof key, "%d", pid);
        ck_assert_msg(json_object_get(by_pid, key) != NULL, "compiler %d is not there", pid);
    }
    fclose(file);
    ck_assert_int_eq(count, SOURCES);
    ck_assert_uint_eq(json_object_size(by_pid), SOURCES);
    json_decref(by_pid);
}

/* Fails: children by vfork or posix_spawn that join no session, or make one each; what their parent
 * wrote while they used its memory. make's own processes: itself, the compilers, a shell for the
 * last line, and its cat and wc. */
START_TEST(a_build_of_a_thousand_files_is_one_session)
{
    needs("/usr/bin/make", "make");
    unsetenv("MAKEFLAGS"); /* of a make that runs this; it has it print more */
    write_tree();
    struct outcome run = captured("", "make -j8 -s"), sessions = shell("ls -d *.vtrace | wc -l");
    ck_assert_int_eq(atoi(run.out), SOURCES);
    ck_assert_int_eq(atoi(sessions.out), 1);
    json_t *info = look("info", "x.vtrace"), *report = look("report", "x.vtrace");
    check_compilers(info);
    size_t pids = pids_in(info);
    ck_assert_uint_ge(pids, 1 + SOURCES + 1);
    ck_assert_uint_le(pids, 1 + SOURCES + 3);
    ck_assert_uint_eq(count_events(json_object_get(info, "processes"), "{s:s}", "status", "exited"),
                      pids);
    ck_assert_int_eq(number_in(info, "events_lost"), 0);
    ck_assert_int_eq(number_in(info, "unmatched_exits"), 0);
    long size = kib_of("x.vtrace"),
         images = (long)json_array_size(json_object_get(info, "processes"));
    ck_assert_msg(size < 2 * KIB_PER_PROCESS * images, "%ld KiB, %.1f for each program", size,
                  (double)size / (double)images);
    struct outcome text = shell("'%s' info x.vtrace", built_command());
    assert_fine(&text);
    ck_assert_ptr_null(strstr(text.out, "not captured"));
    outcome_free(&text);
    json_decref(report);
    json_decref(info);
    outcome_free(&sessions);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("many");
    TCase *cases = tcase_create("many");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, ten_thousand_processes_are_one_session);
    tcase_add_test(cases, ten_thousand_threads_are_one_process);
    tcase_add_test(cases, a_build_of_a_thousand_files_is_one_session);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
