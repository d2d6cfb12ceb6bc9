/* Heaps as heaptrack sees them: the same programs under both, one after the other. What heaptrack
 * itself brings is taken off: its library needs libstdc++, which allocates 72 704 bytes for
 * exceptions when there is no memory left, in programs that do not use it, too.
 *
 * Equal by definition: the number of allocations (a realloc is one), the largest number of bytes
 * that were live at one time, and, of programs in C, the bytes and blocks that were never freed.
 * What a program in C++ frees in the destructors of its static objects comes behind heaptrack's own
 * end; we see it. Temporary allocations are those that were freed before the next one was made;
 * heaptrack wants nothing else to have been freed in between, either. */
#include "tests/hazards.h"

#include <unistd.h>

enum { POOL = 72704 };

struct heap {
    long allocations, peak, live, live_blocks, temporary;
};

/* The output of heaptrack_interpret: "a SIZE …" is a kind of allocation, "+ N" one of that kind,
 * "- N" its end; numbers are hexadecimal. */
static struct heap heaptrack_says(const char *command, int has_pool)
{
    struct heap heap = {0};
    struct outcome run =
        shell("P=$(ls /usr/lib/heaptrack/libheaptrack_preload.so "
              "/usr/lib/*/heaptrack/libheaptrack_preload.so 2>/dev/null | head -1) && "
              "env DUMP_HEAPTRACK_OUTPUT=\"$PWD/raw\" LD_PRELOAD=\"$P\" %s >out.heaptrack && "
              "\"${P%%/*}/libexec/heaptrack_interpret\" <raw 2>summary | sed -n 's/^\\([-+a] "
              "[0-9a-f]*\\).*/\\1/p' >kinds && "
              "sed -n 's/^\\ttemporary allocations:[^0-9]*//p' summary",
              command);
    assert_fine(&run);
    heap.temporary = strtol(run.out, NULL, 10);
    outcome_free(&run);
    static long sizes[1 << 20];
    long kinds = 0, live = 0, blocks = 0, number, pool = -1;
    char what;
    FILE *file = fopen("kinds", "r");
    ck_assert_ptr_nonnull(file);
    while (fscanf(file, " %c %lx", &what, (unsigned long *)&number) == 2) {
        if (what == 'a') {
            ck_assert_int_lt(kinds, 1 << 20);
            pool = has_pool && pool < 0 && number == POOL ? kinds : pool;
            sizes[kinds++] = number;
            continue;
        }
        if (number == pool) /* never freed while the program runs */
            continue;
        heap.allocations += what == '+';
        live += what == '+' ? sizes[number] : -sizes[number];
        blocks += what == '+' ? 1 : -1;
        heap.peak = live > heap.peak ? live : heap.peak;
    }
    fclose(file);
    heap.live = live;
    heap.live_blocks = blocks;
    return heap;
}

static struct heap we_say(const char *command)
{
    struct heap heap = {0};
    char whole[1024];
    snprintf(whole, sizeof whole, "%s >out.ours", command);
    struct outcome run = captured("--sample 0 --events memory,processes --stacks=memory", whole);
    outcome_free(&run);
    run = shell("'%s' report --memory --by size --json x.vtrace", built_command());
    assert_fine(&run);
    json_t *document = json_loads(run.out, 0, NULL);
    const json_t *rows = json_object_get(document, "memory");
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        heap.allocations += number_in(row, "allocations");
        heap.peak += number_in(row, "peak");
        heap.live += number_in(row, "live");
        heap.live_blocks += number_in(row, "live_blocks");
        heap.temporary += number_in(row, "temporary");
    }
    json_decref(document);
    outcome_free(&run);
    return heap;
}

static const struct {
    const char *file, *package, *command;
    int has_pool; /* it is in C: heaptrack brings libstdc++ */
} programs[] = {
    {"/bin/ls", "coreutils", "/bin/ls -l /usr/bin", 1},
    {"/usr/bin/sort", "coreutils", "/usr/bin/sort --parallel=1 words", 1},
    {"/usr/bin/sqlite3", "sqlite3", "/usr/bin/sqlite3 -init script -batch :memory: .quit", 1},
    {"/usr/bin/as", "binutils", "/usr/bin/as unit.s -o unit.o", 1},
    {"/usr/bin/clang", "clang", "/usr/bin/clang --version", 0},
};

START_TEST(heaps_are_what_heaptrack_says)
{
    needs(programs[_i].file, programs[_i].package);
    needs("/usr/bin/heaptrack", "heaptrack");
    struct outcome made = shell(
        "seq 1 3000 | sed 's/.*/word & of many/' >words; "
        "{ echo 'create table t(a, b);'; seq 1 300 | sed \"s/.*/insert into t values(&, 'text "
        "&');/\"; "
        "echo 'select sum(a), max(b) from t;'; } >script; "
        "printf '#include <stdio.h>\\nint f(int n) { return n < 2 ? n : f(n - 1) + f(n - 2); }\\n"
        "int main(void) { printf(\"%%%%d\", f(9)); return 0; }\\n' >unit.c; "
        "gcc -S unit.c");
    assert_fine(&made);
    outcome_free(&made);
    struct heap theirs = heaptrack_says(programs[_i].command, programs[_i].has_pool);
    struct heap ours = we_say(programs[_i].command);
    ck_assert_int_gt(ours.allocations, 0);
    ck_assert_int_eq(ours.allocations, theirs.allocations);
    ck_assert_int_eq(ours.peak, theirs.peak);
    ck_assert_int_ge(ours.temporary, theirs.temporary);
    if (programs[_i].has_pool) {
        ck_assert_int_eq(ours.live, theirs.live);
        ck_assert_int_eq(ours.live_blocks, theirs.live_blocks);
    } else {
        ck_assert_int_lt(ours.live, theirs.live);
        ck_assert_int_lt(ours.live_blocks, theirs.live_blocks);
    }
}
END_TEST

/* Not heaptrack's view: who asked for the memory is nobody that only passes requests on. */
START_TEST(what_is_called_like_malloc_is_not_where_memory_comes_from)
{
    write_file("asks.c", "#include <stdlib.h>\n#define OUT __attribute__((noinline))\n"
                         "void *volatile kept;\n"
                         "OUT void *xmalloc(size_t n) { kept = malloc(n); return kept; }\n"
                         "OUT void *My_Realloc(size_t n) { kept = realloc(0, n); return kept; }\n"
                         "OUT void mallocate(void) { kept = xmalloc(1000); kept = 0; }\n"
                         "OUT void asks(void) { kept = My_Realloc(300); kept = 0; }\n"
                         "int main(void) { mallocate(); asks(); return 0; }\n");
    struct outcome made = shell("cc -O1 -o asks asks.c");
    assert_fine(&made);
    outcome_free(&made);
    made = captured("--stacks=memory", "./asks");
    outcome_free(&made);
    struct outcome run =
        shell("'%s' report --memory --by function --json x.vtrace | tr -d ' \\n' | "
              "grep -o '\"allocated\":[0-9]*\\|\"function\":\"[^\"]*\"' | "
              "paste - - | sort",
              built_command());
    assert_fine(&run);
    ck_assert_str_eq(run.out, "\"allocated\":1000\t\"function\":\"mallocate\"\n"
                              "\"allocated\":300\t\"function\":\"asks\"\n");
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heaptrack");
    TCase *heaps = tcase_create("heaps");
    tcase_set_timeout(heaps, 120);
    tcase_add_checked_fixture(heaps, enter_folder, leave_folder);
    tcase_add_loop_test(heaps, heaps_are_what_heaptrack_says, 0,
                        sizeof programs / sizeof programs[0]);
    tcase_add_test(heaps, what_is_called_like_malloc_is_not_where_memory_comes_from);
    suite_add_tcase(suite, heaps);
    return run_suite(suite);
}
