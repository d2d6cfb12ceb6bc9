/* H17 to H26: the loader's lock, what a thread's start asks for, threads and their locks, churn,
 * names. */
#include "tests/hazards.h"

#include <errno.h>

/* Fails: a tracer that calls dl_iterate_phdr, dladdr or dlsym when a block is full, a name is new
 * or a thread begins (it waits for the loader, which waits for a constructor, which waits for the
 * lock that this thread has); one that takes a lock of its own around dl_iterate_phdr and around
 * events; one whose dlopen wrapper holds such a lock across the real call. */
START_TEST(h17_the_loader_waits_for_nobody_who_waits_for_it)
{
    char command[2 * PATH_MAX];
    snprintf(command, sizeof command, "'%s' '%s'", built_program("instrumented/h17_loader"),
             built_program("libraries/h17_constructor.so"));
    struct outcome run = captured("", command);
    ck_assert_int_gt(book(&run, "loads"), 0);
    ck_assert_int_gt(book(&run, "walks"), 0);
    assert_nothing_lost("x.vtrace");
    json_t *report = look("report", "x.vtrace"), *info = look("info", "x.vtrace");
    ck_assert_int_eq(calls_of(report, "held"), book(&run, "calls"));
    ck_assert_int_eq(calls_of(report, "walked"), book(&run, "walks"));
    ck_assert_int_eq(calls_of(report, "open"), book(&run, "opens"));
    ck_assert_int_eq(number_in(info, "threads"), book(&run, "threads"));
    json_decref(info);
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* Fails: backtrace(), also when it is found by dlsym: its first call loads libgcc_s. So does
 * linking with anything that needs it. */
START_TEST(h18_libgcc_is_not_loaded)
{
    char *undefined =
        lines_of("nm -D -u \"$L\"; strings -a \"$L\"; readelf -dW \"$L\" | grep NEEDED");
    ck_assert_ptr_null(strstr(undefined, "backtrace"));
    ck_assert_ptr_null(strstr(undefined, "_Unwind_"));
    ck_assert_ptr_null(strstr(undefined, "libgcc"));
    free(undefined);
    struct outcome run = captured("", built_program("instrumented/h19_starts"));
    ck_assert_int_eq(book(&run, "libc"), 1); /* it can tell */
    ck_assert_int_eq(book(&run, "libgcc"), 0);
    json_t *report = look("report", "x.vtrace");
    ck_assert_int_eq(calls_of(report, "called"), book(&run, "calls"));
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* Fails: asking for the stack's bounds at a thread's start: pthread_getattr_np reads
 * /proc/self/maps for the main thread, and takes the thread's lock. And anything else that makes a
 * thread's start dearer by a file of /proc. */
START_TEST(h19_threads_start_without_proc)
{
    needs("/usr/bin/strace", "strace");
    char *undefined = lines_of("nm -D -u \"$L\"; strings -a \"$L\"");
    ck_assert_ptr_null(strstr(undefined, "pthread_getattr"));
    ck_assert_ptr_null(strstr(undefined, "self/maps"));
    free(undefined);
    struct outcome run = shell("exec timeout -k 1 60 strace -f -qq -e trace=%%file -o calls "
                               "env LD_PRELOAD='%s' VITTE_TRACE_OUT=trace.ndjson "
                               "ASAN_OPTIONS=detect_leaks=0 " /* nobody can look under strace */
                               "VITTE_TRACE_EVENTS=functions,memory,io,threads '%s'",
                               built_library(), built_program("instrumented/h19_starts"));
    assert_fine(&run);
    struct outcome asked =
        shell("awk '/execve.*vitte-trace/ {exit} 1' calls | grep -c /proc/self/maps; "
              "awk '/mark.first/ {on = 1} /mark.last/ {on = 0} on' calls >between; "
              "grep -c mark.first between; grep -c /proc between; grep -c 'live' between");
    long maps, marks, proc, files;
    ck_assert_int_eq(sscanf(asked.out, "%ld %ld %ld %ld", &maps, &marks, &proc, &files), 4);
    ck_assert_int_eq(maps, 2); /* the program's own */
    ck_assert_int_eq(marks, 1);
    ck_assert_int_eq(proc, 0);
    ck_assert_int_gt(files, 0); /* what a thread's start does ask for is there to be seen */
    json_t *events = load_ndjson("trace.ndjson");
    ck_assert_int_eq((long)count_events(events, "{s:s}", "type", "thread"), book(&run, "threads"));
    json_decref(events);
    outcome_free(&asked);
    outcome_free(&run);
}
END_TEST

/* Fails: a wrapper of open, read or close that allocates (or builds a thread's state with malloc at
 * its first event): the allocator is in the middle of its own call. */
START_TEST(h20_an_allocator_that_opens_files_under_its_lock)
{
    static const char *const captures[] = {"io", "memory,io", "all"};
    struct outcome run = preloaded_beside(built_program("libraries/h20_allocator.so"), captures[_i],
                                          built_program("programs/h20_allocates"));
    ck_assert_int_gt(book(&run, "opens"), 400);
    json_t *events = load_ndjson("trace.ndjson");
    /* those of the constructors before ours, and of what comes behind the book, are not counted */
    long opens =
        (long)count_events(events, "{s:s, s:{s:s}}", "name", "open", "args", "path", "/dev/zero");
    ck_assert_int_ge(opens, book(&run, "opens") - 1);
    ck_assert_int_le(opens, book(&run, "opens") + 1);
    if (_i > 0)
        ck_assert_int_eq((long)count_events(events, "{s:s, s:{s:i}}", "name", "malloc", "args",
                                            "size", (int)book(&run, "size")),
                         book(&run, "blocks"));
    assert_nothing_lost("vitte-trace-*.vtrace");
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* Fails: a lock that events of several threads take, also one that is only taken when a block is
 * full or a name is new and with all signals blocked: whoever is stopped with it stops the others.
 * Also waiting for another thread's unfinished work, however it is written. */
START_TEST(h21_a_stopped_thread_stops_nobody_else)
{
    /* a sampled thread stops for samples too, which the helper does not look for */
    struct outcome run = captured("--sample 0", built_program("instrumented/h21_stopped"));
    ck_assert_msg(book(&run, "helper") != 10 << 8, "this test needs ptrace");
    ck_assert_int_eq(book(&run, "helper"), 0);
    ck_assert_int_eq(book(&run, "stops"), 20);
    assert_nothing_lost("x.vtrace");
    json_t *report = look("report", "x.vtrace");
    ck_assert_int_eq(calls_of(report, "victim_call"), book(&run, "victim_calls"));
    ck_assert_int_eq(calls_of(report, "other_call"), book(&run, "other_calls"));
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* Fails: an event for every pthread_mutex_lock; and taking the one for contended that was merely
 * slow (a threshold in time). */
START_TEST(h22_waits_are_events_and_free_mutexes_are_not)
{
    char lock[32];
    struct outcome run = captured("", built_program("programs/h22_locks"));
    snprintf(lock, sizeof lock, "0x%lx", (unsigned long)book(&run, "lock"));
    json_t *events = stream("x.vtrace");
    long waits = (long)count_events(events, "{s:s, s:s, s:{s:s}}", "name", "pthread_mutex_lock",
                                    "tag", "lock", "args", "lock", lock);
    long timed = (long)count_events(events, "{s:s, s:{s:s}}", "name", "pthread_mutex_timedlock",
                                    "args", "lock", lock);
    ck_assert_int_eq(waits, book(&run, "waits"));
    ck_assert_int_eq(timed, book(&run, "timed_waits"));
    /* and no other mutex: libc locks its own without us */
    long held = (long)count_events(events, "{s:s}", "name", "lock_held");
    ck_assert_int_eq((long)count_events(events, "{s:s}", "tag", "lock") - held, waits + timed);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* Fails: a thread of the tracer's own, for flushing or sampling. */
START_TEST(h23_there_is_no_helper_thread)
{
    struct outcome alone = shell("'%s'", built_program("instrumented/h23_unshare"));
    assert_fine(&alone);
    ck_assert_int_eq(book(&alone, "threads"), 1);
    ck_assert_int_ne(book(&alone, "unshare"), EINVAL);
    struct outcome run = _i ? captured("", built_program("instrumented/h23_unshare"))
                            : shell("exec env LD_PRELOAD='%s' VITTE_TRACE_KEEP=1 '%s'",
                                    built_library(), built_program("instrumented/h23_unshare"));
    assert_fine(&run);
    ck_assert_str_eq(run.out, alone.out);
    const char *session = _i ? "x.vtrace" : "vitte-trace-*.vtrace";
    assert_nothing_lost(session);
    json_t *report = look("report", session);
    ck_assert_int_eq(calls_of(report, "called"), book(&run, "calls"));
    json_decref(report);
    outcome_free(&alone);
    outcome_free(&run);
}
END_TEST

/* Fails: a file, a mapping or a table's entry for every thread that there ever was, when its end
 * does not give them back. */
START_TEST(h24_ten_thousand_threads_take_no_more_than_a_few)
{
    struct outcome run = captured("", built_program("instrumented/h24_churn"));
    ck_assert_int_lt(book(&run, "grown"), 8 << 10); /* KiB; a block buffer each would be 2.5 GiB */
    struct outcome files = shell("ls x.vtrace | wc -l; du -sk x.vtrace");
    long count, size;
    ck_assert_int_eq(sscanf(files.out, "%ld %ld", &count, &size), 2);
    ck_assert_int_lt(count, 40);
    ck_assert_int_lt(size, 64 << 10);
    assert_nothing_lost("x.vtrace");
    json_t *report = look("report", "x.vtrace"), *info = look("info", "x.vtrace");
    ck_assert_int_eq(number_in(info, "threads"), book(&run, "threads"));
    ck_assert_int_eq(calls_of(report, "called"), book(&run, "calls"));
    ck_assert_int_eq(calls_of(report, "read"), book(&run, "blocks"));
    ck_assert_int_eq(calls_of(report, "pthread_create"), book(&run, "threads") - 1);
    json_decref(report);
    json_decref(info);
    outcome_free(&files);
    outcome_free(&run);
}
END_TEST

/* Fails: an argument on the maker's stack, one that is freed behind the routine (pthread_exit and
 * cancellation never come back there), one that is not freed when there is no thread, and a
 * cancellation point in front of the routine. The tracer's own store of arguments must not run dry
 * either: threads that do nothing are in the trace only when it had one for them. */
START_TEST(h25_arguments_arrive_and_nothing_is_left_of_them)
{
    struct outcome alone = shell("'%s'", built_program("programs/h25_arguments"));
    assert_fine(&alone);
    static const char *const captures[] = {"--events threads", "", "--events threads,memory"};
    struct outcome run = captured(captures[_i], built_program("programs/h25_arguments"));
    ck_assert_int_eq(book(&run, "wrong"), 0);
    ck_assert_int_eq(book(&run, "right"), book(&run, "threads") - 1);
    ck_assert_int_eq(book(&run, "right"), book(&alone, "right"));
    ck_assert_int_eq(book(&run, "refused"), book(&alone, "refused"));
    ck_assert_int_eq(book(&run, "cancelled"), book(&alone, "cancelled"));
    /* 16 bytes for each thread of the last rounds would be 28 KiB */
    ck_assert_int_lt(book(&run, "grown"), book(&alone, "grown") + 4096);
    json_t *info = look("info", "x.vtrace");
    ck_assert_int_eq(number_in(info, "threads"), book(&run, "threads"));
    json_decref(info);
    outcome_free(&alone);
    outcome_free(&run);
}
END_TEST

/* Fails: names by pthread_t without a look at who has it now (the last thread is called as the next
 * one, or the next as the last), and asking the kernel once, when the thread begins. */
START_TEST(h26_every_thread_has_its_own_name)
{
    struct outcome run = captured("", built_program("programs/h26_names"));
    ck_assert_int_lt(book(&run, "handles"), book(&run, "threads") / 2); /* they are used again */
    json_t *events = stream("x.vtrace"), *event;
    const char *name = "";
    long right = 0;
    size_t i;
    json_array_foreach(events, i, event)
    {
        if (strcmp(json_string_value(json_object_get(event, "type")), "thread") == 0)
            name = json_string_value(json_object_get(event, "name"));
        const char *call = json_string_value(json_object_get(event, "name"));
        if (!call || strcmp(call, "open") != 0)
            continue;
        const char *path =
            json_string_value(json_object_get(json_object_get(event, "args"), "path"));
        ck_assert_msg(strcmp(path, name) == 0, "the thread that is called \"%s\" is \"%s\"", name,
                      path);
        right++;
    }
    ck_assert_int_eq(right, book(&run, "threads"));
    json_array_foreach(events, i, event) /* and who is joined is the one who had the handle */
    {
        if (strcmp(json_string_value(json_object_get(event, "type")), "thread") == 0 &&
            number_in(event, "index") > 0)
            ck_assert_uint_eq(count_events(events, "{s:s, s:{s:i}}", "name", "pthread_join", "args",
                                           "thread", (int)number_in(event, "tid")),
                              1);
    }
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_threads");
    TCase *threads = tcase_create("threads");
    tcase_add_checked_fixture(threads, enter_folder, leave_folder);
    tcase_set_timeout(threads, 120);
    tcase_add_test(threads, h17_the_loader_waits_for_nobody_who_waits_for_it);
    tcase_add_test(threads, h18_libgcc_is_not_loaded);
    tcase_add_test(threads, h19_threads_start_without_proc);
    tcase_add_loop_test(threads, h20_an_allocator_that_opens_files_under_its_lock, 0, 3);
    tcase_add_test(threads, h21_a_stopped_thread_stops_nobody_else);
    tcase_add_test(threads, h22_waits_are_events_and_free_mutexes_are_not);
    tcase_add_loop_test(threads, h23_there_is_no_helper_thread, 0, 2);
    tcase_add_test(threads, h24_ten_thousand_threads_take_no_more_than_a_few);
    tcase_add_loop_test(threads, h25_arguments_arrive_and_nothing_is_left_of_them, 0, 3);
    tcase_add_test(threads, h26_every_thread_has_its_own_name);
    suite_add_tcase(suite, threads);
    return run_suite(suite);
}
