/* CPU samples and the stacks of calls, against programs that keep their own books. */
#include "tests/hazards.h"

#include <math.h>
#include <unistd.h>

/* Folded stacks of x.vtrace by a weight. */
static char *folded(const char *weight)
{
    struct outcome run =
        shell("'%s' export -q -f folded --weight %s -o - x.vtrace", built_command(), weight);
    assert_fine(&run);
    char *text = strdup(run.out);
    outcome_free(&run);
    return text;
}

/* Sum of the weights of the stacks whose text up to the weight contains `part`. */
static double weight_of(const char *stacks, const char *part)
{
    double sum = 0;
    for (const char *line = stacks; *line; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *space = end;
        while (*space != ' ')
            space--;
        const char *found = strstr(line, part);
        if (found && found + strlen(part) <= space)
            sum += atof(space + 1);
    }
    return sum;
}

static long samples_in_session(void)
{
    json_t *info = look("info", "x.vtrace");
    ck_assert_int_eq(number_in(info, "events_lost"), 0);
    const json_t *events = json_object_get(info, "events");
    long samples = json_object_get(events, "sample") ? number_in(events, "sample") : 0;
    json_decref(info);
    return samples;
}

/* Each function's share is what the program measured, within five standard errors of so many
 * samples (chance passes that once in a million); all of them together are the CPU time that it
 * had, within a hundredth. */
static void check_burns(const char *arguments)
{
    static const char *const names[] = {"burn_60", "burn_30", "burn_10"};
    char command[512], part[32];
    snprintf(command, sizeof command, "%s %s", built_program("programs/burns"), arguments);
    struct outcome run = captured("--sample 1000", command);
    char *stacks = folded("samples");
    double samples = (double)samples_in_session(), whole = (double)book(&run, "cpu_usec");
    ck_assert_double_ge(samples, 10);
    ck_assert_double_le(fabs(weight_of(stacks, "") / 1e3 - whole), whole / 100 + 20000);
    for (int i = 0; i < 3; i++) {
        double share = (double)book(&run, names[i]) / whole;
        double error = 5 * sqrt(share * (1 - share) / samples) + 1 / samples;
        snprintf(part, sizeof part, ";%s", names[i]);
        double seen = weight_of(stacks, part) / 1e3 / whole;
        ck_assert_msg(fabs(seen - share) <= error, "%s: %.4f of %.0f samples, really %.4f",
                      names[i], seen, samples, share);
    }
    /* the whole way, from where the thread began */
    ck_assert_double_eq(weight_of(stacks, ";burn_thread;burn;burn_60"),
                        weight_of(stacks, ";burn_60"));
    free(stacks);
    outcome_free(&run);
}

static const char *const burns[] = {"2", "0.7 3", "1 fork"};

START_TEST(samples_are_where_the_time_goes)
{
    check_burns(burns[_i]);
}
END_TEST

START_TEST(a_thread_that_blocks_every_signal_is_sampled_and_does_not_notice)
{
    char command[512];
    snprintf(command, sizeof command, "%s masks", built_program("programs/signals_kept"));
    struct outcome run = captured("--sample 1000", command);
    ck_assert_int_eq(book(&run, "was_blocked"), 0);
    ck_assert_int_eq(book(&run, "is_blocked"), 1);
    ck_assert_int_eq(book(&run, "stayed_blocked"), 1);
    char *stacks = folded("samples");
    ck_assert_double_ge(weight_of(stacks, ";block_all;compute"), 0.9 * 0.5e9);
    free(stacks);
    outcome_free(&run);
}
END_TEST

/* Needs a kernel that lets such timers expire on the way out (5.11 and newer). */
START_TEST(no_call_is_interrupted_by_a_sample)
{
    char command[512];
    snprintf(command, sizeof command, "%s polls", built_program("programs/signals_kept"));
    struct outcome run = captured("--sample 1000", command);
    ck_assert_int_eq(book(&run, "polled"), 1);
    ck_assert_int_eq(book(&run, "interrupted"), 0);
    ck_assert_int_ge(samples_in_session(), 3);
    outcome_free(&run);
}
END_TEST

START_TEST(a_program_that_wants_the_signal_has_it)
{
    char command[512];
    snprintf(command, sizeof command, "%s takes", built_program("programs/signals_kept"));
    struct outcome run = captured("--sample 1000", command);
    ck_assert_int_eq(book(&run, "was_default"), 1);
    ck_assert_int_eq(book(&run, "still_default"), 1);
    ck_assert_int_eq(book(&run, "foreign"), 0);
    ck_assert_int_eq(book(&run, "own"), 1);
    ck_assert_int_eq(book(&run, "is_mine"), 1);
    ck_assert_int_gt(samples_in_session(), 0); /* until then */
    struct outcome info = shell("'%s' info x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(info.out, "were not sampled"));
    outcome_free(&info);
    outcome_free(&run);
}
END_TEST

START_TEST(a_program_that_resets_the_signal_is_still_sampled)
{
    char command[512];
    snprintf(command, sizeof command, "%s resets", built_program("programs/signals_kept"));
    struct outcome run = captured("--sample 1000", command);
    ck_assert_int_eq(book(&run, "was_default"), 1);
    ck_assert_int_eq(book(&run, "is_default"), 1);
    ck_assert_int_ge(samples_in_session(), 3);
    struct outcome info = shell("'%s' info x.vtrace", built_command());
    ck_assert_ptr_null(strstr(info.out, "were not sampled"));
    outcome_free(&info);
    outcome_free(&run);
}
END_TEST

/* signals_kept, as long as it says. */
static struct outcome kept(const char *what)
{
    char command[512];
    snprintf(command, sizeof command, "%s %s", built_program("programs/signals_kept"), what);
    return captured("--sample 10000 --stacks", command);
}

START_TEST(strict_c_takes_the_signal_too)
{
    struct outcome run = kept("strict");
    ck_assert_int_eq(book(&run, "was_default"), 1);
    ck_assert_int_eq(book(&run, "foreign"), 0);
    ck_assert_int_eq(book(&run, "own"), 1);
    outcome_free(&run);
}
END_TEST

/* Also in threads that begin with all signals blocked. */
START_TEST(who_waits_for_all_signals_is_not_given_the_sampler_s)
{
    struct outcome run = kept("waits");
    ck_assert_int_eq(book(&run, "foreign"), 0);
    ck_assert_int_eq(book(&run, "inherited"), 2);
    ck_assert_int_ge(samples_in_session(), 5);
    outcome_free(&run);
}
END_TEST

START_TEST(the_signal_reaches_who_waits_when_somebody_sends_it)
{
    struct outcome run = kept("sends");
    ck_assert_int_eq(book(&run, "waited_for"), 53);
    ck_assert_int_eq(book(&run, "value"), 7);
    outcome_free(&run);
}
END_TEST

/* Nor a handler on it: there is room for one signal's frame, with luck. */
START_TEST(no_sample_overflows_an_alternative_stack)
{
    static const char *const sizes[] = {"stacks 2048", "stacks 4096", "stacks 8192"};
    struct outcome run = kept(sizes[_i]);
    ck_assert_int_eq(book(&run, "changed"), 0);
    if (_i == 2) {
        ck_assert_int_eq(book(&run, "mask_changed"), 0);
        ck_assert_int_ge(samples_in_session(), 3);
    }
    outcome_free(&run);
}
END_TEST

/* On what stack a handler runs says nothing about whom it interrupted. */
START_TEST(walks_that_handlers_on_other_stacks_interrupt_are_left_alone)
{
    struct outcome run = kept("nests");
    ck_assert_int_gt(book(&run, "nested"), 100);
    char *calls = folded("calls");
    ck_assert_double_eq(weight_of(calls, ";descend"), 150000 + (double)book(&run, "nested"));
    free(calls);
    outcome_free(&run);
}
END_TEST

/* Of an instrumented program at most what each thread computed before its first function. */
START_TEST(auto_samples_what_is_not_instrumented)
{
    struct outcome run = captured("", built_program("instrumented/fib"));
    ck_assert_int_le(samples_in_session(), 2);
    outcome_free(&run);
    ck_assert_int_eq(system("rm -r x.vtrace"), 0);
    char command[512];
    snprintf(command, sizeof command, "%s 0.3", built_program("programs/burns"));
    run = captured("", command);
    ck_assert_int_ge(samples_in_session(), 3);
    outcome_free(&run);
    ck_assert_int_eq(system("rm -r x.vtrace"), 0);
    run = captured("--sample 0", command);
    ck_assert_int_eq(samples_in_session(), 0);
    outcome_free(&run);
}
END_TEST

/* It would stop at every sample. */
START_TEST(a_program_in_a_debugger_is_not_sampled)
{
    needs("/usr/bin/gdb", "gdb");
    char command[512];
    snprintf(command, sizeof command, "gdb -batch -ex run --args %s 0.5",
             built_program("programs/burns"));
    struct outcome run = shell("exec timeout -k 1 100 '%s' record -q --sample 1000 -o x.vtrace -- "
                               "%s",
                               built_command(), command);
    ck_assert_int_eq(run.code, 0);
    ck_assert_ptr_nonnull(strstr(run.out, "exited normally"));
    ck_assert_ptr_null(strstr(run.out, "received signal"));
    struct outcome info = shell("'%s' info x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(info.out, "were not sampled"));
    outcome_free(&info);
    outcome_free(&run);
}
END_TEST

/* What threads did on a processor, and what they waited for, adds up to how long they lived. */
START_TEST(on_and_off_the_processor_is_all_there_is)
{
    char command[512];
    snprintf(command, sizeof command, "%s 0.3 3", built_program("programs/burns"));
    struct outcome run = captured("--sample 1000 --stacks", command);
    json_t *report = look("report --threads", "x.vtrace"), *row;
    double lived = 0, computed = 0, waited = 0;
    size_t i;
    json_array_foreach(json_object_get(report, "threads"), i, row)
    {
        lived += (double)number_in(row, "lived");
        computed += (double)number_in(row, "cpu");
        waited += (double)number_in(row, "waited");
    }
    char *wall = folded("wall");
    ck_assert_double_ge(computed, 0.9e9);
    ck_assert_double_gt(waited, 0.29e9); /* main, for the others */
    ck_assert_double_le(fabs(weight_of(wall, "") - lived), lived / 1000);
    ck_assert_double_le(fabs(weight_of(wall, ";pthread_join") - waited), waited / 100);
    ck_assert_double_le(fabs(weight_of(wall, "") - weight_of(wall, "[not running]") -
                             weight_of(wall, ";pthread_join") - computed),
                        lived / 100);
    free(wall);
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* ---- samples in a storm ---- */

/* Who calls each function of sample_storm. */
static const struct {
    const char *function, *caller;
} callers[] = {{"spin_in_plugin", "from_plugin"},
               {"from_plugin", "plugin_inner"},
               {"plugin_inner", "plugin_work"},
               {"plugin_work", "act_load"},
               {"act_load", "storm"},
               {"throw_deepest", "throw_deeper"},
               {"throw_deeper", "throw_deep"},
               {"throw_deep", "act_throw"},
               {"act_throw", "storm"},
               {"in_child", "act_fork"},
               {"act_fork", "storm"},
               {"allocate_some", "act_allocate"},
               {"act_allocate", "storm"}};

/* The caller that a function must have; NULL: any. */
static const char *caller_of(const char *function, size_t length)
{
    for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++)
        if (strlen(callers[i].function) == length &&
            strncmp(function, callers[i].function, length) == 0)
            return callers[i].caller;
    return NULL;
}

/* Each frame of "process;outer;…;inner WEIGHT" stands behind one that may be its caller. */
static void check_frames(const char *line)
{
    const char *before = line, *at = line + strcspn(line, ";");
    for (size_t length; *at == ';'; before = at + 1, at += 1 + length) {
        length = strcspn(at + 1, "; \n");
        const char *caller = caller_of(at + 1, length);
        /* the outermost of a stack that was cut has nobody */
        int is_right = !caller || before == line || *before == '[' ||
                       strncmp(before, caller, strlen(caller)) == 0;
        ck_assert_msg(is_right, "a wrong frame: %.*s", (int)strcspn(line, "\n"), line);
    }
}

/* STORM_SECONDS makes it longer (make soak). */
START_TEST(h29_no_frame_is_wrong_and_nothing_hangs_in_a_storm)
{
    char command[1024];
    const char *seconds = getenv("STORM_SECONDS");
    snprintf(command, sizeof command, "%s %s %s", built_program("programs/sample_storm"),
             built_program("libraries/plugin.so"), seconds ? seconds : "4");
    struct outcome run = captured("--sample 1000 --stacks=memory", command);
    ck_assert_int_gt(book(&run, "loads"), 0);
    ck_assert_int_gt(book(&run, "throws"), 0);
    ck_assert_int_gt(book(&run, "forks"), 0);
    char *samples = folded("samples"), *calls = folded("calls");
    double storming = weight_of(samples, ";storm;"), whole = weight_of(samples, "");
    ck_assert_double_gt(storming, 0.5 * whole);
    for (const char *line = samples; *line; line = strchr(line, '\n') + 1)
        check_frames(line);
    for (const char *line = calls; *line; line = strchr(line, '\n') + 1)
        check_frames(line);
    ck_assert_double_eq(weight_of(calls, ";storm;act_allocate;allocate_some;malloc"),
                        (double)book(&run, "allocations"));
    ck_assert_double_eq(weight_of(calls, ";plugin_work;plugin_inner;from_plugin;malloc"),
                        (double)book(&run, "loads"));
    ck_assert_double_eq(weight_of(calls, ";act_fork;in_child;malloc"), (double)book(&run, "forks"));
    printf("storm: %.0f samples\n", (double)samples_in_session());
    free(samples);
    free(calls);
    outcome_free(&run);
}
END_TEST

/* ---- stacks of calls ---- */

/* Lines PATH CALLS BYTES KEPT of call_paths, each against three weights. */
static void check_paths(const char *books)
{
    char *calls = folded("calls"), *allocated = folded("allocated"), *leaked = folded("leaked"),
         *moved = folded("io-bytes");
    char path[512];
    long count, bytes, kept;
    int lines = 0;
    for (const char *line = books;
         sscanf(line, "%511s %ld %ld %ld", path, &count, &bytes, &kept) == 4;
         line = strchr(line, '\n') + 1, lines++) {
        char part[600];
        int reads = strstr(path, ";read") != NULL;
        snprintf(part, sizeof part, ";%s", path);
        ck_assert_msg(weight_of(calls, part) == (double)count, "%s: %f calls, really %ld", path,
                      weight_of(calls, part), count);
        ck_assert_msg(weight_of(reads ? moved : allocated, part) == (double)bytes,
                      "%s: not %ld bytes", path, bytes);
        ck_assert_msg(weight_of(leaked, part) == (double)kept, "%s: not %ld kept", path, kept);
    }
    ck_assert_int_eq(lines, 5);
    free(calls);
    free(allocated);
    free(leaked);
    free(moved);
}

START_TEST(calls_have_the_stacks_that_the_program_knows)
{
    struct outcome run = captured("--stacks", built_program("programs/call_paths"));
    check_paths(run.out);
    outcome_free(&run);
}
END_TEST

/* Each in the class of what was asked for, not of what it stands for. */
static void check_size_classes(const struct outcome *run)
{
    static const struct {
        const char *size, *place;
    } classes[] = {{"up to 64 B", "small_one"}, {"up to 8.00 KiB", "large_one"}};
    json_t *report = look("report --memory --by size", "x.vtrace");
    const json_t *rows = json_object_get(report, "memory");
    ck_assert_uint_le(json_array_size(rows), 4); /* libc's own, if they were drawn */
    for (int i = 0; i < 2; i++) {
        const json_t *row = find_event(rows, "{s:s}", "size", classes[i].size);
        double really = (double)book(run, classes[i].place);
        ck_assert_ptr_nonnull(row);
        ck_assert_double_le(fabs((double)number_in(row, "allocated") / really - 1), 0.2);
        ck_assert(json_is_null(json_object_get(row, "temporary")));
    }
    json_decref(report);
}

/* Estimates are within five standard errors of so many recorded allocations: those of a size s are
 * recorded with a probability of 1 - exp(-s / rate) each. */
START_TEST(sampled_memory_estimates_all_of_it)
{
    static const char *const places[] = {"small_one", "large_one"};
    const double sizes[] = {48, 5000}, rate = 65536;
    struct outcome run = captured("--memory-sample 64K --stacks=memory --sample 0",
                                  built_program("programs/allocates_much"));
    json_t *report = look("report --memory --by function", "x.vtrace");
    for (int i = 0; i < 2; i++) {
        const json_t *row =
            find_event(json_object_get(report, "memory"), "{s:s}", "function", places[i]);
        double really = (double)book(&run, places[i]), live = i ? (double)book(&run, "kept") : 0;
        double recorded = really / sizes[i] * -expm1(-sizes[i] / rate);
        double seen = (double)number_in(row, "allocated");
        ck_assert_msg(fabs(seen / really - 1) <= 5 / sqrt(recorded), "%s: %.0f, really %.0f",
                      places[i], seen, really);
        seen = (double)number_in(row, "live");
        ck_assert_msg(fabs(seen - live) <= 5 * live / sqrt(recorded * live / really + 1e-9) + 1,
                      "%s: %.0f live, really %.0f", places[i], seen, live);
    }
    check_size_classes(&run);
    /* every sum of allocations is of what they stand for */
    json_t *heaps = look("report --memory", "x.vtrace");
    const json_t *heap = json_array_get(json_object_get(heaps, "memory"), 0);
    struct outcome made = shell("'%s' export -q -o p.vprof.json x.vtrace", built_command());
    assert_fine(&made);
    json_t *profile = load_json("p.vprof.json");
    ck_assert_int_eq(number_in(profile, "allocation_count"), number_in(heap, "allocations"));
    ck_assert_int_eq(number_in(profile, "allocation_bytes"), number_in(heap, "allocated"));
    json_decref(profile);
    json_decref(heaps);
    outcome_free(&made);
    struct outcome info = shell("'%s' info x.vtrace", built_command());
    ck_assert_ptr_nonnull(strstr(info.out, "are estimates"));
    ck_assert_ptr_nonnull(strstr(info.out, "lost 0"));
    outcome_free(&info);
    json_decref(report);
    outcome_free(&run);
}
END_TEST

/* A call that never comes back has no record: its stack is where onlookers see it. */
START_TEST(a_wait_that_never_ended_has_its_stack)
{
    struct outcome run = shell("'%s' record -q --stacks -o x.vtrace -- '%s'", built_command(),
                               built_program("programs/killed_waiting"));
    ck_assert_int_eq(run.code, 128 + 9);
    json_t *info = look("info", "x.vtrace");
    const json_t *process = json_array_get(json_object_get(info, "processes"), 0), *reader = NULL;
    size_t i;
    json_t *thread;
    json_array_foreach(json_object_get(process, "at_end"), i, thread)
    {
        if (strncmp(json_string_value(json_object_get(thread, "doing")), "read(", 5) == 0)
            reader = json_object_get(thread, "stack");
    }
    ck_assert_ptr_nonnull(reader);
    ck_assert_int_eq(strncmp(json_string_value(json_array_get(reader, 0)), "wait_for_input", 14),
                     0);
    ck_assert_int_eq(strncmp(json_string_value(json_array_get(reader, 1)), "serve", 5), 0);
    ck_assert_int_eq(strncmp(json_string_value(json_array_get(reader, 2)), "main", 4), 0);
    json_decref(info);
    outcome_free(&run);
}
END_TEST

/* What is asked for, and nothing else. */
static const struct {
    const char *list, *with, *without;
} lists[] = {
    {"memory", "malloc", "read"},
    {"io", "read", "malloc"},
    {"failed", "open", "malloc"},
};

/* Its tables do not say that nothing called it. */
START_TEST(an_entry_point_without_tables_is_the_outermost_frame)
{
    if (access("/lib64/ld-linux-x86-64.so.2", F_OK) != 0)
        return;
    write_file(
        "bare.c",
        "#include <stdlib.h>\n"
        "int main(void) { void *volatile p = malloc(77); free(p); return 0; }\n"
        "__asm__(\".text\\n.globl _start\\n.type _start,@function\\n_start:\\n\"\n"
        "\"xorl %ebp,%ebp\\nmovq %rdx,%r9\\npopq %rsi\\nmovq %rsp,%rdx\\nandq $-16,%rsp\\n\"\n"
        "\"pushq %rax\\npushq %rsp\\nxorl %r8d,%r8d\\nxorl %ecx,%ecx\\n\"\n"
        "\"movq main@GOTPCREL(%rip),%rdi\\ncall *__libc_start_main@GOTPCREL(%rip)\\nhlt\\n\"\n"
        "\".size _start,.-_start\\n\");\n");
    struct outcome made = shell("gcc -O1 -nostartfiles -o bare bare.c");
    assert_fine(&made);
    outcome_free(&made);
    made = captured("--stacks=memory", "./bare");
    outcome_free(&made);
    char *stacks = folded("allocated");
    ck_assert_double_eq(weight_of(stacks, "bare;_start;"), 77);
    ck_assert_ptr_null(strstr(stacks, "missing"));
    free(stacks);
}
END_TEST

START_TEST(only_what_is_asked_for_has_stacks)
{
    char option[64];
    snprintf(option, sizeof option, "--stacks=%s", lists[_i].list);
    struct outcome run = captured(option, built_program("programs/call_paths"));
    json_t *events = stream("x.vtrace");
    const json_t *with = find_event(events, "{s:s, s:s}", "type", "span", "name", lists[_i].with);
    ck_assert_ptr_nonnull(with);
    size_t i, stacks = 0, wrong = 0;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        const char *name = json_string_value(json_object_get(event, "name"));
        const json_t *stack = json_object_get(json_object_get(event, "args"), "stack");
        stacks += name && stack && strcmp(name, lists[_i].with) == 0;
        wrong += name && stack && strcmp(name, lists[_i].without) == 0;
    }
    ck_assert_uint_gt(stacks, 0);
    ck_assert_uint_eq(wrong, 0);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("samples");
    TCase *samples = tcase_create("samples"), *stacks = tcase_create("stacks");
    tcase_set_timeout(samples, 400);
    tcase_add_checked_fixture(samples, enter_folder, leave_folder);
    tcase_add_checked_fixture(stacks, enter_folder, leave_folder);
    tcase_add_loop_test(samples, samples_are_where_the_time_goes, 0,
                        sizeof burns / sizeof burns[0]);
    tcase_add_test(samples, a_thread_that_blocks_every_signal_is_sampled_and_does_not_notice);
    tcase_add_test(samples, no_call_is_interrupted_by_a_sample);
    tcase_add_test(samples, a_program_that_wants_the_signal_has_it);
    tcase_add_test(samples, a_program_that_resets_the_signal_is_still_sampled);
    tcase_add_test(samples, strict_c_takes_the_signal_too);
    tcase_add_test(samples, who_waits_for_all_signals_is_not_given_the_sampler_s);
    tcase_add_test(samples, the_signal_reaches_who_waits_when_somebody_sends_it);
    tcase_add_loop_test(samples, no_sample_overflows_an_alternative_stack, 0, 3);
    tcase_add_test(samples, walks_that_handlers_on_other_stacks_interrupt_are_left_alone);
    tcase_add_test(samples, auto_samples_what_is_not_instrumented);
    tcase_add_test(samples, on_and_off_the_processor_is_all_there_is);
    tcase_add_test(samples, a_program_in_a_debugger_is_not_sampled);
    tcase_add_test(samples, h29_no_frame_is_wrong_and_nothing_hangs_in_a_storm);
    tcase_add_test(stacks, calls_have_the_stacks_that_the_program_knows);
    tcase_add_test(stacks, sampled_memory_estimates_all_of_it);
    tcase_add_test(stacks, an_entry_point_without_tables_is_the_outermost_frame);
    tcase_add_test(stacks, a_wait_that_never_ended_has_its_stack);
    tcase_add_loop_test(stacks, only_what_is_asked_for_has_stacks, 0,
                        sizeof lists / sizeof lists[0]);
    suite_add_tcase(suite, samples);
    suite_add_tcase(suite, stacks);
    return run_suite(suite);
}
