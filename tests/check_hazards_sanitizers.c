/* H48: programs that are built with a sanitizer behave under the tracer as they do alone: they
 * print the same, end with the same status, and find the same faults; as the root of a session and
 * as children. And their calls are traced. */
#include "tests/hazards.h"
#include "tests/sources.h"

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

/* A compiler with its runtime, the faults that it finds, and what its report is called. */
static const struct build {
    const char *flags, *package, *report;
    const char *faults[4];
    int own_malloc; /* the runtime's allocator stands in the program, before ours */
} builds[] = {
    {"gcc -fsanitize=address",
     "gcc, libasan8",
     "ERROR: AddressSanitizer",
     {"use-after-free", "overflow", "child", "leak"},
     0},
    {"gcc -fsanitize=address -static-libasan",
     "gcc, libasan8",
     "ERROR: AddressSanitizer",
     {"use-after-free", "overflow", "child", NULL},
     1},
    {"clang -fsanitize=address",
     "clang, libclang-rt-14-dev",
     "ERROR: AddressSanitizer",
     {"use-after-free", "overflow", "child", "leak"},
     1},
    {"gcc -fsanitize=thread", "gcc, libtsan2", "WARNING: ThreadSanitizer", {"race"}, 0},
    {"clang -fsanitize=thread",
     "clang, libclang-rt-14-dev",
     "WARNING: ThreadSanitizer",
     {"race"},
     1},
    {"gcc -fsanitize=undefined -fno-sanitize-recover=undefined",
     "gcc, libubsan1",
     "runtime error",
     {"undefined"},
     0},
    {"clang -fsanitize=undefined -fno-sanitize-recover=undefined",
     "clang, libclang-rt-14-dev",
     "runtime error",
     {"undefined"},
     0},
    {"gcc -fsanitize=leak", "gcc, liblsan0", "ERROR: LeakSanitizer", {"leak"}, 0},
    {"clang -fsanitize=leak", "clang, libclang-rt-14-dev", "ERROR: LeakSanitizer", {"leak"}, 1},
};
enum {
    BUILDS = sizeof builds / sizeof builds[0],
    MINDLESS = 5 /* the target's, when all is well */
};

static void build_target(const struct build *how)
{
    build(how->package, "%s -g -O0 -w -pthread -o target '%s'", how->flags,
          source_file("programs/h48_sanitized.c"));
}

/* A report without what is different in every run: addresses and process ids. Only its main lines:
 * stacks have a frame of ours here and there. Ours is among them, but that a process still runs:
 * clang's runtimes leave their symbolizer behind, which ends when it finds that they have gone. */
static char *main_lines(const char *text)
{
    char *kept = calloc(1, strlen(text) + 1), *to = kept;
    while (*text) {
        const char *end = strchrnul(text, '\n');
        char line[1024];
        snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
        int is_main = strstr(line, "Sanitizer") || strstr(line, "runtime error") ||
                      (strstr(line, "vitte-trace") && !strstr(line, "of the command still run"));
        for (const char *at = line; is_main && *at; at++)
            if (at[0] == '0' && at[1] == 'x') { /* and the rest: pc, bp, sp */
                break;
            } else if (!isdigit((unsigned char)*at)) {
                *to++ = *at;
            }
        if (is_main)
            *to++ = '\n';
        text = end + (*end == '\n');
    }
    *to = '\0';
    return kept;
}

static void check_same(const struct outcome *alone, const struct outcome *run, const char *how,
                       const char *fault)
{
    char *wanted = main_lines(alone->err), *there = main_lines(run->err);
    ck_assert_msg(run->code == alone->code, "%s, %s: ended with %d, alone with %d\n%s", how, fault,
                  run->code, alone->code, run->err);
    ck_assert_msg(strcmp(run->out, alone->out) == 0, "%s, %s: printed\n%s\nalone\n%s", how, fault,
                  run->out, alone->out);
    ck_assert_msg(strcmp(there, wanted) == 0, "%s, %s: stderr was\n%s\nalone\n%s", how, fault,
                  there, wanted);
    free(there);
    free(wanted);
}

/* The ways to be traced: preloaded, under run, as a shell's child under run. */
static void check_fault(const struct build *how, const char *fault)
{
    struct outcome alone = shell("exec timeout -k 1 60 ./target %s", fault), run;
    struct outcome by_shell = shell("timeout -k 1 60 ./target %s; echo ended $?", fault);
    if (strcmp(fault, "none") == 0 || strcmp(fault, "child") == 0)
        ck_assert_int_eq(alone.code, MINDLESS);
    else
        ck_assert_int_ne(alone.code, MINDLESS);
    if (strcmp(fault, "none") == 0)
        ck_assert_str_eq(alone.err, "");
    else
        ck_assert_msg(strstr(alone.err, how->report) || strstr(alone.err, "ERROR: LeakSanitizer"),
                      "%s does not find %s: %s", how->flags, fault, alone.err);
    run = shell("exec timeout -k 1 60 env VITTE_TRACE_OUT=t.json LD_PRELOAD='%s' ./target %s",
                built_library(), fault);
    check_same(&alone, &run, "preloaded", fault);
    outcome_free(&run);
    run = traced("", "./target %s", fault);
    check_same(&alone, &run, "run", fault);
    outcome_free(&run);
    run = traced("", "sh -c 'timeout -k 1 60 ./target %s; echo ended $?'", fault);
    check_same(&by_shell, &run, "run, as a child", fault);
    outcome_free(&run);
    outcome_free(&by_shell);
    outcome_free(&alone);
}

/* Fails: a runtime that wants to be the first library and says so (ASan's did, gcc's shared one); a
 * wrapper that calls the runtime's before it has begun; an exporter that inherits a fault's exit
 * status, or is traced by the runtime's options; a leak of ours, reported as the program's. */
START_TEST(h48_sanitized_programs_print_and_end_as_they_do_alone)
{
    const struct build *how = &builds[_i];
    build_target(how);
    check_fault(how, "none");
    for (size_t i = 0; i < 4 && how->faults[i]; i++)
        check_fault(how, how->faults[i]);
}
END_TEST

/* Fails: to leave sanitized programs alone altogether, which would pass the test above. */
START_TEST(h48_sanitized_programs_are_traced)
{
    const struct build *how = &builds[_i];
    build_target(how);
    struct outcome run =
        shell("exec timeout -k 1 60 '%s' record -q -o x.vtrace -- ./target none", built_command());
    ck_assert_int_eq(run.code, MINDLESS);
    json_t *events = stream("x.vtrace"), *info = look("info", "x.vtrace");
    static const char *const calls[] = {"open", "write", "read", "close"};
    for (int i = 0; i < 4; i++) {
        size_t there = count_events(events, "{s:s, s:s}", "name", calls[i], "tag", "io");
        ck_assert_msg(there >= 1, "%s: no %s in the trace", how->flags, calls[i]);
    }
    ck_assert_uint_ge(
        count_events(events, "{s:s, s:{s:s}}", "name", "open", "args", "path", "a-file"), 1);
    ck_assert_int_eq(number_in(info, "events_lost"), 0);
    ck_assert_int_ge(number_in(info, "threads"), 2); /* some runtimes have one of their own */
    size_t i, said = 0;
    json_t *line;
    json_array_foreach(json_object_get(info, "not_covered"), i, line) said +=
        strstr(json_string_value(line), "has a malloc of its own") != NULL;
    ck_assert_msg(said == (size_t)how->own_malloc, "%s: a malloc of its own is %ssaid", how->flags,
                  said ? "" : "not ");
    json_decref(info);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_sanitizers");
    TCase *cases = tcase_create("sanitizers");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 200);
    tcase_add_loop_test(cases, h48_sanitized_programs_print_and_end_as_they_do_alone, 0, BUILDS);
    tcase_add_loop_test(cases, h48_sanitized_programs_are_traced, 0, BUILDS);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
