/* H56: the loader looks at who calls dlopen: a library's RUNPATH, its $ORIGIN and its namespace
 * count for what it loads. A tracer that stands between them changes the answer. */
#include "tests/hazards.h"
#include "tests/sources.h"

#include <sys/stat.h>
#include <unistd.h>

/* A tree of libraries that find each other only by their own RUNPATHs: the program loads
 * plugins/outer.so, which loads "inner.so" of plugins/private; there is another inner.so, and a
 * wrong one, where the program's own RUNPATH would look. inner.so's constructor allocates, and its
 * function is called through outer.so. */
static const char outer[] =
    "#include <dlfcn.h>\n#include <stdio.h>\n"
    "int outer_use(void) {\n"
    "  void *inner = dlopen(\"inner.so\", RTLD_NOW | RTLD_LOCAL);\n"
    "  if (!inner) { puts(dlerror()); return -1; }\n"
    "  int (*use)(void) = (int (*)(void))dlsym(inner, \"inner_use\");\n"
    "  return use ? use() : -2; }\n"
    "int outer_new(void) {\n"
    "  void *inner = dlmopen(LM_ID_NEWLM, \"inner.so\", RTLD_NOW | RTLD_LOCAL);\n"
    "  if (!inner) { puts(dlerror()); return -1; }\n"
    "  int (*use)(void) = (int (*)(void))dlsym(inner, \"inner_use\");\n"
    "  return use ? use() : -2; }\n";

static const char inner[] =
    "#include <stdlib.h>\nstatic void *block;\n"
    "__attribute__((constructor)) static void begins(void) { block = malloc(54321); }\n"
    "__attribute__((destructor)) static void ends(void) { free(block); }\n"
    "int inner_use(void) { return NUMBER; }\n";

static const char program[] =
    "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdio.h>\n#include <string.h>\n"
    "int main(int c, char **v) {\n"
    "  void *outer = dlopen(\"outer.so\", RTLD_NOW);\n"
    "  if (!outer) { puts(dlerror()); return 1; }\n"
    "  int (*use)(void) = (int (*)(void))dlsym(outer, v[1]);\n"
    "  if (dlopen(\"no-such-library.so\", RTLD_NOW)) return 2;\n"
    "  const char *why = dlerror();\n"
    "  printf(\"answer %d\\nerror %d\\nself %d\\n\", use(), why && strstr(why, "
    "\"no-such-library.so\"), dlopen(0, RTLD_NOW) != 0);\n"
    "  return 0; }\n";

static void build_tree(void)
{
    ck_assert_int_eq(mkdir("plugins", 0700), 0);
    ck_assert_int_eq(mkdir("plugins/private", 0700), 0);
    write_file("outer.c", outer);
    write_file("inner.c", inner);
    write_file("program.c", program);
    build("gcc", "cc -w -D_GNU_SOURCE -g -fPIC -shared -o plugins/outer.so outer.c "
                 "-Wl,--enable-new-dtags,-rpath,'$ORIGIN/private' -ldl");
    build("gcc", "cc -w -g -finstrument-functions -fPIC -shared -DNUMBER=56 -o "
                 "plugins/private/inner.so inner.c");
    build("gcc", "cc -w -g -fPIC -shared -DNUMBER=1 -o plugins/inner.so inner.c");
    build("gcc", "cc -w -g -o program program.c "
                 "-Wl,--enable-new-dtags,-rpath,'$ORIGIN/plugins' -ldl");
}

/* Fails: any function of ours between dlopen and who calls it, also one whose call is not the last
 * thing that it does: "inner.so" is then looked for from the tracer's library, and is not found. */
START_TEST(h56_a_library_s_own_runpath_counts)
{
    build_tree();
    struct outcome alone = shell("exec timeout -k 1 30 ./program outer_use");
    ck_assert_int_eq(book(&alone, "answer"), 56); /* the tree is as it should be */
    struct outcome run =
        _i ? shell(
                 "exec timeout -k 1 30 env LD_PRELOAD='%s' VITTE_TRACE_OUT=trace.ndjson ./program "
                 "outer_use",
                 built_library())
           : traced("", "./program outer_use");
    assert_fine(&run);
    ck_assert_str_eq(run.out, alone.out);
    json_t *events = load_ndjson("trace.ndjson");
    static const char *const paths[] = {"outer.so", "inner.so", "no-such-library.so"};
    for (int i = 0; i < 3; i++)
        ck_assert_msg(
            count_events(events, "{s:s, s:{s:s}}", "name", "dlopen", "args", "path", paths[i]) == 1,
            "no dlopen of %s in the trace", paths[i]);
    ck_assert_int_eq(named(events, "dlopen"), 3); /* dlopen(NULL) loads nothing */
    /* it came with dlopen, and its functions and allocations are known all the same */
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "name", "inner_use", "tag", "function"),
                      1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "name", "begins", "tag", "function"), 1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:s}", "name", "ends", "tag", "function"), 1);
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:i}}", "name", "malloc", "args", "size", 54321), 1);
    json_decref(events);
    outcome_free(&run);
    outcome_free(&alone);
}
END_TEST

START_TEST(h56_dlmopen_too)
{
    build_tree();
    struct outcome alone = shell("exec timeout -k 1 30 ./program outer_new");
    ck_assert_int_eq(book(&alone, "answer"), 56);
    struct outcome run = traced("", "./program outer_new");
    assert_fine(&run);
    ck_assert_str_eq(run.out, alone.out);
    json_t *events = load_ndjson("trace.ndjson");
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:s}}", "name", "dlopen", "args", "path", "inner.so"), 1);
    ck_assert_int_eq(named(events, "inner_use"), 0); /* another namespace: it has no tracer */
    json_decref(events);
    outcome_free(&run);
    outcome_free(&alone);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_loader");
    TCase *cases = tcase_create("loader");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, h56_a_library_s_own_runpath_counts, 0, 2);
    tcase_add_test(cases, h56_dlmopen_too);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
