/* The stacks of calls, against programs that keep their own books. */
#include "preload/exponential.h"
#include "tests/folded.h"

#include <math.h>
#include <unistd.h>

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

/* A realloc goes on with its block, and one that fails leaves it alone. */
START_TEST(blocks_that_grow_or_cannot_are_the_same_ones)
{
    struct outcome run =
        captured("--stacks=memory --sample 0", built_program("programs/reallocates"));
    char *leaked = folded("leaked"), *temporary = folded("temporary"), *peak = folded("peak");
    ck_assert_double_eq(weight_of(leaked, ";main;fail_to_grow"), (double)book(&run, "kept"));
    ck_assert_double_eq(weight_of(leaked, ";main;grow"), 0);
    ck_assert_double_eq(weight_of(peak, ";main;fail_to_grow"), (double)book(&run, "kept"));
    ck_assert_double_eq(weight_of(temporary, ";main;"), 1); /* the last size of the grown one */
    json_t *report = look("report --memory --by function", "x.vtrace");
    const json_t *rows = json_object_get(report, "memory");
    const json_t *grow = find_event(rows, "{s:s}", "function", "grow");
    const json_t *make = find_event(rows, "{s:s}", "function", "make");
    ck_assert_ptr_null(find_event(rows, "{s:s}", "function", "fail_to_grow"));
    ck_assert_int_eq(number_in(grow, "allocations"), book(&run, "growth"));
    ck_assert_int_eq(number_in(grow, "temporary"), 1);
    ck_assert_int_eq(number_in(grow, "live"), 0);
    ck_assert_int_eq(number_in(make, "allocations"), 2);
    ck_assert_int_eq(number_in(make, "temporary"), 0);
    ck_assert_int_eq(number_in(make, "live"), book(&run, "kept"));
    json_decref(report);
    report = look("report --memory", "x.vtrace");
    const json_t *heap = json_array_get(json_object_get(report, "memory"), 0);
    ck_assert_int_eq(number_in(heap, "failed"), 1);
    ck_assert_int_eq(number_in(heap, "live"), book(&run, "kept"));
    ck_assert_int_eq(number_in(heap, "allocations") - number_in(heap, "frees"), 2);
    json_decref(report);
    free(leaked);
    free(temporary);
    free(peak);
    outcome_free(&run);
}
END_TEST

/* Beside libm's logarithm; and mean, variance and tail are what an exponential distribution has,
 * within five standard errors of so many draws. */
START_TEST(sampled_memory_is_drawn_from_an_exponential_distribution)
{
    enum { DRAWS = 1000000 };
    const double unit = ldexp(1, -EXPONENTIAL_BITS);
    double sum = 0, squares = 0, root = sqrt(DRAWS);
    long far = 0;
    uint64_t bits = 88172645463325252u;
    for (long i = 0; i < DRAWS; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double drawn = (double)fixed_exponential(bits) * unit;
        double really = -log((double)bits * ldexp(1, -64));
        ck_assert_double_ge(drawn, really - 1e-9);
        ck_assert_double_le(drawn, really + ldexp(1, -LOG_BITS));
        sum += drawn;
        squares += (drawn - 1) * (drawn - 1);
        far += drawn > 3;
    }
    ck_assert_double_le(fabs(sum / DRAWS - 1), 5 / root);
    ck_assert_double_le(fabs(squares / DRAWS - 1), 5 * sqrt(8) / root);
    ck_assert_double_le(fabs((double)far / DRAWS - exp(-3)), 5 * sqrt(exp(-3)) / root);
    static const uint64_t ends[] = {1, 2, UINT64_C(1) << 63, UINT64_MAX};
    static const double logarithms[] = {64, 63, 1, 0};
    for (int i = 0; i < 4; i++)
        ck_assert_double_le(
            fabs((double)fixed_exponential(ends[i]) * unit - logarithms[i] * log(2)),
            ldexp(1, -LOG_BITS));
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

/* How deep stacks go, and whether one of 300 calls (and what is around main) is whole then. */
static const struct {
    const char *option;
    int most, is_whole;
} depths[] = {{"", 64, 0}, {"--stack-depth 8", 8, 0}, {"--stack-depth 512", 512, 1}};

START_TEST(stacks_are_as_deep_as_they_may_be)
{
    char options[128], command[512];
    snprintf(options, sizeof options, "--stacks=memory --sample 0 %s", depths[_i].option);
    snprintf(command, sizeof command, "%s 300", built_program("programs/descends"));
    struct outcome run = captured(options, command);
    char *stacks = folded("allocated"), *line = strstr(stacks, ";descend;malloc 1234\n");
    ck_assert_ptr_nonnull(line);
    while (line > stacks && line[-1] != '\n')
        line--;
    int frames = 0;
    for (const char *at = line; (at = strstr(at, ";descend")); at++)
        frames++;
    int is_cut = strncmp(strchr(line, ';'), ";[outer frames are missing];descend", 35) == 0;
    if (depths[_i].is_whole)
        ck_assert_int_eq(frames, 300);
    ck_assert_int_le(frames, depths[_i].most);
    ck_assert_int_ge(frames, depths[_i].is_whole ? 300 : depths[_i].most / 2);
    ck_assert_int_eq(is_cut, !depths[_i].is_whole);
    free(stacks);
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
    Suite *suite = suite_create("stacks");
    TCase *stacks = tcase_create("stacks");
    tcase_add_checked_fixture(stacks, enter_folder, leave_folder);
    tcase_add_test(stacks, calls_have_the_stacks_that_the_program_knows);
    tcase_add_test(stacks, sampled_memory_estimates_all_of_it);
    tcase_add_test(stacks, sampled_memory_is_drawn_from_an_exponential_distribution);
    tcase_add_test(stacks, an_entry_point_without_tables_is_the_outermost_frame);
    tcase_add_test(stacks, blocks_that_grow_or_cannot_are_the_same_ones);
    tcase_add_test(stacks, a_wait_that_never_ended_has_its_stack);
    tcase_add_loop_test(stacks, stacks_are_as_deep_as_they_may_be, 0,
                        sizeof depths / sizeof depths[0]);
    tcase_add_loop_test(stacks, only_what_is_asked_for_has_stacks, 0,
                        sizeof lists / sizeof lists[0]);
    suite_add_tcase(suite, stacks);
    return run_suite(suite);
}
