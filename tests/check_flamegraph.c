/* Flame graphs in a browser, headless, from the disk: what a click, a search and the keys do
 * (tests/flamegraph_driver.js is the user), in the dark too. */
#include "tests/hazards.h"
#include "tests/sources.h"

enum { WINDOW = 1224, WIDTH = 1200 - 1 }; /* of the picture, and of a frame as wide as it */

/* What is written between percent signs by encodeURIComponent. */
static void decode(char *text)
{
    char *to = text;
    unsigned byte;
    for (const char *at = text; *at; to++)
        if (*at == '%' && sscanf(at + 1, "%2x", &byte) == 1) {
            *to = (char)byte;
            at += 3;
        } else {
            *to = *at++;
        }
    *to = '\0';
}

/* Opens the picture with the driver in it; what that saw. */
static json_t *browse(const char *svg, const char *options)
{
    json_error_t error;
    static const char mark[] = "<desc id=\"seen\">";
    needs("/usr/bin/chromium", "chromium");
    run_ok(
        shell("{ sed '$d' %s; printf '<script><![CDATA['; cat '%s'; printf ']]></script></svg>'; } "
              ">driven.svg",
              svg, source_file("flamegraph_driver.js")));
    struct outcome run = shell(
        "HOME=\"$PWD\" timeout -s KILL 90 chromium --headless --no-sandbox --disable-gpu "
        "--no-first-run --disable-dev-shm-usage --user-data-dir=\"$PWD/profile\" "
        "--virtual-time-budget=3000 --window-size=%d,800 %s --dump-dom \"file://$PWD/driven.svg\"",
        WINDOW, options);
    char *seen = strstr(run.out, mark);
    ck_assert_msg(seen != NULL, "status %d, %zu bytes: %.2000s", run.code, run.out_size, run.err);
    seen += sizeof mark - 1;
    seen[strcspn(seen, "<")] = '\0';
    decode(seen);
    json_t *json = json_loads(seen, 0, &error);
    ck_assert_msg(json != NULL, "%s: %s", error.text, seen);
    outcome_free(&run);
    return json;
}

static const char *text_of(const json_t *seen, const char *key)
{
    const char *text = json_string_value(json_object_get(seen, key));
    ck_assert_msg(text != NULL, "nothing was seen of %s", key);
    return text;
}

static double number_of(const json_t *seen, const char *key)
{
    return json_number_value(json_object_get(seen, key));
}

static void make_picture(const char *options)
{
    run_ok(shell("'%s' record -o s.vtrace -- '%s' >book && '%s' export s.vtrace -o t.svg --weight "
                 "allocated %s",
                 built_command(), built_program("instrumented/weights"), built_command(), options));
}

/* Bytes allocated by all, from the folded stacks. */
static double all_bytes(void)
{
    struct outcome run =
        shell("'%s' export s.vtrace -f folded -o - --weight allocated | awk '{s += "
              "$NF} END {print s}'",
              built_command());
    double bytes = strtod(run.out, NULL);
    outcome_free(&run);
    return bytes;
}

static void check_share(const char *said, double bytes, const char *frames)
{
    char expected[64];
    snprintf(expected, sizeof expected, "matched: %.2f %%, ", 100 * bytes / all_bytes());
    ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "%s instead of %s", said,
                  expected);
    ck_assert_msg(strstr(said, frames) != NULL, "%s: not %s", said, frames);
}

START_TEST(a_click_zooms_and_the_button_goes_back)
{
    char expected[64];
    make_picture("");
    json_t *seen = browse("t.svg", "");
    double share = 3030 / all_bytes();
    ck_assert_int_eq((int)number_of(seen, "still"), 0); /* the picture that does not move is gone */
    ck_assert_double_eq_tol(number_of(seen, "all"), WIDTH, 0.01);
    ck_assert_double_eq_tol(number_of(seen, "before"), share * (WIDTH + 1) - 1, 0.02);
    ck_assert_double_eq_tol(number_of(seen, "zoomed"), WIDTH, 0.01);
    ck_assert_str_eq(text_of(seen, "zoomedFrames"),
                     "all leaf leaks main malloc run_weights weights work");
    ck_assert_double_eq(number_of(seen, "reset"), number_of(seen, "before"));
    snprintf(expected, sizeof expected, "leaks, 2.96 KiB, %.2f %%", 100 * share);
    ck_assert_str_eq(text_of(seen, "label"), expected);
    json_decref(seen);
}
END_TEST

START_TEST(the_pointer_says_the_exact_figures_in_words)
{
    char expected[160];
    make_picture("");
    json_t *seen = browse("t.svg", ""), *tip = json_object_get(seen, "tip");
    ck_assert_uint_eq(json_array_size(tip), 4);
    ck_assert_str_eq(json_string_value(json_array_get(tip, 0)), "leaks");
    ck_assert_str_eq(json_string_value(json_array_get(tip, 1)),
                     built_program("instrumented/weights"));
    double work = 3030 + 1000 + 5050 + 700000;
    snprintf(expected, sizeof expected,
             "with all it called: 2.96 KiB (3 030 bytes), %.2f %% of all, %.2f %% of its caller",
             100 * 3030 / all_bytes(), 100 * 3030 / work);
    ck_assert_str_eq(json_string_value(json_array_get(tip, 2)), expected);
    ck_assert_str_eq(json_string_value(json_array_get(tip, 3)),
                     "by itself: 0 bytes, 0.00 % of all");
    json_decref(seen);
}
END_TEST

START_TEST(a_search_marks_the_frames_and_says_their_share)
{
    make_picture("");
    json_t *seen = browse("t.svg", "");
    check_share(text_of(seen, "found"), 3030 + 1000 + 5050 + 4000, "in 4 frames");
    ck_assert_str_eq(text_of(seen, "hits"), "leaf leaf leaf leaf");
    check_share(text_of(seen, "foundExpression"), 3030, "in 1 frame");
    ck_assert_str_eq(text_of(seen, "hitsExpression"), "leaks");
    check_share(text_of(seen, "foundKind"), all_bytes(), "in ");
    ck_assert_str_eq(text_of(seen, "hitsKind"), "malloc malloc malloc malloc realloc");
    ck_assert_str_eq(text_of(seen, "foundNothing"), "matched: 0.00 %, 0 B, in 0 frames");
    ck_assert_str_eq(text_of(seen, "hitsNothing"), "");
    ck_assert_ptr_nonnull(strstr(text_of(seen, "foundWrong"), "no regular expression"));
    ck_assert_str_eq(text_of(seen, "hitsCleared"), "");
    json_decref(seen);
}
END_TEST

START_TEST(it_can_be_turned_over_and_used_with_the_keys)
{
    make_picture(_i ? "--orientation flame" : "--orientation icicle");
    json_t *seen = browse("t.svg", "");
    ck_assert_int_eq(json_is_true(json_object_get(seen, "mainIsBelow")), !_i);
    ck_assert_int_eq(json_is_true(json_object_get(seen, "mainIsBelowTurned")), _i);
    if (!_i) {
        ck_assert_str_eq(text_of(seen, "keyed"), "main");
        ck_assert_double_eq(number_of(seen, "keyedReset"), number_of(seen, "before"));
    }
    json_decref(seen);
}
END_TEST

START_TEST(it_is_dark_where_the_user_wants_it_dark)
{
    int red, green, blue;
    make_picture("");
    json_t *seen = browse("t.svg", _i ? "--blink-settings=preferredColorScheme=0" : "");
    ck_assert_int_eq(sscanf(text_of(seen, "page"), "rgb(%d, %d, %d", &red, &green, &blue), 3);
    if (_i)
        ck_assert_int_lt(red + green + blue, 150);
    else
        ck_assert_int_gt(red + green + blue, 600);
    ck_assert_double_eq_tol(number_of(seen, "zoomed"), WIDTH, 0.01);
    json_decref(seen);
}
END_TEST

START_TEST(a_comparison_says_what_was_and_what_is)
{
    run_ok(shell("'%s' record -o old.vtrace -- '%s' >book", built_command(),
                 built_program("instrumented/weights")));
    make_picture("--diff old.vtrace");
    json_t *seen = browse("t.svg", ""), *tip = json_object_get(seen, "tip");
    char expected[160];
    snprintf(expected, sizeof expected,
             "before: 2.96 KiB (3 030 bytes), %.2f %% of all; by itself: 0 bytes",
             100 * 3030 / all_bytes());
    ck_assert_str_eq(json_string_value(json_array_get(tip, 4)), expected);
    ck_assert_str_eq(json_string_value(json_array_get(tip, 5)), "its share grew by 0.00 points");
    ck_assert_ptr_nonnull(strstr(text_of(seen, "head"), "; before: "));
    json_decref(seen);
}
END_TEST

START_TEST(names_stay_text)
{
    run_ok(shell("'%s' record -o s.vtrace -- '%s' && '%s' export s.vtrace -o t.svg --weight calls "
                 "--filter 'tag(scope)'",
                 built_command(), built_program("programs/hostile_names"), built_command()));
    json_t *seen = browse("t.svg", "");
    ck_assert_int_eq((int)number_of(seen, "scripts"), 2); /* the picture's and the driver's */
    ck_assert_ptr_nonnull(strstr(text_of(seen, "title"), "hostile_names: calls"));
    ck_assert_ptr_nonnull(
        strstr(text_of(seen, "frames"), "</script><script>document.title = 'broken out'</script>"));
    ck_assert_ptr_nonnull(strstr(text_of(seen, "frames"), "\\u003c &lt; &amp; ' \" ; \\"));
    json_decref(seen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flamegraph");
    TCase *pictures = tcase_create("flamegraph");
    tcase_add_checked_fixture(pictures, enter_folder, leave_folder);
    tcase_set_timeout(pictures, 200);
    tcase_add_test(pictures, a_click_zooms_and_the_button_goes_back);
    tcase_add_test(pictures, the_pointer_says_the_exact_figures_in_words);
    tcase_add_test(pictures, a_search_marks_the_frames_and_says_their_share);
    tcase_add_loop_test(pictures, it_can_be_turned_over_and_used_with_the_keys, 0, 2);
    tcase_add_loop_test(pictures, it_is_dark_where_the_user_wants_it_dark, 0, 2);
    tcase_add_test(pictures, a_comparison_says_what_was_and_what_is);
    tcase_add_test(pictures, names_stay_text);
    suite_add_tcase(suite, pictures);
    return run_suite(suite);
}
