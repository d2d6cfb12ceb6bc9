/* Stacks: the unwinder beside libunwind in real programs. It is linked into
 * libraries/unwind_oracle.so, which compares each stack with libunwind's in the program itself. */
#include "tests/hazards.h"

#define PERL                                                                                       \
    "for (1 .. 40000) { $h{$_} = join(q(,), map { sprintf(q(%x), $_) } 1 .. 4) } "                 \
    "for (sort(keys(%h))) { $n++ if $h{$_} =~ /a(.*)b,/ }"
#define PYTHON                                                                                     \
    "import json\n"                                                                                \
    "def f(n): return n if n < 2 else f(n - 1) + f(n - 2)\n"                                       \
    "d = {str(i): [i] * 5 for i in range(2000)}\n"                                                 \
    "for i in range(60): f(15); json.loads(json.dumps(d)); sorted(d, key=lambda k: -int(k))\n"

/* A program, the shell text that makes what it reads, and its arguments. At every `every`th malloc
 * there is a stack, and so many stacks at the least; those that a timer brings come on top. */
static const struct subject {
    const char *program, *package;
    const char *before, *arguments;
    int every;
    long least;
} subjects[] = {
    {"programs/unwinds_alloca", NULL, ":", "20000", 3, 60000},
    {"programs/unwinds_exceptions", NULL, ":", "4000", 3, 20000},
    {"/usr/bin/perl", "perl-base", ":", "-e '" PERL "'", 3, 20000},
    {"/usr/bin/python3", "python3", "echo '" PYTHON "' >x.py", "x.py", 2, 1500},
    {"/usr/bin/git", "git",
     "git init -q . && for i in $(seq 30); do seq $i 300 >f$i; git add f$i;"
     " git -c user.email=a@b -c user.name=n commit -qm $i; done",
     "--no-pager log -p --stat", 1, 1000},
    {"/usr/lib/gcc/*/*/cc1", "gcc",
     "for i in $(seq 200); do echo \"int f$i(int *a, int n) { int s = $i; for (int i = 0; i < n; "
     "i++) { if (a[i] > s) s += a[i] * n; else a[i] = s / (n + 1); } return s; }\"; done >x.c",
     "-quiet -O2 x.c -o x.s", 5, 10000},
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

/* The number behind a name in the lines that the oracle wrote; all lines together. */
static long told(const struct outcome *lines, const char *name)
{
    long sum = 0;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s ", name);
    const char *at = strstr(lines->out, wanted);
    ck_assert_msg(at != NULL, "no '%s' in: %s", name, lines->out);
    for (; at; at = strstr(at + 1, wanted))
        sum += strtol(at + strlen(wanted), NULL, 10);
    return sum;
}

START_TEST(stacks_of_real_programs_are_those_that_libunwind_sees)
{
    const struct subject *subject = &subjects[_i];
    const char *program = subject->package ? needs(subject->program, subject->package)
                                           : built_program(subject->program);
    struct outcome before = shell("%s", subject->before);
    assert_fine(&before);
    struct outcome run = shell("exec timeout -k 1 100 env ORACLE_SHOW=3 ORACLE_EVERY=%d"
                               " ORACLE_OUT=books LD_PRELOAD='%s' '%s' %s >out",
                               subject->every, built_program("libraries/unwind_oracle.so"), program,
                               subject->arguments);
    ck_assert_msg(run.code == 0, "%s: %d\n%s", program, run.code, run.err);
    struct outcome books = shell("cat books");
    long stacks = told(&books, "stacks"), same = told(&books, "same");
    long faults = told(&books, "ours_short") + told(&books, "other_frame");
    ck_assert_int_ge(stacks, subject->least);
    ck_assert_msg(stacks - same <= stacks / 1000, "%s\n%s", books.out, run.err);
    ck_assert_msg(faults <= stacks / 10000, "%s\n%s", books.out, run.err);
    ck_assert_int_ge(told(&books, "resumed"), stacks / 2); /* so that was compared, too */
    outcome_free(&books);
    outcome_free(&run);
    outcome_free(&before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unwind_oracle");
    TCase *oracle = tcase_create("oracle");
    tcase_add_checked_fixture(oracle, enter_folder, leave_folder);
    tcase_set_timeout(oracle, 120);
    tcase_add_loop_test(oracle, stacks_of_real_programs_are_those_that_libunwind_sees, 0, SUBJECTS);
    suite_add_tcase(suite, oracle);
    return run_suite(suite);
}
