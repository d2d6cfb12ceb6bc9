/* How linker names are shown: collector/demangle.h. Most tests are loop tests over the tables of
 * demangle_cases.h. */
#include "collector/demangle.h"
#include "tests/demangle_cases.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(names_are_shown_as_people_write_them)
{
    char buffer[4096];
    ck_assert_str_eq(demangle(readable[_i].mangled, buffer, sizeof buffer), readable[_i].shown);
}
END_TEST

START_TEST(other_names_stay_as_they_are)
{
    char buffer[4096];
    ck_assert_str_eq(demangle(unchanged[_i], buffer, sizeof buffer), unchanged[_i]);
}
END_TEST

/* At every size; the buffer's end is guarded when the test is built with ASan. */
START_TEST(long_names_are_cut_between_characters)
{
    char whole[256];
    demangle(long_names[_i], whole, sizeof whole);
    for (size_t size = 1; size <= strlen(whole) + 2; size++) {
        char *buffer = malloc(size);
        ck_assert_ptr_eq(demangle(long_names[_i], buffer, size), buffer);
        size_t length = size - 1 < strlen(whole) ? size - 1 : strlen(whole);
        while ((whole[length] & 0xc0) == 0x80)
            length--;
        ck_assert_uint_eq(strlen(buffer), length);
        ck_assert_mem_eq(buffer, whole, length);
        free(buffer);
    }
}
END_TEST

/* A number ≥ 1 as the two schemes write it: the digits of the number before it. */
static const char *reference(size_t number, unsigned base, const char *digits)
{
    static char text[8];
    char *at = text + sizeof text - 1;
    for (number--; at == text + sizeof text - 1 || number > 0; number /= base)
        *--at = digits[number % base];
    return at;
}

/* Generic arguments, each a tuple of the one before, twice: the text doubles forty times. */
START_TEST(rust_reference_bombs_end_in_any_room)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static char name[1024], buffer[1 << 20];
    size_t length = (size_t)sprintf(name, "_RIC1fThhE"), before = 4;
    for (int i = 0; i < 40; i++) {
        const char *back = reference(before, 62, digits);
        before = length - 2;
        length += (size_t)sprintf(name + length, "TB%s_B%s_E", back, back);
    }
    sprintf(name + length, "E");
    demangle(name, buffer, sizeof buffer);
    ck_assert_uint_gt(strlen(buffer), 10000);
    ck_assert_uint_lt(strlen(buffer), sizeof buffer - 1); /* however much room there is */
    ck_assert_int_eq(strncmp(buffer, "f::<(u8, u8), ((u8, u8), (u8, u8)), (((u8,", 42), 0);
}
END_TEST

START_TEST(cxx_reference_bombs_stay_as_they_are)
{
    static char name[1024], buffer[4096];
    size_t length = (size_t)sprintf(name, "_Z1fI1AIiiE");
    for (size_t i = 0; i < 30; i++) {
        const char *back = reference(i + 2, 36, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        length += (size_t)sprintf(name + length, "S0_IS%s_S%s_E", back, back);
    }
    sprintf(name + length, "Evv");
    ck_assert_str_eq(demangle(name, buffer, sizeof buffer), name);
}
END_TEST

/* A start, and what follows a hundred thousand times. */
static const char *const nests[][2] = {
    {"_RIC1f", "S"},     {"_RIC1f", "FG_"}, {"_RNv", "IC1fINvMY"}, {"_R", "NvXC1aNtC1b1c"},
    {"_RIC1f", "DIC1t"}, {"_ZN", "1aIN"},   {"_Z1f", "PFvP"}};

START_TEST(deep_nesting_overflows_no_stack)
{
    size_t size = 1 << 20, unit = strlen(nests[_i][1]);
    char *name = malloc(size), *buffer = malloc(size);
    size_t length = (size_t)sprintf(name, "%s", nests[_i][0]);
    for (; length + unit < size; length += unit)
        memcpy(name + length, nests[_i][1], unit + 1);
    ck_assert_str_eq(demangle(name, buffer, size), name);
    free(name);
    free(buffer);
}
END_TEST

static Suite *build_suite(void)
{
    Suite *suite = suite_create("demangle");
    TCase *names = tcase_create("names");
    tcase_add_loop_test(names, names_are_shown_as_people_write_them, 0, LENGTH(readable));
    tcase_add_loop_test(names, other_names_stay_as_they_are, 0, LENGTH(unchanged));
    tcase_add_loop_test(names, long_names_are_cut_between_characters, 0, LENGTH(long_names));
    suite_add_tcase(suite, names);

    TCase *hostile = tcase_create("hostile names");
    tcase_add_test(hostile, rust_reference_bombs_end_in_any_room);
    tcase_add_test(hostile, cxx_reference_bombs_stay_as_they_are);
    tcase_add_loop_test(hostile, deep_nesting_overflows_no_stack, 0, LENGTH(nests));
    suite_add_tcase(suite, hostile);
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
