/* What filter expressions mean and how wrong ones are explained. The contract is filter/filter.h.
 *
 * Most tests are loop tests over the tables of filter_cases.h. */
#include "filter/filter.h"
#include "tests/filter_cases.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct filter_fields SPAN = {
    .module = "/usr/lib/libssl.so.3",
    .function = "SSL_read",
    .tag = "io",
    .thread = "worker 7",
    .process = "vitte",
    .tid = 1234,
    .pid = 99,
    .duration_ns = 1500,
};

/* An expression that must parse, run over one span. */
static int keeps(const char *expression, const struct filter_fields *span)
{
    struct filter_error error = {0, ""};
    struct filter *filter = filter_parse(expression, &error);
    ck_assert_msg(filter != NULL, "%s: at %zu: %s", expression, error.position, error.message);
    int kept = filter_match(filter, span);
    filter_free(filter);
    return kept;
}

/* ---- and, or, not ---- */

START_TEST(connectives_bind_in_the_documented_order)
{
    const struct verdict *row = &precedence[_i];
    ck_assert_msg(keeps(row->expression, &SPAN) == row->kept, "%s", row->expression);
}
END_TEST

START_TEST(not_binds_tighter_than_and)
{
    ck_assert_int_eq(keeps("not " F " and " F, &SPAN), 0);
    ck_assert_int_eq(keeps("not (" F " and " F ")", &SPAN), 1);
}
END_TEST

START_TEST(and_binds_tighter_than_or)
{
    ck_assert_int_eq(keeps(T " or " T " and " F, &SPAN), 1);
    ck_assert_int_eq(keeps("(" T " or " T ") and " F, &SPAN), 0);
}
END_TEST

/* Every shape "x C y C z" with optional nots, against the same thing worked out here. */
START_TEST(connectives_agree_with_c_for_all_operands)
{
    int bits = _i;
    int x = bits & 1, y = bits >> 1 & 1, z = bits >> 2 & 1;
    int not_x = bits >> 3 & 1, not_y = bits >> 4 & 1, not_z = bits >> 5 & 1;
    int first_or = bits >> 6 & 1, second_or = bits >> 7 & 1;
    char expression[200];
    snprintf(expression, sizeof(expression), "%s%s %s %s%s %s %s%s", not_x ? "not " : "", x ? T : F,
             first_or ? "or" : "and", not_y ? "not " : "", y ? T : F, second_or ? "or" : "and",
             not_z ? "not " : "", z ? T : F);
    x ^= not_x;
    y ^= not_y;
    z ^= not_z;
    int want =
        first_or ? (second_or ? x | y | z : x | (y & z)) : (second_or ? (x & y) | z : x & y & z);
    ck_assert_msg(keeps(expression, &SPAN) == want, "%s is not %d", expression, want);
}
END_TEST

/* ---- predicates and patterns ---- */

START_TEST(predicates_ask_about_their_own_field)
{
    const struct verdict *row = &predicates[_i];
    ck_assert_msg(keeps(row->expression, &SPAN) == row->kept, "%s", row->expression);
}
END_TEST

START_TEST(a_number_is_also_a_name)
{
    struct filter_fields span = SPAN;
    span.thread = "42";
    span.process = "99999999999999999999999";
    ck_assert_int_eq(keeps("thread(42)", &span), 1);
    ck_assert_int_eq(keeps("process(99999999999999999999999)", &span), 1);
}
END_TEST

START_TEST(unknown_names_are_empty_texts)
{
    struct filter_fields span = {"", "", "", "", "", 0, 0, 0};
    ck_assert_int_eq(keeps("module(\"\") and function(\"\") and tag(\"\")", &span), 1);
    ck_assert_int_eq(keeps("module(*) and thread(*)", &span), 1);
    ck_assert_int_eq(keeps("module(?*) or process(?)", &span), 0);
    ck_assert_int_eq(keeps("function(\"\")", &SPAN), 0);
}
END_TEST

START_TEST(patterns_match_whole_names)
{
    const struct glob *row = &globs[_i];
    struct filter_fields span = SPAN;
    char expression[200];
    span.function = row->name;
    snprintf(expression, sizeof(expression), "function(%s) and " T, row->pattern);
    ck_assert_msg(keeps(expression, &span) == row->kept, "%s on %s", expression, row->name);
}
END_TEST

/* Exponential globs need longer than any test's time limit for this. */
START_TEST(many_stars_do_not_explode)
{
    enum { SIZE = 20000 };
    static char name[SIZE + 1];
    struct filter_fields span = SPAN;
    memset(name, 'a', SIZE);
    span.function = name;
    ck_assert_int_eq(keeps("function(*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b)", &span), 0);
    ck_assert_int_eq(keeps("function(*a[a]*?a*aaaaaaaaaaaaaaaa*a*a*a*[!a]*[!a]*)", &span), 0);
    ck_assert_int_eq(keeps("function(*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a)", &span), 1);
}
END_TEST

/* ---- durations ---- */

START_TEST(every_operator_compares)
{
    struct filter_fields span = SPAN;
    char expression[40];
    snprintf(expression, sizeof(expression), "duration %s 1us", comparisons[_i].operator);
    span.duration_ns = 999;
    ck_assert_int_eq(keeps(expression, &span), comparisons[_i].below);
    span.duration_ns = 1000;
    ck_assert_int_eq(keeps(expression, &span), comparisons[_i].equal);
    span.duration_ns = 1001;
    ck_assert_int_eq(keeps(expression, &span), comparisons[_i].above);
}
END_TEST

/* Exactly: neither one ns less nor one more is equal. */
START_TEST(durations_are_exact_in_every_unit)
{
    struct filter_fields span = SPAN;
    char expression[80];
    snprintf(expression, sizeof(expression), "duration=%s and " T, durations[_i].text);
    span.duration_ns = durations[_i].ns;
    ck_assert_msg(keeps(expression, &span) == 1, "%s", expression);
    span.duration_ns = durations[_i].ns + 1;
    ck_assert_msg(keeps(expression, &span) == 0, "%s", expression);
    span.duration_ns = durations[_i].ns - 1;
    ck_assert_msg(keeps(expression, &span) == 0, "%s", expression);
}
END_TEST

/* ---- errors ---- */

START_TEST(errors_say_where_and_what)
{
    struct filter_error error = {9999, "untouched"};
    ck_assert_ptr_null(filter_parse(errors[_i].expression, &error));
    ck_assert_msg(strcmp(error.message, errors[_i].message) == 0, "%s: says \"%s\", not \"%s\"",
                  errors[_i].expression, error.message, errors[_i].message);
    ck_assert_msg(error.position == errors[_i].position, "%s: at %zu, not %zu",
                  errors[_i].expression, error.position, errors[_i].position);
    ck_assert_ptr_null(filter_parse(errors[_i].expression, NULL));
}
END_TEST

START_TEST(success_leaves_the_error_alone)
{
    struct filter_error error = {9999, "untouched"};
    struct filter *filter = filter_parse(T, &error);
    ck_assert_ptr_nonnull(filter);
    ck_assert_uint_eq(error.position, 9999);
    ck_assert_str_eq(error.message, "untouched");
    filter_free(filter);
    filter_free(NULL);
}
END_TEST

/* ---- size ---- */

/* count times `left`, the tag, count times `right`. Freed by the caller. */
static char *nest(const char *left, size_t count, const char *right)
{
    size_t left_length = strlen(left), right_length = strlen(right);
    char *text = malloc(count * (left_length + right_length) + sizeof(T));
    ck_assert_ptr_nonnull(text);
    char *at = text;
    for (size_t i = 0; i < count; i++, at += left_length)
        memcpy(at, left, left_length);
    memcpy(at, T, sizeof(T));
    at += strlen(T);
    for (size_t i = 0; i < count; i++, at += right_length)
        memcpy(at, right, right_length + 1);
    return text;
}

START_TEST(deep_nesting_is_an_error_and_no_crash)
{
    struct filter_error error;
    char *text = nest("(", 100000, ")");
    ck_assert_ptr_null(filter_parse(text, &error));
    ck_assert_uint_eq(error.position, 100);
    ck_assert_str_eq(error.message, "parentheses are nested deeper than 100");
    free(text);
    text = nest("not (", 100000, ")");
    ck_assert_ptr_null(filter_parse(text, &error));
    ck_assert_uint_eq(error.position, 504);
    free(text);
}
END_TEST

START_TEST(a_hundred_levels_are_fine)
{
    char *text = nest("not (", 100, ")");
    ck_assert_int_eq(keeps(text, &SPAN), 1);
    free(text);
    ck_assert_int_eq(keeps("((" T ")) and (((" T "))) and (" T ")", &SPAN), 1);
}
END_TEST

START_TEST(depth_counts_open_parentheses_only)
{
    char *text = nest("(" F ") or ", 1000, "");
    ck_assert_int_eq(keeps(text, &SPAN), 1);
    free(text);
}
END_TEST

START_TEST(long_expressions_have_no_limit)
{
    char *text = nest("not ", 100001, "");
    ck_assert_int_eq(keeps(text, &SPAN), 0);
    free(text);
    text = nest(F " or thread(1) and ", 20000, " and " T);
    ck_assert_int_eq(keeps(text, &SPAN), 0);
    free(text);
    text = nest(F " or ", 20000, " and " T);
    ck_assert_int_eq(keeps(text, &SPAN), 1);
    free(text);
    text = nest("function(", 1, "x)");
    ck_assert_int_eq(keeps(text, &SPAN), 0);
    free(text);
}
END_TEST

START_TEST(the_expression_is_not_needed_afterwards)
{
    char text[] = "module(libssl*) and tag(\"io\")";
    struct filter *filter = filter_parse(text, NULL);
    ck_assert_ptr_nonnull(filter);
    memset(text, '!', sizeof(text));
    ck_assert_int_eq(filter_match(filter, &SPAN), 1);
    ck_assert_int_eq(filter_match(filter, &SPAN), 1);
    filter_free(filter);
}
END_TEST

static Suite *build_suite(void)
{
    Suite *suite = suite_create("filter");
    TCase *meaning = tcase_create("meaning");
    tcase_add_loop_test(meaning, connectives_bind_in_the_documented_order, 0, LENGTH(precedence));
    tcase_add_test(meaning, not_binds_tighter_than_and);
    tcase_add_test(meaning, and_binds_tighter_than_or);
    tcase_add_loop_test(meaning, connectives_agree_with_c_for_all_operands, 0, 256);
    tcase_add_loop_test(meaning, predicates_ask_about_their_own_field, 0, LENGTH(predicates));
    tcase_add_test(meaning, a_number_is_also_a_name);
    tcase_add_test(meaning, unknown_names_are_empty_texts);
    tcase_add_loop_test(meaning, patterns_match_whole_names, 0, LENGTH(globs));
    tcase_add_test(meaning, many_stars_do_not_explode);
    tcase_add_loop_test(meaning, every_operator_compares, 0, LENGTH(comparisons));
    tcase_add_loop_test(meaning, durations_are_exact_in_every_unit, 0, LENGTH(durations));
    suite_add_tcase(suite, meaning);

    TCase *limits = tcase_create("limits");
    tcase_add_loop_test(limits, errors_say_where_and_what, 0, LENGTH(errors));
    tcase_add_test(limits, success_leaves_the_error_alone);
    tcase_add_test(limits, deep_nesting_is_an_error_and_no_crash);
    tcase_add_test(limits, a_hundred_levels_are_fine);
    tcase_add_test(limits, depth_counts_open_parentheses_only);
    tcase_add_test(limits, long_expressions_have_no_limit);
    tcase_add_test(limits, the_expression_is_not_needed_afterwards);
    suite_add_tcase(suite, limits);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(build_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
