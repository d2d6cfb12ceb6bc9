/* What a session does not show is said, in words, and nothing else is: by info, by report's last
 * lines, in the trace itself. Children without a tracer (H39, H41), allocators (H50), libraries
 * (H55), waits and I/O without libc (H61, H62), sandboxes (H47). */
#include "tests/hazards.h"
#include "tests/sources.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static const char *gaps(void)
{
    return built_program("programs/gaps");
}

/* The lines of a list that are about this session's gaps: not what no session shows, and not what
 * was not asked for. */
static json_t *gap_lines(const json_t *list)
{
    static const char *const others[] = {
        "never seen: ", "no function calls: ", "captured was only: "};
    json_t *lines = json_array(), *line;
    size_t i;
    ck_assert_msg(json_is_array(list), "there is no list of what is not covered");
    json_array_foreach((json_t *)(uintptr_t)list, i, line)
    {
        int other = 0;
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
            other |= strncmp(json_string_value(line), others[k], strlen(others[k])) == 0;
        if (!other)
            json_array_append(lines, line);
    }
    return lines;
}

static json_t *in_trace(const char *format)
{
    json_t *gaps_there = NULL, *end = NULL;
    struct outcome run = shell("'%s' export -q -f %s -o t.json x.vtrace", built_command(), format);
    assert_fine(&run);
    outcome_free(&run);
    if (strcmp(format, "chrome") == 0) {
        json_t *trace = load_json("t.json");
        gaps_there = gap_lines(json_object_get(json_object_get(trace, "metadata"), "not_covered"));
        json_decref(trace);
    } else {
        json_t *events = load_ndjson("t.json");
        end = find_event(events, "{s:s}", "type", "end");
        gaps_there = gap_lines(json_object_get(end, "not_covered"));
        json_decref(events);
    }
    return gaps_there;
}

/* Behind the table, each on a line of its own; no other line of the report says such a thing. */
static void check_report(const char *report, const json_t *lines)
{
    const json_t *line;
    size_t i;
    const char *last = report;
    json_array_foreach((json_t *)(uintptr_t)lines, i, line)
    {
        struct outcome there = shell("'%s' %s x.vtrace", built_command(), report);
        char wanted[1100];
        snprintf(wanted, sizeof wanted, "\n%s\n", json_string_value(line));
        last = strstr(there.out, wanted);
        ck_assert_msg(last != NULL, "%s does not say: %s\n%s", report, json_string_value(line),
                      there.out);
        if (i + 1 == json_array_size(lines))
            ck_assert_str_eq(last, wanted); /* and nothing behind it */
        outcome_free(&there);
    }
}

/* All of them say the same: these lines, which contain the texts given, up to a NULL, in order. */
static void check_gaps(const char *const *wanted)
{
    static const char *const formats[] = {"chrome", "json"};
    size_t count = 0;
    json_t *info = look("info", "x.vtrace");
    json_t *lines = gap_lines(json_object_get(info, "not_covered"));
    for (; wanted[count]; count++) {
        const char *line = json_string_value(json_array_get(lines, count));
        ck_assert_msg(line && strstr(line, wanted[count]), "info says '%s', not: %s",
                      line ? line : "", wanted[count]);
    }
    ck_assert_msg(json_array_size(lines) == count, "info says, too: %s",
                  json_string_value(json_array_get(lines, count)));
    check_report("report", lines);
    check_report("report --memory", lines);
    struct outcome text = shell("'%s' info x.vtrace", built_command());
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_nonnull(strstr(text.out, json_string_value(json_array_get(lines, i))));
    for (int i = 0; i < 2; i++) {
        json_t *there = in_trace(formats[i]);
        ck_assert_msg(json_equal(there, lines), "the trace's lines (%s) are others", formats[i]);
        json_decref(there);
    }
    outcome_free(&text);
    json_decref(lines);
    json_decref(info);
}

/* Runs a command; the pid of its child, or of itself, goes into the text at %ld. */
static void check_command(const char *options, const char *command, const char *format)
{
    char line[512];
    struct outcome run = captured(options, command);
    long pid = strstr(format, "%ld") ? book(&run, "pid") : 0;
    snprintf(line, sizeof line, format, pid); /* a literal of this file */
    check_gaps((const char *const[]){line[0] ? line : NULL, NULL});
    outcome_free(&run);
}

/* ---- children ---- */

static const struct {
    const char *way, *line;
} children[] = {
    {"exec", "not captured: pid %ld: ./child is statically linked: it cannot load the tracer"},
    {"fork", "not captured: pid %ld: ./child is statically linked: it cannot load the tracer"},
    {"spawn", "not captured: pid %ld: ./child is statically linked: it cannot load the tracer"},
    {"three", ", and 2 times more: ./child is statically linked: it cannot load the tracer"},
    {"vfork", "not captured: 1 process that ended and was waited for, pid %ld"},
};
enum { CHILDREN = sizeof children / sizeof children[0] };

static void make_child(const char *flags)
{
    write_file("child.c", "int main(void) { return 0; }\n");
    build("libc6-dev", "cc %s -o child child.c", flags);
}

/* Fails: to say nothing of a child that left no files; to take an exec that leaves the tracer for
 * one that goes on, because the pid has files. A vfork's child cannot be noted (H38): it is known
 * from the wait for it alone. */
START_TEST(a_static_child_is_named)
{
    char command[PATH_MAX + 64];
    make_child("-static");
    snprintf(command, sizeof command, "'%s' %s ./child", gaps(), children[_i].way);
    struct outcome run = captured("", command);
    char line[512];
    snprintf(line, sizeof line, children[_i].line, book(&run, "pid"));
    check_gaps((const char *const[]){line, NULL});
    outcome_free(&run);
}
END_TEST

/* The same children, when they can be traced: fails where "not captured" is what is said of every
 * exec, or of every pid that was waited for. */
START_TEST(a_child_that_is_captured_is_no_gap)
{
    char command[PATH_MAX + 64];
    make_child("");
    snprintf(command, sizeof command, "'%s' %s ./child", gaps(), children[_i].way);
    check_command("", command, "");
}
END_TEST

/* Fails: to look for the file in this folder, where another program may have its name. */
START_TEST(a_static_child_is_found_as_it_was_started)
{
    char command[PATH_MAX + 64], path[3 * PATH_MAX], here[PATH_MAX];
    make_child("-static");
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(mkdir("bin", 0700), 0);
    ck_assert_int_eq(rename("child", "bin/child"), 0);
    write_file("child", "#!/bin/sh\n");
    snprintf(path, sizeof path, "%s/bin:%s", here, getenv("PATH"));
    setenv("PATH", path, 1);
    snprintf(command, sizeof command, "'%s' spawnp child", gaps());
    check_command("", command, "not captured: pid %ld: child is statically linked");
}
END_TEST

START_TEST(a_setuid_child_is_named)
{
    struct statvfs system;
    char command[PATH_MAX + 64];
    make_child("");
    ck_assert_msg(geteuid() == 0, "this test makes setuid programs: run it as root");
    ck_assert_int_eq(statvfs(".", &system), 0);
    ck_assert_msg(!(system.f_flag & ST_NOSUID), "$TMPDIR is mounted nosuid: name another folder");
    ck_assert_int_eq(chown("child", NOBODY, 0), 0);
    ck_assert_int_eq(chmod("child", 04755), 0);
    snprintf(command, sizeof command, "'%s' %s ./child", gaps(), _i ? "spawn" : "fork");
    check_command("", command,
                  "not captured: pid %ld: ./child is setuid or setgid, or has capabilities: the "
                  "loader leaves the tracer out of it");
}
END_TEST

START_TEST(a_child_with_a_scrubbed_environment_is_named)
{
    char command[PATH_MAX + 64];
    make_child("");
    setenv("VITTE_TRACE_EXEC_ENV", "0", 1);
    snprintf(command, sizeof command, "'%s' bare ./child", gaps());
    check_command("", command, "not captured: pid %ld: ./child: it had no tracer");
}
END_TEST

/* Fails: an exec that came back counts as a child that never showed up (which this suite found). */
START_TEST(an_exec_or_spawn_that_failed_is_no_gap)
{
    char command[PATH_MAX + 64];
    snprintf(command, sizeof command, "'%s' %s", gaps(), _i ? "failed_spawn" : "failed_exec");
    check_command("", command, "");
}
END_TEST

/* A shell looks for its programs, and what it waits for is known. */
START_TEST(a_shell_s_children_are_no_gap)
{
    check_command("",
                  "sh -c '/bin/true; true | cat; (exit 3); PATH=/nowhere:$PATH ls / >/dev/null; "
                  "no-such-command 2>/dev/null; exit 0'",
                  "");
}
END_TEST

/* ---- H50: allocators ---- */

static const char *own_malloc(const char *flags)
{
    build("gcc", "cc -g -O1 -w %s -o h50 '%s'", flags, source_file("programs/h50_own_malloc.c"));
    return "./h50";
}

/* Fails: "0 allocations", said by a program that made 1 200. */
START_TEST(h50_a_malloc_in_the_program_is_said)
{
    own_malloc("");
    struct outcome run = captured("", "./h50");
    ck_assert_int_eq(book(&run, "calls"), 1200);
    check_gaps((const char *const[]){"has a malloc of its own in front of the tracer's", NULL});
    outcome_free(&run);
}
END_TEST

START_TEST(h50_a_hidden_allocator_is_suspected)
{
    own_malloc("-DHIDDEN");
    struct outcome run = captured("", "./h50");
    check_gaps((const char *const[]){"made no allocation that was seen", NULL});
    outcome_free(&run);
    /* but not when nobody asked for allocations */
    run = shell("rm -rf x.vtrace");
    assert_fine(&run);
    outcome_free(&run);
    run = captured("--events io", "./h50");
    check_gaps((const char *const[]){NULL});
    outcome_free(&run);
}
END_TEST

/* A fork's child has its parent's allocator. */
START_TEST(h50_children_have_it_too)
{
    write_file("forks.c", "#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
                          "static char heap[1 << 20]; static size_t used;\n"
                          "void *malloc(size_t n) { used += 64; return n < 64 ? heap + used - 64 : "
                          "(used += n, heap + used - n); }\n"
                          "void free(void *p) { (void)p; }\n"
                          "int main(void) { int s; if (fork() == 0) { free(malloc(9)); close(-1); "
                          "_exit(0); } return wait(&s) < 0; }\n");
    build("gcc", "cc -w -O1 -fno-builtin -o forks forks.c");
    struct outcome run = captured("", "./forks");
    check_gaps((const char *const[]){"and 1 more process) has a malloc of its own", NULL});
    outcome_free(&run);
}
END_TEST

/* Another library's malloc before ours; and programs that only look as if they had one: at a fixed
 * place, with the address of malloc taken, the loader gives all a stub in the program for it. */
START_TEST(h50_a_stub_for_malloc_is_no_malloc)
{
    write_file("stub.c", "#include <stdlib.h>\nint main(void) { void *(*volatile f)(size_t) = "
                         "malloc; free(f(10)); return 0; }\n");
    build("gcc", "cc -w -no-pie -fno-pic -O1 -o stub stub.c");
    struct outcome run = captured("", "./stub");
    check_gaps((const char *const[]){NULL});
    outcome_free(&run);
}
END_TEST

START_TEST(h50_a_malloc_of_a_library_before_ours_is_said)
{
    struct outcome run =
        shell("timeout -k 1 40 env VITTE_TRACE_KEEP=1 VITTE_TRACE_OUT=t.json LD_PRELOAD='%s:%s' "
              "'%s' nothing && mv vitte-trace-*.vtrace x.vtrace",
              built_program("libraries/strict.so"), built_library(), gaps());
    ck_assert_int_eq(run.code, 0);
    check_gaps((const char *const[]){"has a malloc of its own in front of the tracer's", NULL});
    outcome_free(&run);
}
END_TEST

/* ---- H55: libraries; and what goes without libc ---- */

static const struct {
    const char *what, *line;
    int library, opens; /* opens: of /dev/null, in the trace */
    const char *also;   /* a second line */
} ways[] = {
    {"deepbind", "gaps (pid %ld) loaded a library with RTLD_DEEPBIND: its calls may not be seen", 1,
     0, NULL},
    {"dlmopen", "gaps (pid %ld) loaded a library by dlmopen: its calls are not seen", 1, 0, NULL},
    {"dlopen", "", 1, 1, NULL},
    {"futex", "gaps (pid %ld) waits or wakes by the futex system call, without libc", 0, 0, NULL},
    {"io_uring", "gaps (pid %ld) uses io_uring: that I/O is not seen", 0, 0,
     "has threads that were not sampled"},
    {"seccomp", "gaps (pid %ld) entered a seccomp sandbox: from then on only as much is seen", 0, 0,
     NULL},
    /* fails: to take libseccomp's questions for a sandbox (which this suite found) */
    {"probe", "", 0, 20000, NULL},
    {"nothing", "", 0, 0, NULL},
};
enum { WAYS = sizeof ways / sizeof ways[0], LIBRARY_WAYS = 3 };

static void check_way(int i)
{
    char command[2 * PATH_MAX], line[512];
    snprintf(command, sizeof command, "'%s' %s %s", gaps(), ways[i].what,
             ways[i].library ? built_program("libraries/h55_library.so") : "");
    struct outcome run = captured("", command);
    json_t *info = look("info", "x.vtrace"), *events = stream("x.vtrace");
    snprintf(line, sizeof line, ways[i].line,
             number_in(json_array_get(json_object_get(info, "processes"), 0), "pid"));
    ck_assert_int_eq(
        (long)count_events(events, "{s:s, s:{s:s}}", "name", "open", "args", "path", "/dev/null"),
        ways[i].opens);
    check_gaps((const char *const[]){line[0] ? line : NULL, ways[i].also, NULL});
    json_decref(events);
    json_decref(info);
    outcome_free(&run);
}

/* Fails: to say it of every dlopen; and to say nothing, which passes for a library that is idle. */
START_TEST(h55_libraries_that_are_not_seen_are_said)
{
    check_way(_i);
}
END_TEST

START_TEST(what_goes_without_libc_is_said)
{
    check_way(LIBRARY_WAYS + _i);
}
END_TEST

/* ---- nothing to be said ---- */

/* Every list holds what no session shows, and with functions nothing else. */
START_TEST(a_session_that_is_covered_has_no_gaps)
{
    struct outcome run = captured("", built_program("instrumented/h19_starts"));
    check_gaps((const char *const[]){NULL});
    json_t *info = look("info", "x.vtrace");
    const json_t *list = json_object_get(info, "not_covered");
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_int_eq(strncmp(json_string_value(json_array_get(list, 0)), "never seen: ", 12), 0);
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* Nobody can be asked when a program is preloaded: the trace says it. Fails: to be silent; to take
 * a good value for a bad one. */
START_TEST(settings_that_make_no_sense_are_told_of)
{
    static const char *const bad[] = {"EVENTS=io,bogus", "STACKS=magic",   "SAMPLE=abc",
                                      "SAMPLE=99999",    "STACK_DEPTH=3",  "STACK_AFTER=-1",
                                      "KEEP=maybe",      "LOCKS=yes",      "MEMORY_SAMPLE=q",
                                      "EXEC_ENV=no",     "STACK_AFTER=10s"};
    static const char good[] =
        "VITTE_TRACE_EVENTS=io,memory VITTE_TRACE_STACKS=failed,io VITTE_TRACE_SAMPLE=auto "
        "VITTE_TRACE_STACK_DEPTH=8 VITTE_TRACE_STACK_AFTER=0 VITTE_TRACE_LOCKS=all "
        "VITTE_TRACE_MEMORY_SAMPLE=512K VITTE_TRACE_EXEC_ENV=0 VITTE_TRACE_KEEP=";
    for (size_t i = 0; i <= sizeof bad / sizeof bad[0]; i++) {
        int is_bad = i < sizeof bad / sizeof bad[0];
        struct outcome run =
            shell("env %s%s VITTE_TRACE_OUT=x.ndjson LD_PRELOAD='%s' true && cat x.ndjson",
                  is_bad ? "VITTE_TRACE_" : good, is_bad ? bad[i] : "", built_library());
        ck_assert_msg((strstr(run.out, "makes no sense") != NULL) == is_bad, "%s:\n%s\n%s",
                      is_bad ? bad[i] : good, run.out, run.err);
        outcome_free(&run);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("coverage");
    TCase *cases = tcase_create("coverage");
    tcase_add_test(cases, settings_that_make_no_sense_are_told_of);
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, a_static_child_is_named, 0, CHILDREN);
    tcase_add_loop_test(cases, a_child_that_is_captured_is_no_gap, 0, CHILDREN);
    tcase_add_test(cases, a_static_child_is_found_as_it_was_started);
    tcase_add_loop_test(cases, a_setuid_child_is_named, 0, 2);
    tcase_add_test(cases, a_child_with_a_scrubbed_environment_is_named);
    tcase_add_loop_test(cases, an_exec_or_spawn_that_failed_is_no_gap, 0, 2);
    tcase_add_test(cases, a_shell_s_children_are_no_gap);
    tcase_add_test(cases, h50_a_malloc_in_the_program_is_said);
    tcase_add_test(cases, h50_a_hidden_allocator_is_suspected);
    tcase_add_test(cases, h50_children_have_it_too);
    tcase_add_test(cases, h50_a_stub_for_malloc_is_no_malloc);
    tcase_add_test(cases, h50_a_malloc_of_a_library_before_ours_is_said);
    tcase_add_loop_test(cases, h55_libraries_that_are_not_seen_are_said, 0, LIBRARY_WAYS);
    tcase_add_loop_test(cases, what_goes_without_libc_is_said, 0, WAYS - LIBRARY_WAYS);
    tcase_add_test(cases, a_session_that_is_covered_has_no_gaps);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
