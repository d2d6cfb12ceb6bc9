/* Hazards of programs that are started (H39 to H41): the tracer reaches every child that can be
 * traced, and says of which program it cannot. */
#include "tests/books.h"

#include <ctype.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const ways[] = {"execve",
                                   "execle",
                                   "execvpe",
                                   "execvpe_path",
                                   "fexecve",
                                   "execveat",
                                   "execv",
                                   "execl",
                                   "posix_spawn",
                                   "posix_spawnp",
                                   "posix_spawnp_path",
                                   "vfork_execve",
                                   "vfork_execle",
                                   "vfork_execvpe",
                                   "vfork_execvpe_path"};
enum { WAYS = sizeof ways / sizeof ways[0], SHOWN = 6 /* show_work's calls, and the exit code */ };

static const char *scrub(void)
{
    return built_program("instrumented/h39_scrub");
}

/* The lines that are not the tracer's, joined by spaces; then the value of `name`, or "". */
static void read_environment(const char *out, const char *name, char *others, char *value)
{
    char copy[8192], *rest;
    size_t length = strlen(name);
    snprintf(copy, sizeof copy, "%s", out);
    others[0] = value[0] = '\0';
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, name, length) == 0 && line[length] == '=')
            strcpy(value, line + length + 1);
        else if (strncmp(line, "VITTE_TRACE_", 12) != 0 && strncmp(line, "pid ", 4) != 0)
            strcat(strcat(others, line), " ");
    }
}

static void check_show(const json_t *events, const struct outcome *run, long calls)
{
    long pid = book(run, "pid");
    ck_assert_int_eq(run->code, SHOWN);
    ck_assert_int_eq((long)count_events(events, "{s:s, s:s, s:i}", "type", "span", "name",
                                        "show_work", "pid", (int)pid),
                     calls);
    ck_assert_int_eq(calls_in(events, "show_work"), calls);
}

/* Runs the target and looks for its child in the trace; the child's environment is in `run`. */
static struct outcome scrubbed(const char *variables, const char *way, const char *entries,
                               long calls)
{
    struct outcome run = shell("exec env %s '%s' run -q -o trace.ndjson -- %s %s %s %s", variables,
                               built_command(), scrub(), way, scrub(), entries);
    ck_assert_str_eq(run.err, "");
    json_t *events = load_ndjson("trace.ndjson");
    check_show(events, &run, calls);
    json_decref(events);
    return run;
}

/* ---- H39 ---- */

START_TEST(h39_child_with_an_environment_of_its_own_is_traced)
{
    char others[8192], preload[8192];
    struct outcome run = scrubbed("", ways[_i], "ONE=1 TWO=2", SHOWN);
    read_environment(run.out, "LD_PRELOAD", others, preload);
    ck_assert_str_eq(others, "ONE=1 TWO=2 "); /* and nothing of the parent's came along */
    ck_assert_str_eq(preload, built_library());
    outcome_free(&run);
}
END_TEST

START_TEST(h39_child_without_an_environment_is_traced)
{
    struct outcome run = scrubbed("", ways[_i], "", SHOWN);
    outcome_free(&run);
}
END_TEST

START_TEST(h39_preloads_of_the_program_s_own_stay)
{
    char others[8192], preload[8192], wanted[8192];
    snprintf(wanted, sizeof wanted, "%s:libm.so.6", built_library());
    struct outcome run = scrubbed("", ways[_i], "ONE=1 LD_PRELOAD=libm.so.6", SHOWN);
    read_environment(run.out, "LD_PRELOAD", others, preload);
    ck_assert_str_eq(preload, wanted);
    ck_assert_str_eq(others, "ONE=1 ");
    outcome_free(&run);
}
END_TEST

START_TEST(h39_exec_env_0_leaves_environments_alone)
{
    struct outcome run = scrubbed("VITTE_TRACE_EXEC_ENV=0", ways[_i], "ONE=1 TWO=2", 0);
    const char *behind = strchr(run.out, '\n');
    ck_assert_ptr_nonnull(behind);
    ck_assert_str_eq(behind, "\nONE=1\nTWO=2\n"); /* behind the pid */
    outcome_free(&run);
}
END_TEST

/* The exporter is a child too, and would trace itself into a session of its own, or for ever. */
START_TEST(h39_our_own_helper_is_not_traced)
{
    struct outcome run =
        preloaded("VITTE_TRACE_OUT=trace.ndjson %s execve %s ONE=1", scrub(), scrub());
    ck_assert_int_eq(run.code, SHOWN);
    ck_assert_str_eq(run.err, "");
    json_t *events = load_ndjson("trace.ndjson");
    check_show(events, &run, SHOWN);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "type", "process", "name", "vitte-trace"),
                      0);
    json_decref(events);
    outcome_free(&run);
    run = shell("ls -A");
    ck_assert_str_eq(run.out, "trace.ndjson\n"); /* one session, and it is gone */
    outcome_free(&run);
}
END_TEST

/* ---- H40 ---- */

static void copy_tracer(const char *folder)
{
    struct outcome run =
        shell("mkdir '%s' && cp '%s' '%s' '%s'", folder, built_command(), built_library(), folder);
    assert_fine(&run);
    outcome_free(&run);
}

START_TEST(h40_library_path_with_space_and_colon_works)
{
    static const char *const folders[] = {"a space", "a:colon", "a b:c d"};
    char others[8192], preload[8192];
    copy_tracer(folders[_i]);
    struct outcome run = shell("'./%s/vitte-trace' run -q -o trace.ndjson -- %s execve %s ONE=1",
                               folders[_i], scrub(), scrub());
    ck_assert_str_eq(run.err, "");
    json_t *events = load_ndjson("trace.ndjson");
    check_show(events, &run, SHOWN);
    read_environment(run.out, "LD_PRELOAD", others, preload);
    ck_assert(preload[0] != '\0' && !strpbrk(preload, " :"));
    ck_assert_msg(access(preload, F_OK) != 0, "%s was left behind", preload);
    *strrchr(preload, '/') = '\0';
    ck_assert_msg(access(preload, F_OK) != 0, "%s was left behind", preload);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* A dynamically linked 32-bit program that prints its LD_PRELOAD; made without 32-bit headers. */
static void make_32_bit(void)
{
    const char *libc = needs("/lib32/libc.so.6", "libc6-i386");
    write_file(
        "old.c",
        "extern int puts(const char *); extern char *getenv(const char *);\n"
        "extern void exit(int);\n"
        "void _start(void) { char *p = getenv(\"LD_PRELOAD\"); puts(p ? p : \"-\"); exit(6); }\n");
    struct outcome run =
        shell("gcc -m32 -O1 -fno-pic -fno-stack-protector -mpreferred-stack-boundary=2 "
              "-c old.c && ld -m elf_i386 -dynamic-linker /lib/ld-linux.so.2 -o old old.o %s"
              " && LD_PRELOAD= ./old",
              libc);
    ck_assert_msg(run.code == SHOWN,
                  "cannot make a 32-bit program (packages gcc, binutils, libc6-i386):\n%s",
                  run.err);
    outcome_free(&run);
}

START_TEST(h40_32_bit_child_prints_no_error)
{
    make_32_bit();
    struct outcome run = traced("", "%s %s ./old ONE=1", scrub(), ways[_i]);
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(run.out, "-\n");
    ck_assert_int_eq(run.code, SHOWN);
    outcome_free(&run);
    run = traced("", "%s %s ./old LD_PRELOAD=libm.so.6", scrub(), ways[_i]);
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(run.out, "libm.so.6\n"); /* the program's own stays */
    outcome_free(&run);
}
END_TEST

START_TEST(h40_32_bit_child_of_a_shell_prints_no_error)
{
    make_32_bit();
    struct outcome run = traced("", "sh -c './old; ./old | cat; exec ./old'");
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(run.out, "-\n-\n-\n");
    ck_assert_int_eq(run.code, SHOWN);
    outcome_free(&run);
}
END_TEST

START_TEST(h40_run_says_that_the_program_is_32_bit)
{
    make_32_bit();
    struct outcome run = traced("", "./old");
    ck_assert_ptr_nonnull(strstr(run.err, "./old is a 32-bit program"));
    ck_assert_int_eq(run.code, SHOWN);
    outcome_free(&run);
}
END_TEST

/* ---- H41 ---- */

START_TEST(h41_run_says_that_the_program_is_static_and_its_children_are_traced)
{
    static const char *const options[] = {"-static", "-static-pie"};
    write_file("still.c",
               "#include <unistd.h>\n#include <sys/wait.h>\n"
               "int main(int c, char **v) { int s; if (fork() == 0) execv(v[1], v + 1);\n"
               "return wait(&s) > 0 && c ? WEXITSTATUS(s) : 99; }\n");
    struct outcome run = shell("cc %s -o still still.c", options[_i]);
    ck_assert_msg(run.code == 0, "cannot link statically (package libc6-dev):\n%s", run.err);
    outcome_free(&run);
    run = traced("", "./still %s show", scrub());
    ck_assert_ptr_nonnull(strstr(run.err, "./still is statically linked"));
    json_t *events = load_ndjson("trace.ndjson");
    check_show(events, &run, SHOWN);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

enum { NOBODY = 65534 };

/* What the file is, who runs it, and whether the loader then leaves the tracer out. */
static const struct privilege {
    unsigned mode;
    uid_t owner;
    gid_t group;
    int capabilities, as_nobody, untraced;
} privileges[] = {
    {0755, NOBODY, NOBODY, 0, 0, 0},  {04755, NOBODY, 0, 0, 0, 1}, {02755, 0, NOBODY, 0, 0, 1},
    {04755, 0, 0, 0, 0, 0},           {04755, 0, 0, 0, 1, 1},      {02755, NOBODY, 0, 0, 1, 1},
    {06755, NOBODY, NOBODY, 0, 1, 0}, {0755, 0, 0, 1, 1, 1},       {0755, 0, 0, 1, 0, 0},
};
enum { PRIVILEGES = sizeof privileges / sizeof privileges[0] };

static void make_privileged(const struct privilege *privilege)
{
    /* version 2, effective: CAP_NET_BIND_SERVICE permitted */
    static const unsigned char capability[20] = {1, 0, 0, 2, 0, 4};
    struct statvfs system;
    ck_assert_msg(geteuid() == 0, "this test makes setuid programs: run it as root");
    ck_assert_int_eq(statvfs(".", &system), 0);
    ck_assert_msg(!(system.f_flag & ST_NOSUID), "$TMPDIR is mounted nosuid: name another folder");
    struct outcome run = shell("cp %s special", scrub());
    assert_fine(&run);
    outcome_free(&run);
    ck_assert_int_eq(chown("special", privilege->owner, privilege->group), 0);
    ck_assert_int_eq(chmod("special", privilege->mode), 0);
    if (privilege->capabilities)
        ck_assert_int_eq(
            setxattr("special", "security.capability", capability, sizeof capability, 0), 0);
    ck_assert_int_eq(chmod(".", 0777), 0);
}

START_TEST(h41_run_says_when_privileges_keep_the_tracer_out)
{
    const struct privilege *privilege = &privileges[_i];
    copy_tracer("bin");
    make_privileged(privilege);
    struct outcome run =
        shell("%s ./bin/vitte-trace run -q -o trace.ndjson -- ./special show",
              privilege->as_nobody ? "setpriv --reuid 65534 --regid 65534 --clear-groups" : "");
    json_t *events = load_ndjson("trace.ndjson");
    check_show(events, &run, privilege->untraced ? 0 : SHOWN);
    if (privilege->untraced)
        ck_assert_msg(strstr(run.err, "vitte-trace: ./special ") &&
                          strstr(run.err, "leaves the tracer out"),
                      "it says: %s", run.err);
    else
        ck_assert_str_eq(run.err, "");
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_exec");
    TCase *starts = tcase_create("starts");
    tcase_add_checked_fixture(starts, enter_folder, leave_folder);
    tcase_set_timeout(starts, 60);
    tcase_add_loop_test(starts, h39_child_with_an_environment_of_its_own_is_traced, 0, WAYS);
    tcase_add_loop_test(starts, h39_child_without_an_environment_is_traced, 0, WAYS);
    tcase_add_loop_test(starts, h39_preloads_of_the_program_s_own_stay, 0, WAYS);
    tcase_add_loop_test(starts, h39_exec_env_0_leaves_environments_alone, 0, WAYS);
    tcase_add_test(starts, h39_our_own_helper_is_not_traced);
    tcase_add_loop_test(starts, h40_library_path_with_space_and_colon_works, 0, 3);
    tcase_add_loop_test(starts, h40_32_bit_child_prints_no_error, 0, WAYS);
    tcase_add_test(starts, h40_32_bit_child_of_a_shell_prints_no_error);
    tcase_add_test(starts, h40_run_says_that_the_program_is_32_bit);
    tcase_add_loop_test(starts, h41_run_says_that_the_program_is_static_and_its_children_are_traced,
                        0, 2);
    tcase_add_loop_test(starts, h41_run_says_when_privileges_keep_the_tracer_out, 0, PRIVILEGES);
    suite_add_tcase(suite, starts);
    return run_suite(suite);
}
