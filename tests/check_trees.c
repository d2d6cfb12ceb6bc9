/* What is drawn from stacks: folded stacks, the tree on the terminal, what flame graphs leave out.
 * What a flame graph does in a browser: check_flamegraph.c. */
#include "tests/verbs.h"

#include "collector/stacks.h"
#include "writers/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- depth ---- */

START_TEST(a_deep_recursion_is_cut_and_nothing_of_its_weight_is_lost)
{
    enum { DEPTH = 20000 };
    char *line = NULL, *at;
    size_t room = 0, lines = 0, deepest = 0, names;
    unsigned long calls = 0;
    run_ok(shell("'%s' record -o s.vtrace -- '%s' %d && '%s' export s.vtrace -o t.folded --weight "
                 "calls --filter 'function(recursive)'",
                 built_command(), built_program("instrumented/branches"), DEPTH, built_command()));
    FILE *file = fopen("t.folded", "r");
    ck_assert_ptr_nonnull(file);
    while (getline(&line, &room, file) > 0) {
        for (names = 1, at = line; (at = strchr(at, ';')); at++)
            names++;
        deepest = names > deepest ? names : deepest;
        calls += strtoul(strrchr(line, ' '), NULL, 10);
        lines++;
    }
    fclose(file);
    ck_assert_uint_eq(calls, DEPTH);
    ck_assert_uint_eq(deepest, TREE_DEPTH + 1);
    ck_assert_uint_eq(lines, TREE_DEPTH - 3 + 1); /* below "branches;main", above "[… deeper]" */
    ck_assert_ptr_nonnull(strstr(line, "recursive;[… deeper];recursive"));
    free(line);
}
END_TEST

/* ---- the tree on the terminal ---- */

static json_int_t member(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

/* What is in the frame's callees and its own adds up to what is in it. */
static void check_sum_of(const json_t *frames, size_t number)
{
    const json_t *frame = json_array_get(frames, number);
    json_int_t sum = member(frame, "self");
    size_t i;
    json_t *other;
    json_array_foreach((json_t *)(uintptr_t)frames, i, other)
    {
        const json_t *caller = json_object_get(other, "caller");
        if (json_is_integer(caller) && (size_t)json_integer_value(caller) == number) {
            ck_assert_uint_gt(i, number);
            sum += member(other, "total");
        }
    }
    ck_assert_int_eq(sum, member(frame, "total"));
}

START_TEST(the_tree_adds_up_and_has_what_the_folded_stacks_have)
{
    record("", "instrumented/everything", "s.vtrace");
    outcome_free((struct outcome[]){verb("report --tree --json --weight calls s.vtrace >t.json")});
    struct outcome sum = verb("export -f folded --weight calls -o - s.vtrace | awk '{s += $NF} END "
                              "{print s}'");
    json_t *tree = load_json("t.json"), *frames = json_object_get(tree, "frames"), *frame;
    size_t i;
    json_int_t total = 0;
    json_array_foreach(frames, i, frame)
    {
        check_sum_of(frames, i);
        total += json_is_null(json_object_get(frame, "caller")) ? member(frame, "total") : 0;
    }
    ck_assert_uint_gt(json_array_size(frames), 20);
    ck_assert_int_eq(total, member(tree, "total"));
    ck_assert_int_eq(total, strtoll(sum.out, NULL, 10));
    json_decref(tree);
    outcome_free(&sum);
}
END_TEST

static int larger(const void *a, const void *b)
{
    json_int_t left = *(const json_int_t *)a, right = *(const json_int_t *)b;
    return (left < right) - (left > right);
}

/* Their totals, largest first; free() it. */
static json_int_t *totals_of(json_t *tree, size_t *count)
{
    json_t *frames = json_object_get(tree, "frames"), *frame;
    size_t i;
    *count = json_array_size(frames);
    json_int_t *totals = calloc(*count + 1, sizeof *totals);
    json_array_foreach(frames, i, frame)
    {
        totals[i] = member(frame, "total");
    }
    qsort(totals, *count, sizeof *totals, larger);
    return totals;
}

START_TEST(so_many_frames_are_the_heaviest_ones)
{
    record("", "instrumented/everything", "s.vtrace");
    outcome_free((struct outcome[]){verb("report --tree --json --weight calls s.vtrace >t.json")});
    json_t *all = load_json("t.json");
    size_t all_count, count;
    json_int_t *heaviest = totals_of(all, &all_count);
    for (size_t limit = 1; limit <= all_count; limit++) {
        char command[128];
        snprintf(command, sizeof command,
                 "report --tree --json --weight calls -n %zu s.vtrace >t.json", limit);
        outcome_free((struct outcome[]){verb(command)});
        json_t *tree = load_json("t.json");
        json_int_t *totals = totals_of(tree, &count);
        ck_assert_uint_eq(count, limit);
        ck_assert_mem_eq(totals, heaviest, count * sizeof *totals);
        free(totals);
        json_decref(tree);
    }
    free(heaviest);
    json_decref(all);
}
END_TEST

/* Two functions of one name, of different libraries, one called often and one seldom. */
START_TEST(functions_of_one_name_are_each_of_their_own_module)
{
    run_ok(
        shell("for of in la lb; do echo \"#include <stdlib.h>\n"
              "static __attribute__((noinline)) void *work(int n) { return malloc(n); }\n"
              "void $of(int n) { void *volatile p = work(n); free(p); }\" >$of.c; "
              "gcc -O1 -g -fno-optimize-sibling-calls -shared -fPIC -o lib$of.so $of.c; done; "
              "echo 'void la(int); void lb(int); int main(void) { la(10); lb(1000); return 0; }' "
              ">both.c; gcc -o both both.c -L. -lla -llb -Wl,-rpath,$PWD"));
    run_ok(
        shell("'%s' record -q --stacks=memory --sample 0 -o s.vtrace -- ./both", built_command()));
    outcome_free(
        (struct outcome[]){verb("report --tree --json --weight allocated s.vtrace >t.json")});
    json_t *tree = load_json("t.json"), *frame;
    size_t i, seen = 0;
    json_array_foreach(json_object_get(tree, "frames"), i, frame)
    {
        const char *module = string_of(frame, "module");
        if (strcmp(string_of(frame, "name"), "work") != 0)
            continue;
        seen++;
        ck_assert_ptr_nonnull(
            strstr(module, member(frame, "total") == 10 ? "/libla.so" : "/liblb.so"));
    }
    ck_assert_uint_eq(seen, 2);
    json_decref(tree);
}
END_TEST

START_TEST(the_tree_for_people_is_this)
{
    record("", "instrumented/weights", "s.vtrace");
    struct outcome tree =
        verb("report --tree --weight leaked s.vtrace --filter 'duration < 100m' | "
             "grep -e leaks -e total");
    ck_assert_ptr_nonnull(strstr(tree.out, "─ work → leaks → leaf → malloc\n"));
    ck_assert_ptr_nonnull(strstr(tree.out, "2.96 KiB"));
    outcome_free(&tree);
    tree =
        verb("report --tree --weight allocated -n 1 --min 0 s.vtrace --filter 'thread(%s)'", "*");
    ck_assert_ptr_nonnull(strstr(tree.out, "more rows (-n 0 shows all)"));
    outcome_free(&tree);
}
END_TEST

/* script(1) is a terminal of so many columns. */
START_TEST(the_tree_is_as_wide_as_the_terminal)
{
    record("", "instrumented/weights", "s.vtrace");
    struct outcome tree =
        shell("script -qec \"stty columns 60; '%s' report --tree --weight leaked s.vtrace\" "
              "/dev/null </dev/null | tr -d '\\r' | grep work",
              built_command());
    ck_assert_ptr_nonnull(strstr(tree.out, "─ work → leaks → leaf → ma…\n"));
    size_t characters = 0;
    for (const char *at = tree.out; *at && *at != '\n'; at++)
        characters += ((unsigned char)*at & 0xc0) != 0x80;
    ck_assert_uint_eq(characters, 60);
    outcome_free(&tree);
}
END_TEST

START_TEST(a_filter_chooses_what_is_weighed)
{
    record("", "instrumented/weights", "s.vtrace");
    struct outcome folded = verb("export s.vtrace -f folded -o - --weight peak --filter "
                                 "'function(realloc)'");
    ck_assert_str_eq(folded.out, "weights;main;run_weights;work;grows;realloc 700000\n");
    outcome_free(&folded);
    outcome_free((struct outcome[]){
        verb("report s.vtrace --tree --json --weight leaked --filter 'function(malloc)' >t.json")});
    json_t *tree = load_json("t.json");
    ck_assert_int_ge(member(tree, "total"), 3030);
    json_decref(tree);
}
END_TEST

/* ---- comparing ---- */

START_TEST(a_session_compared_with_itself_has_every_weight_twice)
{
    record("", "instrumented/weights", "s.vtrace");
    struct outcome both = verb("export s.vtrace -f folded -o - --weight allocated --diff s.vtrace "
                               "| awk '$(NF) != $(NF - 1) || !$NF'");
    struct outcome lines = verb("export s.vtrace -f folded -o - --weight allocated --diff s.vtrace "
                                "| grep -c ';malloc [1-9][0-9]* [1-9]'");
    ck_assert_str_eq(both.out, "");
    ck_assert_int_ge(atoi(lines.out), 4);
    outcome_free(&both);
    outcome_free(&lines);
}
END_TEST

START_TEST(what_is_new_and_what_is_gone_has_a_zero)
{
    record("", "instrumented/weights", "old.vtrace");
    run_ok(shell("'%s' record -o new.vtrace -- '%s' 5", built_command(),
                 built_program("instrumented/fib")));
    struct outcome both = verb("export new.vtrace -f folded -o - --weight calls --diff old.vtrace");
    ck_assert_ptr_nonnull(strstr(both.out, "fib;main;fib 0 1\n"));
    ck_assert_ptr_nonnull(strstr(both.out, "fib;main;run_weights;work;leaks;leaf 3 0\n"));
    outcome_free(&both);
    struct outcome svg = verb("export new.vtrace -f flamegraph -o - --weight calls --diff "
                              "old.vtrace");
    ck_assert_ptr_nonnull(strstr(svg.out, "gone: "));
    ck_assert_ptr_nonnull(strstr(svg.out, "of the other session: run_weights ("));
    outcome_free(&svg);
}
END_TEST

/* ---- what a flame graph leaves out ---- */

START_TEST(a_hundred_thousand_stacks_make_a_small_picture_that_says_what_is_missing)
{
    run_ok(shell("'%s' record --events functions -o s.vtrace -- '%s' && '%s' export s.vtrace -o "
                 "t.svg --weight calls && '%s' export s.vtrace -o t.folded --weight calls",
                 built_command(), built_program("instrumented/branches"), built_command(),
                 built_command()));
    struct outcome lines = shell("wc -l <t.folded");
    ck_assert_int_eq(atoi(lines.out), 111111);
    outcome_free(&lines);
    ck_assert_int_le(file_size("t.svg"), 2 << 20);
    /* 1200 pixels for 111 111 calls: a frame of ten calls has 0.1 pixels, the innermost 0.01 */
    struct outcome said = shell("grep -c 'left out: 100 000 frames too narrow to be seen; what "
                                "they add up to is 100 000, 90.00 %%' t.svg");
    ck_assert_int_ge(atoi(said.out), 1);
    outcome_free(&said);
}
END_TEST

/* Wide and deep, with long names: no threshold in pixels would do. */
START_TEST(a_picture_is_small_whatever_the_tree)
{
    enum { WIDE = 5000, DEEP = 40 };
    char text[512];
    struct names *names = names_new();
    struct tree *tree = tree_new(names);
    for (int i = 0; i < WIDE; i++) {
        uint32_t node = 0;
        for (int depth = 0; depth < DEEP; depth++) {
            int length = snprintf(text, sizeof text, "%0300d<>&%d", i, depth);
            node = tree_child(tree, node,
                              names_make(names, CATEGORY_FUNCTIONS, "", text, (size_t)length, 0));
        }
        tree->nodes[node].self[0] += 1000 + (uint64_t)i;
    }
    tree_finish(tree);
    struct picture *picture = picture_new(tree, 0);
    ck_assert_uint_le(picture->json_size, 3 << 19);
    ck_assert_uint_gt(picture->shown, 1000);
    ck_assert_uint_eq(picture->shown + picture->hidden, WIDE * DEEP);
    uint64_t left_out = 0; /* the lightest stacks, whole */
    for (uint32_t i = 0; i < picture->hidden / DEEP; i++)
        left_out += 1000 + i;
    ck_assert_uint_eq(picture->hidden_weight, left_out);
    picture_free(picture);
    tree_free(tree);
    names_free(names);
}
END_TEST

/* ---- names ---- */

START_TEST(a_flame_graph_is_well_formed_whatever_the_names)
{
    record("", "programs/hostile_names", "s.vtrace");
    outcome_free((struct outcome[]){verb("export s.vtrace -o t.svg --weight calls")});
    struct outcome parsed =
        shell("python3 -c 'import xml.dom.minidom as m; d = m.parse(\"t.svg\"); "
              "print(len(d.getElementsByTagName(\"script\")))'");
    ck_assert_str_eq(parsed.out, "1\n");
    outcome_free(&parsed);
}
END_TEST

/* ---- wrong use ---- */

static const struct {
    const char *arguments, *complaint;
    int code;
} wrong[] = {
    {"export s.vtrace -o t.json --weight calls", "not for chrome", 2},
    {"export s.vtrace -o t.svg --weight nothing", "there are self samples", 2},
    {"export s.vtrace -o t.svg --orientation left", "icicle or flame", 2},
    {"export s.vtrace -o t.svg --diff not-there.vtrace", "not-there.vtrace", 1},
    {"report s.vtrace --weight calls", "for --tree", 2},
    {"report s.vtrace --tree --min much", "percent", 2},
    {"report s.vtrace --tree --sort self", "--sort", 2},
    {"run -o t.json --weight calls -- true", "not for chrome", 2},
    {"record -o t.vtrace --weight calls -- true", "only captures", 2},
};

START_TEST(a_wrong_use_is_explained_and_leaves_no_file)
{
    record("", "instrumented/weights", "s.vtrace");
    struct outcome run = shell("'%s' %s", built_command(), wrong[_i].arguments);
    ck_assert_int_eq(run.code, wrong[_i].code);
    ck_assert_msg(strstr(run.err, wrong[_i].complaint) != NULL, "%s", run.err);
    outcome_free(&run);
    struct outcome list = shell("ls");
    ck_assert_str_eq(list.out, "book\ns.vtrace\n");
    outcome_free(&list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trees");
    TCase *trees = tcase_create("trees");
    tcase_add_checked_fixture(trees, enter_folder, leave_folder);
    tcase_set_timeout(trees, 120);
    tcase_add_test(trees, a_deep_recursion_is_cut_and_nothing_of_its_weight_is_lost);
    tcase_add_test(trees, the_tree_adds_up_and_has_what_the_folded_stacks_have);
    tcase_add_test(trees, so_many_frames_are_the_heaviest_ones);
    tcase_add_test(trees, functions_of_one_name_are_each_of_their_own_module);
    tcase_add_test(trees, the_tree_for_people_is_this);
    tcase_add_test(trees, the_tree_is_as_wide_as_the_terminal);
    tcase_add_test(trees, a_filter_chooses_what_is_weighed);
    tcase_add_test(trees, a_session_compared_with_itself_has_every_weight_twice);
    tcase_add_test(trees, what_is_new_and_what_is_gone_has_a_zero);
    tcase_add_test(trees, a_hundred_thousand_stacks_make_a_small_picture_that_says_what_is_missing);
    tcase_add_test(trees, a_picture_is_small_whatever_the_tree);
    tcase_add_test(trees, a_flame_graph_is_well_formed_whatever_the_names);
    tcase_add_loop_test(trees, a_wrong_use_is_explained_and_leaves_no_file, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
    suite_add_tcase(suite, trees);
    return run_suite(suite);
}
