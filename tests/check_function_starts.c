/* Where functions begin by the unwind tables, compared with the symbols of the same code: this
 * program's own, with its symbols and stripped of them. */
#include "collector/function_starts.h"
#include "collector/symbols.h"
#include "tests/support.h"

#include <limits.h>
#include <unistd.h>

enum { STEP = 7 };

static const char *self(void)
{
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    ck_assert_int_gt((int)length, 0);
    path[length] = '\0';
    return path;
}

START_TEST(it_is_where_the_symbols_say)
{
    const char *path = self();
    if (_i) {
        struct outcome strip = shell("strip -o stripped '%s'", path);
        ck_assert_int_eq(strip.code, 0);
        outcome_free(&strip);
    }
    struct symbols *symbols = symbols_open(path, NULL, 0);
    struct function_starts *starts =
        function_starts_open(_i ? "stripped" : path, (const uint8_t *)"", 0);
    uint64_t end = (uint64_t)file_size(path);
    size_t agreed = 0, unknown = 0;
    for (uint64_t address = 0; address < end; address += STEP) {
        uint64_t symbol_start;
        const char *name = symbols_find(symbols, address, &symbol_start);
        uint64_t start = function_start(starts, address);
        if (!name)
            continue;
        if (start == address && start != symbol_start)
            unknown++; /* code without a description */
        else
            ck_assert_msg(start == symbol_start, "%s at 0x%lx: begins at 0x%lx, not 0x%lx", name,
                          (unsigned long)address, (unsigned long)symbol_start,
                          (unsigned long)start);
        agreed += start == symbol_start;
    }
    ck_assert_uint_gt(agreed, 1000);
    ck_assert_uint_lt(unknown, agreed / 100);
    function_starts_close(starts);
    symbols_close(symbols);
}
END_TEST

START_TEST(nothing_is_known_of_another_build_or_of_no_program)
{
    static const uint8_t other[20] = {1};
    const char *const paths[] = {self(), "/etc/passwd", "/not/there"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct function_starts *starts = function_starts_open(paths[i], other, sizeof other);
        for (uint64_t address = 0; address < 1 << 20; address += STEP)
            ck_assert_uint_eq(function_start(starts, address), address);
        ck_assert_uint_eq(function_start(starts, UINT64_MAX), UINT64_MAX);
        function_starts_close(starts);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("function_starts");
    TCase *starts = tcase_create("function_starts");
    tcase_add_checked_fixture(starts, enter_folder, leave_folder);
    tcase_add_loop_test(starts, it_is_where_the_symbols_say, 0, 2);
    tcase_add_test(starts, nothing_is_known_of_another_build_or_of_no_program);
    suite_add_tcase(suite, starts);
    return run_suite(suite);
}
