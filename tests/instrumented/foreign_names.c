/* Names as other languages make them: Vitte's C code, Rust's two manglings. Each writes down what a
 * person would call it. */
#include "../journal.h"

#define NAMED(symbol, readable, number)                                                            \
    void function_##number(void) __asm__(symbol);                                                  \
    __attribute__((noinline)) void function_##number(void)                                         \
    {                                                                                              \
        CALL_AS(readable);                                                                         \
    }

NAMED("vitte_fn_fib_1", "fib", 1)
NAMED("vitte_fn_parse_file_23", "parse_file", 2)
NAMED("vitte_fn__hidden_7", "_hidden", 3)
NAMED("vitte_aggregate_copy", "vitte_aggregate_copy", 4)
NAMED("_ZN8my_crate6module8function17h0123456789abcdefE", "my_crate::module::function", 5)
NAMED("_ZN4core3fmt9Formatter9write_str17hfedcba9876543210E", "core::fmt::Formatter::write_str", 6)
NAMED("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar", 7)
NAMED("_RNvMNtCs1234_7mycrate3fooNtB2_3Bar3baz", "<mycrate::foo::Bar>::baz", 8)
NAMED("_not_mangled_at_all", "_not_mangled_at_all", 9)

int main(void)
{
    CALL();
    function_1();
    function_2();
    function_3();
    function_4();
    function_5();
    function_6();
    function_7();
    function_8();
    function_9();
    return journal_print();
}
