/* H01 to H08: how the library finds what it stands in front of, and whom it shares the process
 * with. The targets bring a dlsym of their own (programs/lookup.h), so that other libcs can be
 * acted out. */
#include "tests/hazards.h"

START_TEST(h01_dlsym_recursion_is_served_from_the_early_arena)
{
    struct outcome run = captured("--events memory", built_program("programs/lookup_allocates"));
    json_t *events = stream("x.vtrace");
    ck_assert_int_gt(book(&run, "lookups"), 20);
    ck_assert_int_eq(book(&run, "kept"), 24);
    ck_assert_int_eq(book(&run, "wrong"), 0);
    /* early blocks that grew became blocks of the real allocator; those that did not are not its
     * business */
    ck_assert_int_eq(named(events, "realloc"), book(&run, "reallocated"));
    ck_assert_int_eq(named(events, "free"), book(&run, "reallocated"));
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(h02_everything_is_looked_up_before_main)
{
    struct outcome run = captured("", built_program("programs/lookup_counts"));
    json_t *events = stream("x.vtrace");
    ck_assert_int_gt(book(&run, "lookups_before_main"), 20);
    ck_assert_int_eq(book(&run, "lookups_later"), 0);
    ck_assert_int_eq(named(events, "creat"), 2); /* its calls were traced all the same */
    ck_assert_int_eq(named(events, "pthread_cond_timedwait"), 2);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(h03_calls_before_the_constructor_pass_through)
{
    struct outcome run = preloaded_beside("", "all", built_program("programs/before_main"));
    ck_assert_int_eq(book(&run, "environment_readable"), 0);
    ck_assert_int_eq(book(&run, "wrong"), 0);
    json_t *report = look("report --memory", "vitte-trace-*.vtrace");
    json_t *heap = json_array_get(json_object_get(report, "memory"), 0);
    ck_assert_int_eq(number_in(heap, "allocations"), book(&run, "later"));
    ck_assert_int_eq(number_in(heap, "frees"), book(&run, "later") + book(&run, "kept"));
    ck_assert_int_eq(number_in(heap, "unknown_frees"), book(&run, "kept"));
    json_decref(report);
    outcome_free(&run);
}
END_TEST

START_TEST(h04_nothing_is_built_or_registered_inside_malloc)
{
    struct outcome run = preloaded_beside("", "all", built_program("programs/before_main"));
    ck_assert_int_eq(book(&run, "session_early"), 0);
    ck_assert_int_eq(book(&run, "session_in_main"), 1);
    ck_assert_int_eq(book(&run, "registered_early"), 0);
    ck_assert_int_gt(book(&run, "registered"), 0);
    outcome_free(&run);
}
END_TEST

START_TEST(h05_condition_variables_keep_their_layout)
{
    struct outcome run = captured("--events locks", built_program("programs/old_conditions"));
    static const char *const ones[] = {"timed", "refused", "monotonic", "held"};
    json_t *events = stream("x.vtrace");
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++)
        ck_assert_msg(book(&run, ones[i]) == 1, "%s: %s", ones[i], run.out);
    ck_assert_int_eq(book(&run, "turns"), 1000);
    ck_assert_int_eq(book(&run, "touched"), 0);
    ck_assert_int_gt(book(&run, "old_versions"), 0); /* they were offered */
    ck_assert_int_eq(named(events, "pthread_cond_wait"), book(&run, "waits"));
    ck_assert_int_eq(named(events, "pthread_cond_timedwait"), book(&run, "timed_waits"));
    ck_assert_uint_eq(count_events(events, "{s:s, s:{s:s}}", "name", "pthread_cond_timedwait",
                                   "args", "error", "ETIMEDOUT"),
                      2);
    ck_assert_uint_eq(count_events(events, "{s:s, s:{s:s}}", "name", "pthread_cond_timedwait",
                                   "args", "error", "EINVAL"),
                      1);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(h06_exports_are_those_of_the_map_and_have_no_version)
{
    char *exported = lines_of("nm -D --defined-only \"$L\" | awk '{print $3}'");
    ck_assert_ptr_null(strchr(exported, '@'));
    ck_assert_ptr_nonnull(strstr(exported, "\npthread_create\n"));
    /* the names of the map; of its vt_*, what the public header has */
    char *wanted = lines_of("tr ';{' '\\n\\n' <\"${L%/*}/exports.map\" | sed 's/ //g' |"
                            " grep -E '^[A-Za-z_0-9]+$';"
                            " nm -D --defined-only \"$L\" |"
                            " awk '$3 ~ /^vt_library_/ {print $3}'");
    ck_assert_str_eq(exported, wanted);
    free(exported);
    free(wanted);
}
END_TEST

START_TEST(h06_callers_of_an_old_version_are_seen_too)
{
    struct outcome run = captured("--events threads", built_program("programs/old_caller"));
    json_t *events = stream("x.vtrace");
    ck_assert_int_eq(book(&run, "created"), 2);
    ck_assert_int_eq(named(events, "pthread_create"), 2);
    ck_assert_uint_eq(count_events(events, "{s:s}", "type", "thread"), 3);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(h07_missing_functions_fail_with_enosys)
{
    struct outcome run = captured("", built_program("programs/missing_calls"));
    ck_assert_int_eq(book(&run, "hidden"), 21);
    ck_assert_int_eq(book(&run, "refused"), 20);
    ck_assert_int_eq(book(&run, "wrong"), 0);
    json_t *events = stream("x.vtrace");
    ck_assert_uint_eq(
        count_events(events, "{s:s, s:{s:s}}", "name", "creat", "args", "error", "ENOSYS"), 1);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* What libc may be asked for: strings, the loader, the end of the process, the thread's identity
 * and cancellation, what a stream or folder knows of itself. No I/O, no allocation, no lock, no
 * clock: another preload may have replaced those. */
static const char allowed[] =
    " _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable __cxa_finalize"
    " __cxa_at_quick_exit on_exit environ __environ __errno_location"
    " dl_iterate_phdr _dl_find_object dladdr dladdr1 dlsym dlvsym getauxval"
    " pthread_self pthread_key_create pthread_setspecific pthread_testcancel"
    " fileno dirfd feof_unlocked stdout"
    " __asan_init __tsan_init __msan_init" /* weak: whether a sanitizer is there */
    " memchr memcmp memcpy memmove memset"
    " strchr strcmp strcpy strcspn strlen strncmp strnlen strrchr strspn strstr ";

START_TEST(h08_the_library_asks_libc_for_nothing_that_others_replace)
{
    char word[256];
    char *undefined = lines_of("nm -D -u \"$L\" | awk '{sub(/@.*/, \"\", $2); print $2}'");
    ck_assert_ptr_nonnull(strstr(undefined, "dlsym\n"));
    for (char *name = strtok(undefined, "\n"); name; name = strtok(NULL, "\n")) {
        snprintf(word, sizeof word, " %s ", name);
        ck_assert_msg(strstr(allowed, word) != NULL, "the library needs %s of libc", name);
    }
    free(undefined);
    char *needed = lines_of("readelf -dW \"$L\" | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p'");
    ck_assert_str_eq(needed, "libc.so.6\n");
    free(needed);
}
END_TEST

/* ---- H08: the neighbours ---- */

/* Calls that programs/every_family makes; the sizes tell its blocks from those of its neighbours.
 */
static const struct {
    const char *name;
    int size;
} calls[] = {{"openat", 0},         {"dup", 0},       {"read", 7},       {"pread", 5},
             {"write", 3},          {"close", 0},     {"fork", 0},       {"pthread_join", 0},
             {"pthread_create", 0}, {"malloc", 1001}, {"realloc", 2002}, {"posix_memalign", 1003}};
enum { CALLS = sizeof calls / sizeof calls[0], MEMORY_CALLS = 3 };

static void check_traced(const json_t *events, size_t call, long made)
{
    const char *name = calls[call].name;
    size_t traced = calls[call].size ? count_events(events, "{s:s, s:{s:i}}", "name", name, "args",
                                                    "size", calls[call].size)
                                     : count_events(events, "{s:s}", "name", name);
    ck_assert_msg((long)traced == made, "%s: %ld made, %zu traced", name, made, traced);
}

/* Runs a command between `before` and `after` (shell text) with two preloads, ours at place `ours`.
 */
static struct outcome with_neighbour(const char *neighbour, int ours, const char *before,
                                     const char *command, const char *after)
{
    const char *list[2] = {neighbour, neighbour};
    list[ours] = built_library();
    return shell("%s timeout -k 1 40 env LD_PRELOAD='%s:%s' VITTE_TRACE_OUT=trace.ndjson %s;"
                 " code=$?; %s exit $code",
                 before, list[0], list[1], command, after);
}

START_TEST(h08_every_call_passes_once_through_a_neighbour)
{
    struct outcome run = with_neighbour(built_program("libraries/counting.so"), _i, "",
                                        built_program("programs/every_family"), "");
    char key[64];
    assert_fine(&run);
    json_t *events = load_ndjson("trace.ndjson");
    for (size_t i = 0; i < CALLS; i++) {
        snprintf(key, sizeof key, "passed_%s", calls[i].name);
        long passed = book(&run, key), made = book(&run, calls[i].name);
        check_traced(events, i, made);
        /* the loader allocates too, before the trace begins */
        ck_assert_msg(i < CALLS - MEMORY_CALLS ? passed == made : passed >= made,
                      "%s: %ld made, %ld passed", calls[i].name, made, passed);
    }
    ck_assert_int_eq(book(&run, "passed_pthread_cond_timedwait"),
                     book(&run, "pthread_cond_timedwait"));
    if (_i == 1) /* it came first: what the program did not call it must not see */
        ck_assert_int_eq(book(&run, "passed_pthread_mutex_trylock"), 0);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

static const struct neighbour {
    const char *package, *library, *tool;
    const char *before, *after; /* shell text around the command */
    const char *proof, *out,
        *err; /* a command, and what it says when the neighbour does its work */
    int allocates;
} neighbours[] = {
    {"fakeroot", "/usr/lib/*/libfakeroot/libfakeroot-sysv.so", "/usr/bin/faked-sysv",
     "key=$(faked-sysv); export FAKEROOTKEY=${key%%:*};", "kill ${key##*:};",
     "sh -c 'touch f; chown 12:34 f; stat -c %u:%g f'", "12:34\n", "", 0},
    {"libfaketime", "/usr/lib/*/faketime/libfaketimeMT.so.1", NULL,
     "export FAKETIME='2001-02-03 04:05:06';", "", "date +%Y-%m", "2001-02\n", "", 0},
    {"libjemalloc2", "/usr/lib/*/libjemalloc.so.2", NULL, "export MALLOC_CONF=stats_print:true;",
     "", "awk 'BEGIN {print 5}'", "5\n", "jemalloc statistics", 1},
};
enum { NEIGHBOURS = sizeof neighbours / sizeof neighbours[0] };

static const char *library_of(const struct neighbour *neighbour)
{
    if (neighbour->tool)
        needs(neighbour->tool, neighbour->package);
    return needs(neighbour->library, neighbour->package);
}

/* Real time now, in nanoseconds. */
static json_int_t now(void)
{
    struct outcome run = shell("date +%%s%%N");
    json_int_t nsec = strtoll(run.out, NULL, 10);
    outcome_free(&run);
    return nsec;
}

START_TEST(h08_real_neighbours_in_either_order)
{
    const struct neighbour *neighbour = &neighbours[_i / 2];
    const char *library = library_of(neighbour);
    int ours = _i % 2;
    json_int_t before = now();
    struct outcome run = with_neighbour(library, ours, neighbour->before,
                                        built_program("programs/every_family"), neighbour->after);
    ck_assert_msg(run.code == 0, "%s: %d\n%s", neighbour->package, run.code, run.err);
    json_t *events = load_ndjson("trace.ndjson");
    int hidden = ours == 1 && neighbour->allocates ? MEMORY_CALLS : 0; /* H50 */
    for (size_t i = 0; i < CALLS; i++)
        check_traced(events, i, i < (size_t)(CALLS - hidden) ? book(&run, calls[i].name) : 0);
    json_t *session = find_event(events, "{s:s}", "type", "session");
    json_int_t start = json_integer_value(json_object_get(session, "start_realtime_ns"));
    ck_assert(before <= start && start <= now());
    json_decref(events);
    outcome_free(&run);
}
END_TEST

START_TEST(h08_neighbours_still_do_their_work)
{
    const struct neighbour *neighbour = &neighbours[_i / 2];
    const char *library = library_of(neighbour);
    struct outcome run =
        with_neighbour(library, _i % 2, neighbour->before, neighbour->proof, neighbour->after);
    ck_assert_int_eq(run.code, 0);
    ck_assert_msg(strstr(run.out, neighbour->out) && strstr(run.err, neighbour->err),
                  "%s does not do its work:\n%s%s", neighbour->package, run.out, run.err);
    json_t *events = load_ndjson("trace.ndjson");
    ck_assert_ptr_nonnull(find_event(events, "{s:s}", "type", "process"));
    ck_assert_ptr_nonnull(find_event(events, "{s:s, s:i}", "type", "end", "events_lost", 0));
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_start");
    TCase *cases = tcase_create("start");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, h01_dlsym_recursion_is_served_from_the_early_arena);
    tcase_add_test(cases, h02_everything_is_looked_up_before_main);
    tcase_add_test(cases, h03_calls_before_the_constructor_pass_through);
    tcase_add_test(cases, h04_nothing_is_built_or_registered_inside_malloc);
    tcase_add_test(cases, h05_condition_variables_keep_their_layout);
    tcase_add_test(cases, h06_exports_are_those_of_the_map_and_have_no_version);
    tcase_add_test(cases, h06_callers_of_an_old_version_are_seen_too);
    tcase_add_test(cases, h07_missing_functions_fail_with_enosys);
    tcase_add_test(cases, h08_the_library_asks_libc_for_nothing_that_others_replace);
    tcase_add_loop_test(cases, h08_every_call_passes_once_through_a_neighbour, 0, 2);
    tcase_add_loop_test(cases, h08_real_neighbours_in_either_order, 0, 2 * NEIGHBOURS);
    tcase_add_loop_test(cases, h08_neighbours_still_do_their_work, 0, 2 * NEIGHBOURS);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
