/* Which line an address is of, and what is inlined there: collector/lines.h. The files are compiled
 * here; nothing of what is built is ever run, but llvm-symbolizer, whose answers must be ours. */
#include "collector/lines.h"
#include "tests/hazards.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define ID            "-Wl,--build-id=0x1234567890abcdef"

/* The line numbers are those below. */
static const char program_c[] = "static int hidden(int x)\n"      /* 1 */
                                "{\n"                             /* 2 */
                                "    return x * 3;\n"             /* 3 */
                                "}\n"                             /* 4 */
                                "\n"                              /* 5 */
                                "int exported(int x)\n"           /* 6 */
                                "{\n"                             /* 7 */
                                "    return hidden(x) + 1;\n"     /* 8 */
                                "}\n"                             /* 9 */
                                "int main(int argc, char **v)\n"  /* 10 */
                                "{\n"                             /* 11 */
                                "    (void)v;\n"                  /* 12 */
                                "    return exported(argc);\n"    /* 13 */
                                "}\n";                            /* 14 */
static const char program_cc[] = "namespace space {\n"            /* 1 */
                                 "struct thing {\n"               /* 2 */
                                 "    int member(int x);\n"       /* 3 */
                                 "};\n"                           /* 4 */
                                 "int thing::member(int x)\n"     /* 5 */
                                 "{\n"                            /* 6 */
                                 "    return x + 1;\n"            /* 7 */
                                 "}\n"                            /* 8 */
                                 "}\n"                            /* 9 */
                                 "int main(int argc, char **)\n"  /* 10 */
                                 "{\n"                            /* 11 */
                                 "    auto twice = [](int x) {\n" /* 12 */
                                 "        return x * 2;\n"        /* 13 */
                                 "    };\n"                       /* 14 */
                                 "    return twice(space::thing().member(argc));\n"
                                 "}\n";
static const char inlined_c[] =
    "#define INLINE static inline __attribute__((always_inline))\n" /* 1 */
    "volatile int sink;\n"                                          /* 2 */
    "INLINE void inner(int x)\n"                                    /* 3 */
    "{\n"                                                           /* 4 */
    "    sink = x;\n"                                               /* 5 */
    "}\n"                                                           /* 6 */
    "INLINE void middle(int x)\n"                                   /* 7 */
    "{\n"                                                           /* 8 */
    "    if (x > 3)\n"                                              /* 9 */
    "        inner(x * 5);\n"                                       /* 10 */
    "}\n"                                                           /* 11 */
    "__attribute__((noinline)) void outer(int x)\n"                 /* 12 */
    "{\n"                                                           /* 13 */
    "    sink = 0;\n"                                               /* 14 */
    "    middle(x);\n"                                              /* 15 */
    "    sink = 7;\n"                                               /* 16 */
    "}\n"                                                           /* 17 */
    "int main(int argc, char **v)\n"                                /* 18 */
    "{\n"                                                           /* 19 */
    "    (void)v;\n"                                                /* 20 */
    "    outer(argc);\n"                                            /* 21 */
    "    return 0;\n"                                               /* 22 */
    "}\n";                                                          /* 23 */

/* ---- the bench ---- */

static void run(const char *command)
{
    struct outcome outcome = shell("%s", command);
    ck_assert_msg(outcome.code == 0, "%s: %s", command, outcome.err);
    outcome_free(&outcome);
}

/* Where a symbol begins, and how long it is. */
static uint64_t symbol_of(const char *file, const char *name, uint64_t *size)
{
    struct outcome nm = shell("nm -S '%s' | grep ' [tTwW] %s$'", file, name);
    uint64_t start = 0;
    ck_assert_msg(sscanf(nm.out, "%" SCNx64 " %" SCNx64, &start, size) == 2, "no %s in %s", name,
                  file);
    outcome_free(&nm);
    return start;
}

static void expect_definition(struct lines *lines, const char *file, const char *symbol,
                              const char *source, unsigned line, const char *function)
{
    uint64_t size, start = symbol_of(file, symbol, &size);
    for (uint64_t i = 0; i < size; i++) {
        const struct source_frame *found = lines_function(lines, start + i);
        ck_assert_msg(found != NULL, "%s+%u: not known", symbol, (unsigned)i);
        ck_assert_str_eq(found->file, source);
        ck_assert_str_eq(found->function, function);
        ck_assert_uint_eq(found->line, line);
    }
}

static void expect_nothing(const char *file, uint64_t address)
{
    const struct source_frame *frames;
    struct lines *lines = lines_open(file, NULL, 0);
    ck_assert_uint_eq(lines_at(lines, address, &frames), 0);
    ck_assert_ptr_null(lines_function(lines, address));
    lines_close(lines);
}

/* ---- functions ---- */

static const char *const compilers[] = {
    "cc -O0 -gdwarf-4",
    "cc -O0 -gdwarf-5 -fPIC -shared",
    "cc -O1 -g -no-pie -fno-inline",
    "cc -O0 -g -gz=zlib",
    "clang -O0 -gdwarf-4",
    "clang -O0 -gdwarf-5",
};

START_TEST(functions_of_c_are_where_they_are_written)
{
    char command[256];
    write_file("program.c", program_c);
    snprintf(command, sizeof command, "%s program.c -o program", compilers[_i]);
    run(command);
    struct lines *lines = lines_open("program", NULL, 0);
    expect_definition(lines, "program", "hidden", "program.c", 1, "hidden");
    expect_definition(lines, "program", "exported", "program.c", 6, "exported");
    expect_definition(lines, "program", "main", "program.c", 10, "main");
    lines_close(lines);
}
END_TEST

START_TEST(functions_of_cxx_are_where_they_are_written)
{
    static const char *const options[] = {"c++ -O0 -gdwarf-4", "c++ -O0 -gdwarf-5",
                                          "c++ -O0 -g -gsplit-dwarf", "clang++ -O0 -g"};
    char command[256];
    write_file("program.cc", program_cc);
    snprintf(command, sizeof command, "%s program.cc -o program", options[_i]);
    run(command);
    struct lines *lines = lines_open("program", NULL, 0);
    expect_definition(lines, "program", "_ZN5space5thing6memberEi", "program.cc", 5,
                      "space::thing::member(int)");
    expect_definition(lines, "program", "main", "program.cc", 10, "main");
    uint64_t size, lambda = symbol_of("program", ".*clEi", &size);
    const struct source_frame *found = lines_function(lines, lambda);
    ck_assert_ptr_nonnull(found);
    ck_assert_uint_eq(found->line, 12);
    lines_close(lines);
}
END_TEST

START_TEST(paths_are_relative_to_where_the_compiler_ran)
{
    char shown[64];
    run("mkdir -p a/b/c");
    write_file("a/b/c/program.c", program_c);
    run("cc -g a/b/c/program.c -o program");
    struct lines *lines = lines_open("program", NULL, 0);
    uint64_t size;
    const struct source_frame *found =
        lines_function(lines, symbol_of("program", "exported", &size));
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found->file, "a/b/c/program.c");
    ck_assert_int_eq(found->directory[0], '/');
    ck_assert_str_eq(source_show(shown, sizeof shown, found, 0), "a/b/c/program.c:6");
    ck_assert_str_eq(source_show(shown, sizeof shown, found, 2), "c/program.c:6");
    ck_assert_str_eq(source_show(shown, 5, found, 1), "prog");
    lines_close(lines);
}
END_TEST

/* ---- inlined functions ---- */

static void expect_chain(const struct source_frame *frames)
{
    static const struct {
        const char *function;
        unsigned line;
    } chain[] = {{"inner", 5}, {"middle", 10}, {"outer", 15}};
    for (int i = 0; i < LENGTH(chain); i++) {
        ck_assert_str_eq(frames[i].function, chain[i].function);
        ck_assert_str_eq(frames[i].file, "inlined.c");
        ck_assert_uint_eq(frames[i].line, chain[i].line);
    }
}

START_TEST(inlined_functions_come_innermost_first_with_the_lines_of_their_calls)
{
    static const char *const options[] = {"cc -O2 -gdwarf-4", "cc -O2 -gdwarf-5", "clang -O2 -g"};
    char command[256];
    uint64_t size, start;
    int chains = 0, plain = 0;
    write_file("inlined.c", inlined_c);
    snprintf(command, sizeof command, "%s inlined.c -o program", options[_i]);
    run(command);
    start = symbol_of("program", "outer", &size);
    struct lines *lines = lines_open("program", NULL, 0);
    for (uint64_t i = 0; i < size; i++) {
        const struct source_frame *frames;
        size_t count = lines_at(lines, start + i, &frames);
        ck_assert_uint_ge(count, 1);
        ck_assert_str_eq(frames[count - 1].function, "outer");
        if (count == 3 && frames[0].line == 5)
            expect_chain(frames), chains++;
        plain += count == 1 && frames[0].line >= 12 && frames[0].line <= 17;
    }
    ck_assert_int_gt(chains, 0);
    ck_assert_int_gt(plain, 0);
    lines_close(lines);
}
END_TEST

/* ---- which file ---- */

START_TEST(a_stripped_file_says_nothing)
{
    uint64_t size, start;
    write_file("program.c", program_c);
    run("cc -g program.c -o program");
    start = symbol_of("program", "main", &size);
    run("strip -g program");
    expect_nothing("program", start);
    expect_nothing("no such file", start);
    write_file("text", "not an ELF file");
    expect_nothing("text", start);
}
END_TEST

START_TEST(another_build_is_not_used)
{
    static const uint8_t traced[] = {0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xee};
    const struct source_frame *frames;
    uint64_t size, start;
    write_file("program.c", program_c);
    run("cc -g " ID " program.c -o program");
    start = symbol_of("program", "main", &size);
    struct lines *lines = lines_open("program", traced, sizeof traced);
    ck_assert_uint_eq(lines_at(lines, start, &frames), 0);
    ck_assert_ptr_null(lines_function(lines, start));
    lines_close(lines);
}
END_TEST

static void split_program(void)
{
    write_file("program.c", program_c);
    run("cc -O0 -g " ID " program.c -o program && cp program whole && "
        "objcopy --only-keep-debug program program.debug && strip -g program");
}

START_TEST(a_debug_file_is_found_by_its_link)
{
    split_program();
    run("objcopy --add-gnu-debuglink=program.debug program");
    struct lines *lines = lines_open("program", NULL, 0);
    expect_definition(lines, "whole", "exported", "program.c", 6, "exported");
    lines_close(lines);
}
END_TEST

/* Lays ./debug over the system's folder of debug files, for this test's process only. */
static int cover_debug_folder(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           mount("debug", "/usr/lib/debug", NULL, MS_BIND, NULL) == 0;
}

START_TEST(a_debug_file_is_found_by_build_id)
{
    static const uint8_t id[] = {0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef};
    split_program();
    run("mkdir -p debug/.build-id/12 && mv program.debug debug/.build-id/12/34567890abcdef.debug");
    if (!cover_debug_folder()) {
        puts("skipped: no namespace to cover /usr/lib/debug in");
        return;
    }
    struct lines *lines = lines_open("program", id, sizeof id);
    expect_definition(lines, "whole", "exported", "program.c", 6, "exported");
    lines_close(lines);
    run("rm program"); /* what the debug file says is still about the traced build */
    lines = lines_open("program", id, sizeof id);
    expect_definition(lines, "whole", "hidden", "program.c", 1, "hidden");
    lines_close(lines);
}
END_TEST

/* dwz -m: what two debug files have in common lies in a third. The inlined function's name is
 * there. */
START_TEST(what_dwz_moved_into_a_shared_file_is_found)
{
    needs("/usr/bin/dwz", "dwz");
    write_file("inlined.c", inlined_c);
    run("cc -O2 -g inlined.c -o one && cc -O2 -g inlined.c -Wl,--build-id=0x99 -o two && "
        "dwz -m shared.debug one two && readelf -S one | grep -q gnu_debugaltlink");
    for (int gone = 0; gone < 2; gone++) {
        uint64_t size, start = symbol_of("one", "outer", &size);
        int chains = 0;
        struct lines *lines = lines_open("one", NULL, 0);
        for (uint64_t i = 0; i < size; i++) {
            const struct source_frame *frames;
            if (lines_at(lines, start + i, &frames) == 3 && frames[0].line == 5 &&
                frames[0].function)
                expect_chain(frames), chains++;
        }
        if (gone)
            ck_assert_int_eq(chains, 0); /* names are not known, and nothing crashes */
        else
            ck_assert_int_gt(chains, 0);
        lines_close(lines);
        run("rm -f shared.debug");
    }
}
END_TEST

/* ---- damage ---- */

enum { MUTANTS = 200 };

/* Bytes of the debug sections are changed: any answer will do, but it must come. */
START_TEST(damaged_debug_information_does_no_harm)
{
    uint32_t random = 12345 + (uint32_t)_i;
    uint64_t size, start;
    unsigned long offset, length;
    write_file("inlined.c", inlined_c);
    run("cc -O2 -g inlined.c -o whole");
    start = symbol_of("whole", "outer", &size);
    struct outcome sections =
        shell("readelf -SW whole | sed -n 's/.* \\.debug_info *PROGBITS *[^ ]* "
              "\\([^ ]*\\) .*/\\1/p; s/.* \\.debug_line_str *PROGBITS *[^ ]* "
              "\\([^ ]*\\) .*/\\1/p'");
    ck_assert_int_eq(sscanf(sections.out, "%lx %lx", &offset, &length), 2);
    outcome_free(&sections);
    length -= offset; /* from .debug_info to .debug_line_str: abbreviations and lines too */
    for (int mutant = 0; mutant < MUTANTS; mutant++) {
        run("cp whole program");
        FILE *file = fopen("program", "r+");
        ck_assert_ptr_nonnull(file);
        for (int i = 0; i <= mutant % 8; i++) {
            random = random * 1664525 + 1013904223;
            fseek(file, (long)(offset + (random >> 8) % length), SEEK_SET);
            fputc((int)(random >> 3 & 255), file);
        }
        fclose(file);
        struct lines *lines = lines_open("program", NULL, 0);
        for (uint64_t i = 0; i < size; i++) {
            const struct source_frame *frames;
            size_t count = lines_at(lines, start + i, &frames);
            ck_assert_uint_le(count, 65);
            lines_function(lines, start + i);
        }
        lines_close(lines);
    }
}
END_TEST

/* ---- the oracle ---- */

/* "0x12:" then "file.c:12" for each frame: what two symbolizers have to agree on. Paths are put
 * together in different ways; column and discriminator are not compared. */
static const char oracle[] = "llvm-symbolizer --output-style=GNU -a -i -f -e '%s' <addresses 2>&1 "
                             "| awk '/^0x/ { print; n = 0; "
                             "next } { if (++n %% 2 == 0) { sub(/ .*/, \"\"); sub(/.*\\//, \"\"); "
                             "split($0, p, \":\"); print "
                             "p[1] \":\" p[2] + 0 } }' >theirs";

static void write_addresses(const char *file)
{
    uint32_t random = 7;
    unsigned long low, size;
    struct outcome text =
        shell("readelf -SW '%s' | sed -n 's/.* \\.text *PROGBITS *\\([^ ]*\\) [^ ]* \\([^ ]*\\) "
              ".*/\\1 \\2/p'",
              file);
    ck_assert_int_eq(sscanf(text.out, "%lx %lx", &low, &size), 2);
    FILE *addresses = fopen("addresses", "w");
    for (int i = 0; i < 1000; i++) {
        random = random * 1664525 + 1013904223;
        fprintf(addresses, "0x%lx\n", low + ((unsigned long)random << 7 ^ random >> 9) % size);
    }
    fclose(addresses);
    outcome_free(&text);
}

static size_t write_ours(const char *file)
{
    unsigned long address;
    size_t inlined = 0;
    FILE *addresses = fopen("addresses", "r"), *ours = fopen("ours", "w");
    struct lines *lines = lines_open(file, NULL, 0);
    while (fscanf(addresses, "%lx", &address) == 1) {
        const struct source_frame *frames;
        size_t count = lines_at(lines, address, &frames);
        fprintf(ours, "0x%lx\n", address);
        if (count == 0)
            fputs("??:0\n", ours);
        for (size_t i = 0; i < count; i++) {
            const char *name = frames[i].file ? frames[i].file : "??";
            const char *slash = strrchr(name, '/');
            fprintf(ours, "%s:%u\n", slash ? slash + 1 : name, frames[i].line);
        }
        inlined += count > 1;
    }
    lines_close(lines);
    fclose(addresses);
    fclose(ours);
    return inlined;
}

START_TEST(a_thousand_addresses_are_what_llvm_symbolizer_says)
{
    needs("/usr/bin/llvm-symbolizer", "llvm");
    const char *const files[] = {built_command(), "/lib/*-linux-gnu/libc.so.6"};
    const char *file = needs(files[_i], "libc6");
    if (_i)
        needs("/usr/lib/debug/.build-id/*/*.debug", "libc6-dbg");
    write_addresses(file);
    ck_assert_uint_gt(write_ours(file), 50);
    outcome_free((struct outcome[]){shell(oracle, file)});
    /* line 0 is none: llvm has a file's name for it, from the symbol table or the code around */
    struct outcome diff = shell("sed -i 's/^.*:0$/??:0/; s/^0x0*/0x/' theirs ours; "
                                "wc -l <theirs; diff ours theirs");
    ck_assert_msg(diff.code == 0 && atoi(diff.out) > 2000, "%s: %.2000s", file, diff.out);
    outcome_free(&diff);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lines");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, enter_folder, leave_folder);
    tcase_set_timeout(files, 60);
    tcase_add_loop_test(files, functions_of_c_are_where_they_are_written, 0, LENGTH(compilers));
    tcase_add_loop_test(files, functions_of_cxx_are_where_they_are_written, 0, 4);
    tcase_add_test(files, paths_are_relative_to_where_the_compiler_ran);
    tcase_add_loop_test(files, inlined_functions_come_innermost_first_with_the_lines_of_their_calls,
                        0, 3);
    tcase_add_test(files, a_stripped_file_says_nothing);
    tcase_add_test(files, another_build_is_not_used);
    tcase_add_test(files, a_debug_file_is_found_by_its_link);
    tcase_add_test(files, a_debug_file_is_found_by_build_id);
    tcase_add_test(files, what_dwz_moved_into_a_shared_file_is_found);
    tcase_add_loop_test(files, damaged_debug_information_does_no_harm, 0, 4);
    tcase_add_loop_test(files, a_thousand_addresses_are_what_llvm_symbolizer_says, 0, 2);
    suite_add_tcase(suite, files);
    return run_suite(suite);
}
