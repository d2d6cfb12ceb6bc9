/* The reports of locks and of I/O by caller, against programs that keep their own books. */
#include "tests/hazards.h"

#include <signal.h>
#include <unistd.h>

static json_t *report_of(const char *options)
{
    char verb[128];
    snprintf(verb, sizeof verb, "report %s", options);
    return look(verb, "x.vtrace");
}

/* Whether one of the lines of "places" is so. */
static int has_line(const json_t *row, const char *part)
{
    size_t i;
    const json_t *line;
    json_array_foreach((json_t *)(uintptr_t)json_object_get(row, "places"), i, line)
    {
        if (strstr(json_string_value(line), part))
            return 1;
    }
    return 0;
}

START_TEST(locks_are_told_with_who_waited_and_who_had_them)
{
    static const char *const blocks[] = {"3", "70000"};
    char command[512];
    snprintf(command, sizeof command, "env VITTE_TRACE_LOCKS=all VITTE_TRACE_STACK_AFTER=0 %s %s",
             built_program("programs/contends"), blocks[_i]);
    struct outcome run = captured("--stacks --sample 0", command);
    json_t *report = report_of("--locks");
    const json_t *rows = json_object_get(report, "locks"), *mutex = NULL;
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        if (strncmp(json_string_value(json_object_get(row, "lock")), "mutex", 5) == 0)
            mutex = row;
    }
    ck_assert_ptr_nonnull(mutex);
    ck_assert_int_eq(number_in(mutex, "waits"), book(&run, "waits"));
    ck_assert_int_eq(number_in(mutex, "allocations"), book(&run, "allocations"));
    ck_assert_int_eq(number_in(mutex, "io_calls"), book(&run, "reads"));
    ck_assert_int_gt(number_in(mutex, "waited"), 0);
    ck_assert_int_ge(number_in(mutex, "held"), number_in(mutex, "longest_held"));
    ck_assert(has_line(mutex, "want_it"));
    ck_assert(has_line(mutex, "hold_it"));
    ck_assert(has_line(mutex, "held meanwhile"));
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* Once each, and nobody is known to wait for it when it is taken: the lock's wait and its holder.
 * Fails: to time holds from the second contention on only; to take the waiter, which has it before
 * its call returns, for the one who kept it waiting. */
START_TEST(a_lock_that_is_waited_for_once_has_its_holder)
{
    static const char *const kinds[] = {"mutex", "rwlock", "spin"};
    char command[PATH_MAX + 16];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        snprintf(command, sizeof command, "'%s' %s", built_program("programs/waits_once"),
                 kinds[i]);
        struct outcome run = captured("--sample 0", command);
        json_t *report = report_of("--locks");
        const json_t *rows = json_object_get(report, "locks"), *row = json_array_get(rows, 0);
        ck_assert_uint_eq(json_array_size(rows), 1);
        ck_assert_int_eq(
            strncmp(json_string_value(json_object_get(row, "lock")), kinds[i], strlen(kinds[i])),
            0);
        ck_assert_int_eq(number_in(row, "waits"), 1);
        /* from the wait on; the waiter had it for a moment, too */
        ck_assert_int_gt(number_in(row, "longest_held"), 0);
        ck_assert_int_gt(number_in(row, "held"), number_in(row, "longest_held"));
        ck_assert(has_line(row, "held meanwhile"));
        ck_assert(has_line(row, "    keeps"));
        ck_assert(!has_line(row, "    wants"));
        json_decref(report);
        outcome_free(&run);
        struct outcome gone = shell("rm -r x.vtrace");
        outcome_free(&gone);
    }
}
END_TEST

/* Two threads that wait for each other for ever: who has what the other one wants. */
START_TEST(a_deadlock_shows_who_has_what)
{
    char command[PATH_MAX + 16];
    snprintf(command, sizeof command, "'%s' deadlock", built_program("programs/waits_once"));
    struct outcome run = shell("exec '%s' record -q -o x.vtrace -- %s", built_command(), command);
    ck_assert_int_eq(run.code, 128 + SIGKILL);
    long one = book(&run, "keeper"), other = book(&run, "waiter");
    char wanted[2][128];
    snprintf(wanted[0], sizeof wanted[0], ", held by other %ld, taken in wants, called from ",
             other);
    snprintf(wanted[1], sizeof wanted[1], ", held by one %ld, taken in keeps, called from ", one);
    struct outcome text = shell("'%s' info x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(text.out, wanted[0]));
    ck_assert_ptr_nonnull(strstr(text.out, wanted[1]));
    json_t *report = report_of("--locks"), *row;
    size_t i;
    json_array_foreach(json_object_get(report, "locks"), i, row)
        ck_assert(has_line(row, "    keeps") != has_line(row, "    wants"));
    ck_assert_uint_eq(i, 2);
    json_decref(report);
    outcome_free(&text);
    text = shell("'%s' report --locks x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(text.out, "no stacks were captured; "));
    outcome_free(&text);
    outcome_free(&run);
}
END_TEST

START_TEST(io_is_told_by_who_asked_for_it)
{
    struct outcome run = captured("--stacks --sample 0", built_program("programs/call_paths"));
    json_t *report = report_of("--io --by function");
    const json_t *rows = json_object_get(report, "io");
    const json_t *load = find_event(rows, "{s:s}", "function", "load"),
                 *look_for = find_event(rows, "{s:s}", "function", "look_for");
    ck_assert_int_eq(number_in(load, "calls"), 11);
    ck_assert_int_eq(number_in(load, "read"), 3300);
    ck_assert_int_eq(number_in(load, "failed"), 0);
    ck_assert_int_eq(number_in(look_for, "calls"), 7);
    ck_assert_int_eq(number_in(look_for, "failed"), 7);
    json_decref(report);
    report = report_of("--io --by stack");
    size_t i, found = 0;
    json_t *row;
    json_array_foreach(json_object_get(report, "io"), i, row)
    {
        const json_t *stack = json_object_get(row, "stack");
        const char *inner = json_string_value(json_array_get(stack, 0)),
                   *outer = json_string_value(json_array_get(stack, 1));
        if (inner && strncmp(inner, "load (", 6) == 0) {
            found++;
            ck_assert_int_eq(strncmp(outer, "main (", 6), 0);
            ck_assert_int_eq(number_in(row, "read"), 3300);
        }
    }
    ck_assert_uint_eq(found, 1);
    json_decref(report);
    report = report_of("--io");
    const json_t *zero = find_event(json_object_get(report, "io"), "{s:s}", "file", "/dev/zero");
    ck_assert_int_eq(number_in(zero, "opens"), 1);
    ck_assert_int_eq(number_in(zero, "small"), 11);
    ck_assert_int_eq(number_in(zero, "syncs"), 0);
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* Twelve reads from the start, with one descriptor: eleven of them were done before. */
START_TEST(reading_a_file_again_is_pointed_out)
{
    needs("/usr/bin/perl", "perl-base");
    write_file("again", "some text");
    struct outcome run = captured("--sample 0", "perl -e 'open F, \"<\", \"again\"; for (1..12) { "
                                                "sysseek F, 0, 0; sysread F, $b, 100 }'");
    struct outcome text = shell("'%s' report --io x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(text.out, "again: read again from its start 11 times\n"));
    outcome_free(&text);
    outcome_free(&run);
}
END_TEST

static const json_t *file_row(const json_t *report, const char *name)
{
    char path[PATH_MAX];
    ck_assert_ptr_nonnull(getcwd(path, sizeof path));
    snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", name);
    const json_t *row = find_event(json_object_get(report, "io"), "{s:s}", "file", path);
    ck_assert_msg(row != NULL, "there is no row of %s", path);
    return row;
}

/* Fails: to tell files apart by what they were called; to take a question where a file stands for a
 * way back to its start, and not to know a file that is opened again; to see one end of a copy; to
 * have calls without a descriptor in the row of number 0. */
START_TEST(io_is_told_by_file)
{
    static const struct {
        const char *file;
        int read, written, opens, again, failed;
    } books[] = {{"one/same", 30, 10, 4, 2, 0},
                 {"two/same", 60, 30, 3, 1, 0},
                 {"copy", 10, 30, 3, 1, 0},
                 {"two/nothing", 0, 0, 0, 0, 1}};
    struct outcome run = captured("--sample 0", built_program("programs/io_by_file"));
    json_t *report = report_of("--io"), *row;
    size_t i;
    for (i = 0; i < sizeof books / sizeof books[0]; i++) {
        const json_t *file = file_row(report, books[i].file);
        ck_assert_int_eq(number_in(file, "read"), books[i].read);
        ck_assert_int_eq(number_in(file, "written"), books[i].written);
        ck_assert_int_eq(number_in(file, "opens"), books[i].opens);
        ck_assert_int_eq(number_in(file, "rereads"), books[i].again);
        ck_assert_int_eq(number_in(file, "failed"), books[i].failed);
    }
    json_array_foreach(json_object_get(report, "io"), i, row)
    {
        const char *file = json_string_value(json_object_get(row, "file"));
        ck_assert_msg(file[0] == '/' || strcmp(file, "pipe()") == 0 ||
                          strcmp(file, "getcwd()") == 0,
                      "a row of %s", file);
    }
    json_decref(report);
    report = report_of("--io --filter 'function(access)'"); /* it still went where it went */
    ck_assert_int_eq(number_in(file_row(report, "two/nothing"), "failed"), 1);
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* Two stacks whose words are the same for the first 10 000 bytes. */
START_TEST(stacks_with_long_names_are_told_apart)
{
    FILE *source = fopen("long.c", "w");
    ck_assert_ptr_nonnull(source);
    fputs("#include <stdlib.h>\n#define A __attribute__((noinline))\n"
          "A void f0(int n) { void *volatile p = malloc((size_t)n); free(p); }\n",
          source);
    char name[1001], inner[1001] = "f0";
    for (int i = 1; i <= 10; i++) {
        memset(name, 'a' + i, sizeof name - 1);
        name[sizeof name - 1] = '\0';
        fprintf(source, "A void %s(int n) { %s(n); __asm__(\"\"); }\n", name, inner);
        memcpy(inner, name, sizeof inner);
    }
    fprintf(source,
            "A void one(void) { %s(100); __asm__(\"\"); }\nA void two(void) { %s(7000); "
            "__asm__(\"\"); }\nint main(void) { one(); two(); return 0; }\n",
            inner, inner);
    fclose(source);
    struct outcome made = shell("gcc -O1 -o long long.c");
    assert_fine(&made);
    outcome_free(&made);
    outcome_free((struct outcome[]){captured("--stacks=memory --sample 0", "./long")});
    json_t *report = report_of("--memory --by stack");
    const json_t *rows = json_object_get(report, "memory");
    ck_assert_ptr_nonnull(find_event(rows, "{s:i, s:i}", "allocated", 100, "allocations", 1));
    ck_assert_ptr_nonnull(find_event(rows, "{s:i, s:i}", "allocated", 7000, "allocations", 1));
    json_decref(report);
}
END_TEST

START_TEST(what_a_program_calls_things_does_nothing_to_a_terminal)
{
    needs("/usr/bin/perl", "perl-base");
    struct outcome run = captured("--sample 0", "perl -e 'sysopen F, \"a\\e]0;b\\a\\e[2J\\nc\", "
                                                "0102, 0600; syswrite F, \"x\"'");
    static const char *const verbs[] = {"report --io", "info", "report"};
    for (size_t i = 0; i < 3; i++) {
        struct outcome text = shell("'%s' %s x.vtrace", built_command(), verbs[i]);
        assert_fine(&text);
        for (const char *at = text.out; *at; at++)
            ck_assert_msg(*at == '\n' || (unsigned char)*at >= ' ', "%s: byte %d", verbs[i], *at);
        outcome_free(&text);
    }
    struct outcome text = shell("'%s' report --io x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(text.out, "a?]0;b??[2J?c\n"));
    outcome_free(&text);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reports");
    TCase *reports = tcase_create("reports");
    tcase_set_timeout(reports, 100);
    tcase_add_checked_fixture(reports, enter_folder, leave_folder);
    tcase_add_loop_test(reports, locks_are_told_with_who_waited_and_who_had_them, 0, 2);
    tcase_add_test(reports, a_lock_that_is_waited_for_once_has_its_holder);
    tcase_add_test(reports, a_deadlock_shows_who_has_what);
    tcase_add_test(reports, io_is_told_by_who_asked_for_it);
    tcase_add_test(reports, io_is_told_by_file);
    tcase_add_test(reports, reading_a_file_again_is_pointed_out);
    tcase_add_test(reports, stacks_with_long_names_are_told_apart);
    tcase_add_test(reports, what_a_program_calls_things_does_nothing_to_a_terminal);
    suite_add_tcase(suite, reports);
    return run_suite(suite);
}
