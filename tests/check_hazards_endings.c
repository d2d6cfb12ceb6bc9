/* Hazards of the end (H44, H46): however a process ends, what it did is in its trace, the last
 * destructor too. That its exit status is passed on exactly is in check_hazards_status.c. */
#include "tests/hazards.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 5000 }; /* of the target */

static const struct ending {
    const char *how;
    int code;         /* for the target, and what the shell would say in the end */
    int after, quick; /* calls in its handlers */
} endings[] = {
    {"return 9", 9, 3, 0},
    {"exit 10", 10, 3, 0},
    {"exit 300", 44, 3, 0},
    {"exit -1", 255, 3, 0},
    {"_exit 11", 11, 0, 0},
    {"_Exit 12", 12, 0, 0},
    {"quick_exit 13", 13, 0, 2},
    {"exit_in_thread 14", 14, 3, 0},
    {"_exit_in_thread 15", 15, 0, 0},
    {"main_pthread_exit", 0, 3, 0},
    {"return_beside_threads 16", 16, 3, 0},
    {"abort", 128 + SIGABRT, 0, 0},
    {"segv", 128 + SIGSEGV, 0, 0},
    {"kill 9", 128 + SIGKILL, 0, 0},
    {"kill 15", 128 + SIGTERM, 0, 0},
};
enum { ENDINGS = sizeof endings / sizeof endings[0] };

static const char *target(void)
{
    return built_program("instrumented/h44_endings");
}

static void check_calls(const json_t *events, const struct ending *ending)
{
    ck_assert_int_eq(named(events, "end_work"), CALLS);
    ck_assert_int_eq(named(events, "after_work"), ending->after);
    ck_assert_int_eq(named(events, "quick_work"), ending->quick);
    ck_assert_uint_eq(count_events(events, "{s:s, s:i}", "type", "end", "events_lost", 0), 1);
}

START_TEST(h44_every_ending_keeps_all_events)
{
    const struct ending *ending = &endings[_i];
    struct outcome run = traced("", "%s %s", target(), ending->how);
    ck_assert_int_eq(run.code, ending->code);
    ck_assert_str_eq(run.err, "");
    json_t *events = load_ndjson("trace.ndjson");
    check_calls(events, ending);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* Where something of ours still runs, it writes the trace; else the session is there to be
 * exported. */
START_TEST(h44_every_ending_of_a_preloaded_program_too)
{
    const struct ending *ending = &endings[_i];
    struct outcome run = preloaded("VITTE_TRACE_OUT=trace.ndjson %s %s", target(), ending->how);
    ck_assert_int_eq(run.code, ending->code);
    ck_assert_str_eq(run.err, "");
    outcome_free(&run);
    if (ending->code > 128 && ending->code < 128 + 32) {
        run =
            shell("'%s' export -q --remove -o trace.ndjson vitte-trace-*.vtrace", built_command());
        assert_fine(&run);
        outcome_free(&run);
    }
    json_t *events = load_ndjson("trace.ndjson");
    check_calls(events, ending);
    json_decref(events);
    run = shell("ls -A");
    ck_assert_str_eq(run.out, "trace.ndjson\n");
    outcome_free(&run);
}
END_TEST

START_TEST(h44_session_says_how_it_ended)
{
    const struct ending *ending = &endings[_i];
    struct outcome run =
        shell("exec '%s' record -o s.vtrace -- %s %s", built_command(), target(), ending->how);
    ck_assert_int_eq(run.code, ending->code);
    json_t *info = look("info", "s.vtrace");
    const json_t *process = json_array_get(json_object_get(info, "processes"), 0);
    const char *status = json_string_value(json_object_get(process, "status"));
    if (WIFSIGNALED(run.status)) {
        ck_assert_ptr_nonnull(strstr(status, "without a word"));
        ck_assert_ptr_null(json_object_get(process, "exit_status"));
    } else {
        ck_assert_str_eq(status, "exited");
        ck_assert_int_eq(number_in(process, "exit_status"), ending->code);
    }
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* ---- H46 ---- */

/* A library whose constructor registers what it can; NAME stands before every function. (What
 * on_exit was given is called when the library may be gone.) */
static const char library[] =
    "#include <fcntl.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
    "#define JOIN2(a, b) a##b\n#define JOIN(a, b) JOIN2(a, b)\n#define F(f) JOIN(NAME, f)\n"
    "static volatile int sink;\n"
    "void F(_atexit_work)(void) { sink++; }\n"
    "void F(_exit_work)(int c, void *v) { sink += c + !v; }\n"
    "void F(_deep)(void) { free(malloc(SIZE)); int fd = open(PATH, O_WRONLY | O_CREAT, 0600); "
    "close(fd); }\n"
    "__attribute__((constructor)) void F(_begin)(void) { atexit(F(_atexit_work)); "
    "if (ON_EXIT) on_exit(F(_exit_work), 0); }\n"
    "__attribute__((destructor)) void F(_end)(void) { F(_deep)(); }\n"
    "__attribute__((destructor(101))) void F(_end_101)(void) { sink++; }\n"
    "int F(_use)(void) { return sink; }\n";

static const char objects[] =
    "struct Resident { Resident() {} ~Resident() { delete[] new char[4321]; } };\n"
    "extern \"C\" int cxx_use() { return 1; }\nResident resident;\n"
    "thread_local Resident local;\nextern \"C\" void cxx_touch() { (void)&local; }\n";

static const char program[] =
    "#include <dlfcn.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
    "extern \"C\" { int linked_use(void); int cxx_use(void); void cxx_touch(void); }\n"
    "static volatile int sink;\n"
    "struct Owned { ~Owned() { last(); } void last() { sink = sink + 1; } };\nOwned owned;\n"
    "static void at_exit_work() { sink = sink + 1; }\n"
    "int main(int argc, char **argv) {\n"
    "  static Owned inside;\n  atexit(at_exit_work);\n  cxx_touch();\n"
    "  void *kept = dlopen(\"./libkept.so\", RTLD_NOW), *closed = dlopen(\"./libclosed.so\", "
    "RTLD_NOW);\n"
    "  if (!kept || !closed || dlclose(closed) != 0) { puts(dlerror()); return 1; }\n"
    "  return linked_use() + cxx_use() < 0 || argc < 0 || !argv;\n}\n";

static void build(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void build(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    struct outcome run = shell("%s", command);
    ck_assert_msg(run.code == 0, "%s (packages gcc, g++):\n%s", command, run.err);
    outcome_free(&run);
}

static const char *const libraries[] = {"linked", "kept", "closed"};

static void build_libraries(void)
{
    write_file("library.c", library);
    write_file("objects.cc", objects);
    write_file("program.cc", program);
    for (int i = 0; i < 3; i++)
        build("cc -g -fPIC -shared -finstrument-functions -DNAME=%s -DSIZE=%d -DPATH='\"of-%s\"' "
              "-DON_EXIT=%d library.c -o lib%s.so",
              libraries[i], 4000 + i, libraries[i], i < 2, libraries[i]);
    build("c++ -g -fPIC -shared -finstrument-functions objects.cc -o libobjects.so");
    build("c++ -g -finstrument-functions program.cc -o program -L. -llinked -lobjects -Wl,-rpath,. "
          "-ldl");
}

static void check_once(const json_t *events, const char *format, const char *name, int times)
{
    char full[128];
    snprintf(full, sizeof full, format, name);
    ck_assert_msg(named(events, full) == times, "%s: %ld calls in the trace", full,
                  named(events, full));
}

static void check_libraries(const json_t *events, int preloaded_root)
{
    static const char *const functions[] = {"%s_atexit_work", "%s_exit_work", "%s_deep", "%s_end",
                                            "%s_end_101"};
    for (int i = 0; i < 3; i++) {
        char path[32];
        for (size_t k = 0; k < sizeof functions / sizeof functions[0]; k++)
            if (k != 1 || !preloaded_root ||
                i != 0) /* on_exit before our own constructor: too late */
                check_once(events, functions[k], libraries[i], k != 1 || i < 2);
        snprintf(path, sizeof path, "of-%s", libraries[i]);
        ck_assert_uint_eq(
            count_events(events, "{s:s, s:{s:s}}", "name", "open", "args", "path", path), 1);
        ck_assert_uint_eq(
            count_events(events, "{s:s, s:{s:i}}", "name", "malloc", "args", "size", 4000 + i), 1);
    }
    check_once(events, "%s", "Resident::~Resident()", 2);
    check_once(events, "%s", "Owned::~Owned()", 2);
    check_once(events, "%s", "Owned::last()", 2);
    check_once(events, "%s", "at_exit_work()", 1);
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:i}}", "name", "malloc", "args", "size", 4321), 2);
}

START_TEST(h46_destructors_of_libraries_and_objects_are_in_the_trace)
{
    build_libraries();
    struct outcome run =
        _i ? preloaded("VITTE_TRACE_OUT=trace.ndjson ./program") : traced("", "./program");
    assert_fine(&run);
    json_t *events = load_ndjson("trace.ndjson");
    check_libraries(events, _i);
    ck_assert_uint_eq(count_events(events, "{s:s, s:i}", "type", "end", "events_lost", 0), 1);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_endings");
    TCase *cases = tcase_create("endings");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, h44_every_ending_keeps_all_events, 0, ENDINGS);
    tcase_add_loop_test(cases, h44_every_ending_of_a_preloaded_program_too, 0, ENDINGS);
    tcase_add_loop_test(cases, h44_session_says_how_it_ended, 0, ENDINGS);
    tcase_add_loop_test(cases, h46_destructors_of_libraries_and_objects_are_in_the_trace, 0, 2);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
