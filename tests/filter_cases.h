/* The tables of check_filter.c: expressions and what they keep, wrong ones and how they are
 * explained. A new case is a row. "Kept" is about SPAN of check_filter.c. */
#ifndef VT_TESTS_FILTER_CASES_H
#define VT_TESTS_FILTER_CASES_H

#include <stddef.h>
#include <stdint.h>

/* ---- and, or, not ---- */

struct verdict {
    const char *expression;
    int kept;
};

/* T holds for SPAN, F does not. */
#define T "tag(io)"
#define F "tag(memory)"

static const struct verdict precedence[] = {
    {T, 1},
    {F, 0},
    {"not " T, 0},
    {"not not " T, 1},
    {"not not not " T, 0},
    {"not(" F ")", 1},
    {T " and " T, 1},
    {T " and " F, 0},
    {F " and " T, 0},
    {F " or " T, 1},
    {T " or " F, 1},
    {F " or " F, 0},
    {F " or " F " or " T, 1},
    {T " and " T " and " F, 0},
    {T " or " T " and " F, 1},
    {"(" T " or " T ") and " F, 0},
    {F " and " F " or " T, 1},
    {F " and (" F " or " T ")", 0},
    {"not " F " and " F, 0},
    {"not (" F " and " F ")", 1},
    {"not " T " or " T, 1},
    {"not (" T " or " T ")", 0},
    {T " and not " F " and " T, 1},
    {F " or not " F " and not " T " or " F, 0},
    {T "and not(" F ")or " F, 1},
    {" \t\r\n" T "\nand\t" T " ", 1},
    {"((((" T "))))", 1},
};

/* ---- predicates ---- */

static const struct verdict predicates[] = {
    {"module(/usr/lib/libssl.so.3)", 1},
    {"module(libssl.so.3)", 1},
    {"module(libssl*)", 1},
    {"module(/usr/*)", 1},
    {"module(lib/libssl*)", 0},
    {"module(ssl)", 0},
    {"module(*ssl*)", 1},
    {"not module(libssl*)", 0},
    {"function(SSL_read)", 1},
    {"function(SSL_rea)", 0},
    {"function(SSL_readx)", 0},
    {"function(ssl_read)", 0},
    {"function(SSL_*)", 1},
    {"tag(io)", 1},
    {"tag(i?)", 1},
    {"tag(IO)", 0},
    {"thread(worker 7)", 1},
    {"thread( worker 7 )", 1},
    {"thread(worker*)", 1},
    {"thread(1234)", 1},
    {"thread (1234)", 1},
    {"thread(\"1234\")", 1},
    {"thread(001234)", 1},
    {"thread(123)", 0},
    {"thread(123?)", 0},
    {"thread(99)", 0},
    {"thread(99999999999999999999999)", 0},
    {"not thread(1234)", 0},
    {"process(vitte)", 1},
    {"process(99)", 1},
    {"process(1234)", 0},
    {"process(v*e)", 1},
    {F " or process(98) or process(99)", 1},
    {"module(libc*) or thread(1234) and process(99)", 1},
};

/* ---- patterns ---- */

/* A pattern as it stands between the parentheses, and a function name to hold it against. */
struct glob {
    const char *pattern, *name;
    int kept;
};

static const struct glob globs[] = {
    {"*", "", 1},
    {"*", "main", 1},
    {"**", "main", 1},
    {"?", "", 0},
    {"?", "m", 1},
    {"?", "ma", 0},
    {"m*n", "main", 1},
    {"m*n", "mainn", 1},
    {"m*n", "maina", 0},
    {"*ai*", "main", 1},
    {"*a*b*c*", "xxaxbxc", 1},
    {"*a*b*c*", "xxcxbxa", 0},
    {"*ab", "aab", 1},
    {"*aab", "aaaab", 1},
    {"a?c", "abc", 1},
    {"main*", "main", 1},
    {"*main", "main", 1},
    {"a*", "b", 0},
    {"[a-c]x", "bx", 1},
    {"[a-c]x", "dx", 0},
    {"[abc-]x", "-x", 1},
    {"[!a-c]x", "bx", 0},
    {"[!a-c]x", "dx", 1},
    {"[!a-c]x", "x", 0},
    {"[!]", "!", 1},
    {"[!]", "a", 0},
    {"[a-cx-z]", "y", 1},
    {"[a-cx-z]", "m", 0},
    {"[\\]]", "]", 1},
    {"[a\\-z]", "m", 0},
    {"[a\\-z]", "-", 1},
    {"[\\!a]", "!", 1},
    {"[z-a]", "m", 0},
    {"*[0-9]", "run 12", 1},
    {"[*]", "*", 1},
    {"[*]", "a", 0},
    {"\\*", "*", 1},
    {"\\*", "a", 0},
    {"\\?\\[\\\\", "?[\\", 1},
    {"a\\)", "a)", 1},
    {"\\(a", "(a", 1},
    {"[\xc0-\xff]*", "\xc3\xa9t\xc3\xa9", 1},
    {"\xc3\xa9*", "\xc3\xa9t\xc3\xa9", 1},
    {"main()", "main()", 1},
    {"operator()(int)", "operator()(int)", 1},
    {"operator()(int)", "operator()(long)", 0},
    {"operator()(*)", "operator()(long)", 1},
    {"operator[](unsigned long)", "operator[](unsigned long)", 1},
    {"*::operator[](*)", "std::string::operator[](int)", 1},
    {"std::vector<int>::push_back(int&&)", "std::vector<int>::push_back(int&&)", 1},
    {"std::vector<*>::push_back(*)", "std::vector<int>::push_back(int&&)", 1},
    {"std::vector<*>::push_back(*)", "std::vector<int>::pop_back()", 0},
    {"to_string[abi:cxx11](int)", "to_string[abi:cxx11](int)", 1},
    {"to_string\\[abi:*", "to_string[abi:cxx11](int)", 1},
    {"f() [clone .cold]", "f() [clone .cold]", 1},
    {"main::{lambda()#1}::operator()() const", "main::{lambda()#1}::operator()() const", 1},
    {"operator\"\" _kb(unsigned)", "operator\"\" _kb(unsigned)", 1},
    {"<T as core::ops::Drop>::drop", "<T as core::ops::Drop>::drop", 1},
    {"f(char*)", "f(char*)", 1},
    {"  main  ", "main", 1},
    {"  a b\\  ", "a b ", 1},
    {"and or not", "and or not", 1},
    {"\"main\"", "main", 1},
    {" \"main\" ", "main", 1},
    {"\" main \"", "main", 0},
    {"\" main \"", " main ", 1},
    {"\"ma*\"", "main", 1},
    {"\"f(\"", "f(", 1},
    {"\")\"", ")", 1},
    {"\"f<')'>()\"", "f<')'>()", 1},
    {"\"a\\\"b\"", "a\"b", 1},
    {"\"a\\\\\"", "a\\", 1},
};

/* ---- durations ---- */

static const struct {
    const char *operator;
    int below, equal, above;
} comparisons[] = {
    {">", 0, 0, 1},  {">=", 0, 1, 1}, {"<", 1, 0, 0},
    {"<=", 1, 1, 0}, {"=", 0, 1, 0},  {"!=", 1, 0, 1},
};

static const struct {
    const char *text;
    uint64_t ns;
} durations[] = {
    {"0", 0},
    {"7", 7},
    {"007", 7},
    {"7ns", 7},
    {"7 ns", 7},
    {"7us", 7000},
    {"7\xc2\xb5s", 7000},
    {"7\xce\xbcs", 7000},
    {"7ms", 7000000},
    {"7s", 7000000000},
    {"7m", 420000000000},
    {"1.5us", 1500},
    {"1.5 ms", 1500000},
    {"0.001us", 1},
    {"1.0", 1},
    {"1.000ns", 1},
    {"1.50000000000000000000000000000000us", 1500},
    {"0.000000001s", 1},
    {"1.999999999s", 1999999999},
    {"1.5m", 90000000000},
    {"0.0000000001m", 6},
    {"0.00000000005m", 3},
    {"18446744073709551615", UINT64_MAX},
    {"18446744073.709551615s", UINT64_MAX},
    {"00000000000000000000000000000001s", 1000000000},
};

/* ---- errors ---- */

#define CONDITION "expected a condition such as module(libssl*) or duration > 1ms"
#define UNITS     "; known are ns, us, \xc2\xb5s, ms, s, m"
#define KNOWN     "; known are module, function, tag, thread, process, duration"
#define OPERATOR  "expected one of > >= < <= = != after duration"
#define TOO_LONG  "this duration is too long: 2^64 ns, about 584 years, is the limit"
#define NOT_WHOLE "this duration is not a whole number of ns"

static const struct {
    const char *expression;
    size_t position;
    const char *message;
} errors[] = {
    {"", 0, "the expression is empty"},
    {" \t\n", 3, "the expression is empty"},
    {"modul(x)", 0, "unknown name 'modul'" KNOWN},
    {"tag(io) and  taG(io)", 13, "unknown name 'taG'" KNOWN},
    {"notag(io)", 0, "unknown name 'notag'" KNOWN},
    {"abcdefghijklmnopqrstuvwxyz(1)", 0, "unknown name 'abcdefghijklmnopqrstuvwx'" KNOWN},
    {"abcdefghijklmnopqrstuvw\xc3\xa9t\xc3\xa9(1)", 0,
     "unknown name 'abcdefghijklmnopqrstuvw'" KNOWN},
    {"()", 1, CONDITION},
    {"*", 0, CONDITION},
    {"!tag(io)", 0, CONDITION},
    {"tag(io) and", 11, CONDITION},
    {"tag(io) or ", 11, CONDITION},
    {"not", 3, CONDITION},
    {"and tag(io)", 0, CONDITION},
    {"tag(io) and or tag(io)", 12, CONDITION},
    {"tag(io) and )", 12, CONDITION},
    {"module", 6, "expected '(' after module"},
    {"module libssl", 7, "expected '(' after module"},
    {"tag = io", 4, "expected '(' after tag"},
    {"module(libssl", 6, "this '(' is never closed"},
    {"tag(io) and function(f(int)", 20, "this '(' is never closed"},
    {"function(f\\)", 8, "this '(' is never closed"},
    {"function(f\\", 8, "this '(' is never closed"},
    {"(tag(io)", 0, "this '(' is never closed"},
    {"tag(io) and ((tag(io)) or tag(io) ", 12, "this '(' is never closed"},
    {"tag(io))", 7, "this ')' has no '('"},
    {"function(f[a-)", 10, "this '[' is never closed; \\[ is the character itself"},
    {"function(f[a\\])", 10, "this '[' is never closed; \\[ is the character itself"},
    {"function(\"[\" )", 10, "this '[' is never closed; \\[ is the character itself"},
    {"tag()", 4, "expected a pattern such as lib*; \"\" is the empty name"},
    {"tag(  )", 6, "expected a pattern such as lib*; \"\" is the empty name"},
    {"tag(\"io)", 4, "this quote is never closed"},
    {"tag( \"io\\\")", 5, "this quote is never closed"},
    {"tag(\"io\\", 4, "this quote is never closed"},
    {"tag(\"io\"x)", 8, "expected ')' after the closing quote"},
    {"tag(\"io\"", 8, "expected ')' after the closing quote"},
    {"tag(io) tag(io)", 8, "expected 'and' or 'or', not 'tag'"},
    {"(tag(io) tag(io))", 9, "expected 'and' or 'or', not 'tag'"},
    {"tag(io) AND tag(io)", 8, "expected 'and' or 'or', not 'AND'"},
    {"tag(io) && tag(io)", 8, "expected 'and' or 'or'"},
    {"tag(io) (tag(io))", 8, "expected 'and' or 'or'"},
    {"tag(io);", 7, "expected 'and' or 'or'"},
    {"duration > 1 tag(io)", 13, "expected 'and' or 'or', not 'tag'"},
    {"duration > 1ms tag(io)", 15, "expected 'and' or 'or', not 'tag'"},
    {"duration > 1ms ms", 15, "expected 'and' or 'or', not 'ms'"},
    {"duration > 1,5ms", 12, "expected 'and' or 'or'"},
    {"duration", 8, OPERATOR},
    {"duration 1ms", 9, OPERATOR},
    {"duration(1ms)", 8, OPERATOR},
    {"duration == 1ms", 9, "unknown operator '=='; known are > >= < <= = !="},
    {"duration => 1ms", 9, "unknown operator '=>'; known are > >= < <= = !="},
    {"duration ! 1ms", 9, "unknown operator '!'; known are > >= < <= = !="},
    {"duration >", 10, "expected a duration like 1ms"},
    {"duration > ms", 11, "expected a duration like 1ms"},
    {"duration > -1ms", 11, "expected a duration like 1ms"},
    {"duration > .5ms", 11, "expected a duration like 1ms"},
    {"duration > 1.ms", 13, "expected a digit after the point"},
    {"duration > 1.", 13, "expected a digit after the point"},
    {"duration > 1sec", 12, "unknown unit 'sec'" UNITS},
    {"duration > 1 MS", 13, "unknown unit 'MS'" UNITS},
    {"duration > 1e3ms", 12, "unknown unit 'e3ms'" UNITS},
    {"duration > 1ms2", 12, "unknown unit 'ms2'" UNITS},
    {"duration > 1.5", 11, NOT_WHOLE},
    {"duration > 1.0001us", 11, NOT_WHOLE},
    {"duration > 0.0000000001s", 11, NOT_WHOLE},
    {"duration > 0.00000000001m", 11, NOT_WHOLE},
    {"duration > 0.000000000005m", 11, NOT_WHOLE},
    {"duration > 0.00000000000000000000000000001m", 11, NOT_WHOLE},
    {"duration > 18446744073709551616", 11, TOO_LONG},
    {"duration > 99999999999999999999999999999", 11, TOO_LONG},
    {"duration > 18446744073710s", 11, TOO_LONG},
    {"duration > 18446744073.709551616s", 11, TOO_LONG},
    {"duration > 307445735m", 11, TOO_LONG},
};

#endif
