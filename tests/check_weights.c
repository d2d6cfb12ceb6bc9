/* What stacks are weighed by: their sums are those of the programs' own books, or of the spans. */
#include "tests/verbs.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *program, *options, *weight;
} weighed[] = {
    {"instrumented/weights", "", "calls"},         {"instrumented/weights", "", "allocated"},
    {"instrumented/weights", "", "leaked"},        {"instrumented/weights", "", "peak"},
    {"instrumented/weights", "", "temporary"},     {"instrumented/weights", "", "io-bytes"},
    {"programs/weights", "--stacks", "allocated"}, {"programs/weights", "--stacks", "leaked"},
    {"programs/weights", "--stacks", "peak"},      {"programs/weights", "--stacks", "temporary"},
    {"programs/weights", "--stacks", "io-bytes"},
};

/* What it says below work() and worker(), which is all that the program tells of. */
START_TEST(every_weight_is_that_of_the_program_s_book)
{
    const char *weight = weighed[_i].weight;
    record(weighed[_i].options, weighed[_i].program, "s.vtrace");
    struct outcome told = shell("sed -n 's/^%s //p' book | sort", weight);
    struct outcome seen = shell("'%s' export s.vtrace -f folded -o - --weight %s | sed -n "
                                "'s/.*;\\(work.*\\)/\\1/p' | sort",
                                built_command(), weight);
    ck_assert_uint_gt(told.out_size, 0);
    ck_assert_str_eq(seen.out, told.out);
    outcome_free(&told);
    outcome_free(&seen);
}
END_TEST

/* Without the time of threads that did nothing. */
static uint64_t folded_sum(const char *weight)
{
    struct outcome run = verb("export s.vtrace -f folded -o - --weight %s | "
                              "awk '!/;.not running. / {s += $NF} END "
                              "{printf \"%%d\", s}'",
                              weight);
    uint64_t sum = strtoull(run.out, NULL, 10);
    outcome_free(&run);
    return sum;
}

/* The two exports read the clock at different moments, which may bend their times apart a little.
 */
static void check_sum(const char *weight, uint64_t sum)
{
    uint64_t folded = folded_sum(weight);
    ck_assert_msg(sum > 0 && folded > sum - sum / 100 && folded < sum + sum / 100,
                  "%s: the stacks sum to %lu, the spans to %lu", weight, (unsigned long)folded,
                  (unsigned long)sum);
}

/* The wall time of what is sampled: check_samples.c. */
enum { SELF, LOCK_WAIT, WALL_OF_SELF, SAMPLES, TIMES };
static const char *const time_weights[] = {"self", "lock-wait", "wall", "samples"};

static const struct {
    const char *program, *options;
    unsigned checks;
} timed[] = {
    {"instrumented/everything", "", 1 << SELF | 1 << LOCK_WAIT},
    {"instrumented/weights", "", 1 << SELF | 1 << WALL_OF_SELF},
    {"programs/weights", "--sample 1000", 1 << SELF | 1 << SAMPLES},
};

START_TEST(weights_of_time_are_those_of_the_spans)
{
    size_t i;
    json_t *event;
    uint64_t sums[TIMES] = {0};
    record(timed[_i].options, timed[_i].program, "s.vtrace");
    outcome_free((struct outcome[]){verb("export s.vtrace -o t.ndjson")});
    json_t *events = load_ndjson("t.ndjson");
    json_array_foreach(events, i, event)
    {
        const char *type = string_of(event, "type"), *tag = string_of(event, "tag");
        uint64_t own = (uint64_t)json_integer_value(json_object_get(event, "self"));
        uint64_t cpu = (uint64_t)json_integer_value(json_object_get(event, "cpu"));
        int locks = strcmp(tag, "lock") == 0;
        if (strcmp(type, "sample") == 0) {
            sums[SAMPLES] += cpu;
        } else if (strcmp(type, "span") == 0 && !json_object_get(event, "aside")) {
            sums[SELF] += own;
            sums[WALL_OF_SELF] += own;
            if (locks)
                sums[LOCK_WAIT] += (uint64_t)json_integer_value(json_object_get(event, "dur"));
        }
    }
    for (int weight = 0; weight < TIMES; weight++)
        if (timed[_i].checks >> weight & 1)
            check_sum(time_weights[weight], sums[weight]);
    json_decref(events);
}
END_TEST

static void check_default(const char *options, const char *program, const char *weight)
{
    record(options, program, "s.vtrace");
    outcome_free((struct outcome[]){verb("report --tree --json s.vtrace >tree.json")});
    json_t *tree = load_json("tree.json");
    ck_assert_str_eq(json_string_value(json_object_get(tree, "weight")), weight);
    ck_assert_str_eq(json_string_value(json_object_get(tree, "unit")), "ns");
    json_decref(tree);
    run_ok(shell("rm -r s.vtrace"));
}

START_TEST(the_default_weight_is_self_time_unless_there_are_samples_only)
{
    check_default("", "instrumented/weights", "self");
    check_default("", "programs/weights", "self");
    check_default("--sample 1000", "programs/computes", "samples");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weights");
    TCase *weights = tcase_create("weights");
    tcase_add_checked_fixture(weights, enter_folder, leave_folder);
    tcase_set_timeout(weights, 120);
    tcase_add_loop_test(weights, every_weight_is_that_of_the_program_s_book, 0,
                        (int)(sizeof weighed / sizeof weighed[0]));
    tcase_add_loop_test(weights, weights_of_time_are_those_of_the_spans, 0,
                        (int)(sizeof timed / sizeof timed[0]));
    tcase_add_test(weights, the_default_weight_is_self_time_unless_there_are_samples_only);
    suite_add_tcase(suite, weights);
    return run_suite(suite);
}
