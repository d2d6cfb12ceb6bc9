/* Which function an address is in, and in which files that can be found out: collector/symbols.h.
 *
 * The ELF files are built by `cc` in a folder of the test's own. Where addresses matter they come
 * from assembler files that lay functions out by hand (TEXT is their first address) and hold for
 * any architecture; nothing of what is built is ever run. */
#include "collector/symbols.h"

#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define TEXT   0x10000
#define LAYOUT "cc -nostdlib -static -no-pie -Wl,-Ttext=0x10000 -Wl,-e,0x10000 "
#define PROGRAM                                                                                    \
    "int exported(int x) { return x + 1; }\n"                                                      \
    "__attribute__((noinline)) static int hidden(int x) { return x * 3; }\n"                       \
    "int main(int argc, char **argv) { (void)argv; return exported(argc) + hidden(argc); }\n"
/* A function of assembler: `binding` is .globl, .weak or .local. */
#define FUNCTION(binding, name, size)                                                              \
    "." binding " " name "\n.type " name ",%%function\n" name ":\n.fill " #size "\n.size " name    \
    "," #size "\n"
#define ALIAS(binding, name, at, size)                                                             \
    "." binding " " name "\n.type " name ",%%function\n" name " = " at "\n.size " name "," #size   \
    "\n"

/* ---- the bench ---- */

static char folder[] = "/tmp/check_symbols.XXXXXX";
static struct symbols *symbols;

static void enter_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    char command[128];
    symbols_close(symbols);
    symbols = NULL;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    ck_assert_msg(system(command) == 0, "%s", command);
}

__attribute__((format(printf, 2, 3))) static void write_file(const char *name, const char *format,
                                                             ...)
{
    va_list arguments;
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    ck_assert_int_eq(fclose(file), 0);
}

static void open_file(const char *name, enum symbols_state state)
{
    symbols_close(symbols);
    symbols = symbols_open(name, NULL, 0);
    ck_assert_int_eq(symbols_state(symbols), state);
}

/* Lays functions out at TEXT and opens the program. */
#define open_layout(text)                                                                          \
    do {                                                                                           \
        write_file("layout.s", ".text\n" text);                                                    \
        run(LAYOUT "layout.s -o layout");                                                          \
        open_file("layout", SYMBOLS_FULL);                                                         \
    } while (0)

static uint64_t address_of(const char *file, const char *name)
{
    char command[256], line[512], found[256];
    uint64_t address = 0, value;
    snprintf(command, sizeof command, "nm %s", file);
    FILE *names = popen(command, "r");
    ck_assert_ptr_nonnull(names);
    while (fgets(line, sizeof line, names))
        if (sscanf(line, "%" SCNx64 " %*c %255s", &value, found) == 2 && strcmp(found, name) == 0)
            address = value;
    pclose(names);
    ck_assert_msg(address != 0, "%s is not in %s", name, file);
    return address;
}

static void expect(uint64_t address, const char *name, uint64_t start)
{
    uint64_t found = 0;
    const char *answer = symbols_find(symbols, address, &found);
    ck_assert_msg(answer && strcmp(answer, name) == 0 && found == start,
                  "0x%" PRIx64 ": %s at 0x%" PRIx64 ", not %s at 0x%" PRIx64, address,
                  answer ? answer : "nothing", found, name, start);
}

static void expect_nothing(uint64_t address)
{
    uint64_t start;
    const char *answer = symbols_find(symbols, address, &start);
    ck_assert_msg(answer == NULL, "0x%" PRIx64 ": %s", address, answer);
}

/* ---- looking up ---- */

START_TEST(every_byte_of_a_function_finds_it_and_none_beside)
{
    open_layout(FUNCTION("globl", "first", 16) ".skip 16\n" FUNCTION("local", "second", 8));
    expect_nothing(0);
    expect_nothing(TEXT - 1);
    for (uint64_t i = 0; i < 16; i++)
        expect(TEXT + i, "first", TEXT);
    for (uint64_t i = 16; i < 32; i++)
        expect_nothing(TEXT + i);
    for (uint64_t i = 32; i < 40; i++)
        expect(TEXT + i, "second", TEXT + 32);
    expect_nothing(TEXT + 40);
    expect_nothing(UINT64_MAX);
}
END_TEST

static const char *const kinds[] = {"-fPIE -pie", "-fno-pie -no-pie", "-static", "-fPIC -shared"};

START_TEST(programs_and_libraries_of_every_kind_are_read)
{
    write_file("program.c", PROGRAM);
    run("cc -O0 %s program.c -o program", kinds[_i]);
    open_file("program", SYMBOLS_FULL);
    uint64_t hidden = address_of("program", "hidden"), start = address_of("program", "main");
    expect(hidden, "hidden", hidden);
    expect(hidden + 1, "hidden", hidden);
    expect(start + 1, "main", start);
}
END_TEST

START_TEST(an_inner_function_does_not_hide_the_outer)
{
    open_layout(FUNCTION("globl", "outer", 32) ALIAS("local", "inner", "outer + 8", 4));
    expect(TEXT + 7, "outer", TEXT);
    expect(TEXT + 8, "inner", TEXT + 8);
    expect(TEXT + 11, "inner", TEXT + 8);
    expect(TEXT + 12, "outer", TEXT);
    expect(TEXT + 31, "outer", TEXT);
    expect_nothing(TEXT + 32);
}
END_TEST

START_TEST(a_function_without_size_reaches_the_next_of_its_section)
{
    open_layout(FUNCTION("globl", "unsized", 0) ".skip 16\n" FUNCTION(
        "globl", "next", 4) ".skip 4\n" FUNCTION("globl", "last",
                                                 0) ".skip 8\n"
                                                    ".section .other,\"ax\"\n.skip 16\n" FUNCTION(
                                                        "globl", "elsewhere", 4));
    expect(TEXT, "unsized", TEXT);
    expect(TEXT + 15, "unsized", TEXT);
    expect(TEXT + 16, "next", TEXT + 16);
    expect_nothing(TEXT + 20);
    expect(TEXT + 24, "last", TEXT + 24);
    expect(TEXT + 31, "last", TEXT + 24);
    expect_nothing(TEXT + 32);
    uint64_t elsewhere = address_of("layout", "elsewhere");
    expect_nothing(elsewhere - 1);
    expect(elsewhere, "elsewhere", elsewhere);
}
END_TEST

START_TEST(indirect_functions_count_and_data_do_not)
{
    open_layout(".globl chosen\n.type chosen,%%gnu_indirect_function\nchosen:\n.skip 8\n"
                ".size chosen,8\n"
                ".globl table\n.type table,%%object\ntable:\n.skip 8\n.size table,8\n"
                "label:\n.skip 8\n");
    expect(TEXT + 4, "chosen", TEXT);
    expect_nothing(TEXT + 8);
    expect_nothing(TEXT + 16);
}
END_TEST

START_TEST(aliases_prefer_global_then_weak_then_local)
{
    open_layout(FUNCTION("local", "a", 8) ALIAS("weak", "bb", "a", 8) ALIAS("globl", "ccc", "a", 8)
                    FUNCTION("local", "d", 8) ALIAS("weak", "ee", "d", 8));
    expect(TEXT, "ccc", TEXT);
    expect(TEXT + 8, "ee", TEXT + 8);
}
END_TEST

START_TEST(aliases_prefer_the_shorter_then_the_first_name)
{
    open_layout(FUNCTION("globl", "aaaa", 8) ALIAS("globl", "zz", "aaaa", 8)
                    ALIAS("globl", "yy", "aaaa", 8) ALIAS("globl", "bbb", "aaaa", 8));
    expect(TEXT, "yy", TEXT);
}
END_TEST

START_TEST(an_alias_without_size_does_not_change_the_functions)
{
    open_layout(FUNCTION("globl", "sized", 16) ALIAS("globl", "bare", "sized", 0)
                    ALIAS("local", "inner", "sized", 0) ".skip 4\n");
    expect(TEXT + 15, "bare", TEXT);
    expect_nothing(TEXT + 16);
}
END_TEST

START_TEST(versions_are_cut_off_names)
{
    write_file("versions.map", "V1 { };\nV2 { global: f; } V1;\n");
    write_file("library.c", "int older(void) { return 1; }\n"
                            "int newer(void) { return 2; }\n"
                            "__asm__(\".symver older,f@V1\\n.symver newer,f@@V2\");\n");
    run("cc -fPIC -shared -nostdlib -Wl,--version-script=versions.map library.c -o library.so");
    uint64_t older = address_of("library.so", "f@V1"), newer = address_of("library.so", "f@@V2");
    open_file("library.so", SYMBOLS_FULL);
    for (int again = 0; again < 2; again++) {
        expect(older, "f", older);
        expect(newer, "f", newer);
    }
}
END_TEST

/* ---- stripped files ---- */

START_TEST(stripped_file_gives_exported_names_only)
{
    write_file("program.c", PROGRAM);
    run("cc -fPIC -shared program.c -o library.so");
    uint64_t hidden = address_of("library.so", "hidden");
    uint64_t exported = address_of("library.so", "exported");
    run("strip library.so");
    open_file("library.so", SYMBOLS_DYNAMIC);
    expect(exported, "exported", exported);
    expect_nothing(hidden);
}
END_TEST

START_TEST(stripped_static_program_has_no_names)
{
    write_file("layout.s", ".text\n" FUNCTION("globl", "first", 16));
    run(LAYOUT "layout.s -o layout && strip layout");
    open_file("layout", SYMBOLS_NONE);
    expect_nothing(TEXT);
}
END_TEST

static const char *const builds[] = {"-Wl,--build-id=0x1234567890abcdef", "-Wl,--build-id=none"};

/* A stripped library and its library.debug; returns where its hidden function is. */
static uint64_t split_library(const char *build)
{
    write_file("program.c", PROGRAM);
    run("cc -fPIC -shared %s program.c -o library.so", build);
    uint64_t hidden = address_of("library.so", "hidden");
    run("objcopy --only-keep-debug library.so library.debug && "
        "strip library.so && objcopy --add-gnu-debuglink=library.debug library.so");
    return hidden;
}

START_TEST(debug_link_brings_hidden_names_back)
{
    uint64_t hidden = split_library(builds[_i % 2]);
    if (_i >= 2)
        run("mkdir .debug && mv library.debug .debug");
    open_file("library.so", SYMBOLS_FULL);
    expect(hidden, "hidden", hidden);
}
END_TEST

START_TEST(debug_file_of_another_build_is_not_used)
{
    uint64_t hidden = split_library(builds[_i]);
    run("cc -fPIC -shared -Wl,--build-id=0x9999 program.c -o other.so && "
        "objcopy --only-keep-debug other.so library.debug");
    open_file("library.so", SYMBOLS_DYNAMIC);
    expect_nothing(hidden);
}
END_TEST

/* Lays ./debug over the system's folder of debug files, for this test's process only. */
static int cover_debug_folder(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           mount("debug", "/usr/lib/debug", NULL, MS_BIND, NULL) == 0;
}

START_TEST(debug_folder_is_searched_by_build_id_first)
{
    static const uint8_t id[] = {0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef};
    uint64_t hidden = split_library(builds[0]);
    run("mkdir -p debug/.build-id/12 && "
        "mv library.debug debug/.build-id/12/34567890abcdef.debug");
    if (!cover_debug_folder()) {
        puts("skipped: no namespace to cover /usr/lib/debug in");
        return;
    }
    open_file("library.so", SYMBOLS_FULL);
    expect(hidden, "hidden", hidden);
    symbols_close(symbols); /* the traced build's names, although the file itself is gone */
    symbols = symbols_open("gone.so", id, sizeof id);
    ck_assert_int_eq(symbols_state(symbols), SYMBOLS_FULL);
    expect(hidden, "hidden", hidden);
}
END_TEST

/* ---- the wrong file ---- */

START_TEST(another_build_on_disk_is_refused)
{
    static const uint8_t id[] = {0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef};
    static const struct {
        const char *build;
        size_t size;
        enum symbols_state state;
    } rows[] = {
        {"-Wl,--build-id=0x1234567890abcdef", 8, SYMBOLS_FULL},
        {"-Wl,--build-id=0x1234567890abcdef", 0, SYMBOLS_FULL},
        {"-Wl,--build-id=0x1234567890abcdef", 7, SYMBOLS_CHANGED},
        {"-Wl,--build-id=0x1234567890abcdee", 8, SYMBOLS_CHANGED},
        {"-Wl,--build-id=none", 8, SYMBOLS_CHANGED},
        {"-Wl,--build-id=none", 0, SYMBOLS_FULL},
    };
    write_file("program.c", PROGRAM);
    for (int i = 0; i < LENGTH(rows); i++) {
        run("cc %s program.c -o program", rows[i].build);
        symbols = symbols_open("program", rows[i].size ? id : NULL, rows[i].size);
        ck_assert_msg(symbols_state(symbols) == rows[i].state, "row %d", i);
        uint64_t start, address = address_of("program", "hidden");
        ck_assert_int_eq(symbols_find(symbols, address, &start) != NULL,
                         rows[i].state == SYMBOLS_FULL);
        symbols_close(symbols);
    }
    symbols = NULL;
}
END_TEST

START_TEST(what_is_no_program_is_missing)
{
    write_file("text", "\177ELF, or so it says\n");
    write_file("empty", "%s", "");
    write_file("layout.s", ".text\n" FUNCTION("globl", "first", 16));
    run("cc -c layout.s -o object.o && mkfifo pipe");
    static const char *const names[] = {"nowhere", ".",         "",       "text",    "empty",
                                        "pipe",    "/dev/zero", "[vdso]", "object.o"};
    for (int i = 0; i < LENGTH(names); i++) {
        open_file(names[i], SYMBOLS_MISSING);
        expect_nothing(0);
    }
}
END_TEST

/* Reads a small program whole, and asks the file made from it about everything. */
static size_t read_program(char *bytes, size_t size)
{
    write_file("versions.map", "V1 { };\nV2 { global: f; } V1;\n");
    write_file("layout.s", ".text\n" FUNCTION("globl", "f", 16) ALIAS("globl", "g", "f", 0)
                               FUNCTION("local", "h", 0) ".symver g,f@V1\n");
    run("cc -shared -nostdlib -Wl,--build-id=0x1234 -Wl,--version-script=versions.map layout.s "
        "-o library.so && : > library.debug && objcopy --add-gnu-debuglink=library.debug "
        "library.so");
    FILE *file = fopen("library.so", "r");
    ck_assert_ptr_nonnull(file);
    size = fread(bytes, 1, size, file);
    fclose(file);
    return size;
}

static void ask_about(const char *bytes, size_t size)
{
    uint64_t start;
    FILE *file = fopen("damaged.so", "w");
    ck_assert_ptr_nonnull(file);
    fwrite(bytes, 1, size, file);
    fclose(file);
    struct symbols *damaged = symbols_open("damaged.so", NULL, 0);
    for (uint64_t address = 0; address < 0x4000; address += 3) {
        const char *name = symbols_find(damaged, address, &start);
        ck_assert(name == NULL || (strlen(name) > 0 && start <= address));
    }
    symbols_close(damaged);
}

START_TEST(truncated_files_do_not_fault)
{
    static char bytes[1 << 16];
    size_t size = read_program(bytes, sizeof bytes);
    for (size_t length = 0; length < size; length += length < 128 ? 1 : 61)
        ask_about(bytes, length);
}
END_TEST

START_TEST(damaged_files_do_not_fault)
{
    static char bytes[1 << 16], damaged[1 << 16];
    size_t size = read_program(bytes, sizeof bytes);
    uint32_t random = 1;
    for (int round = 0; round < 500; round++) {
        memcpy(damaged, bytes, size);
        for (int i = 0; i < 4; i++) {
            random = random * 1664525 + 1013904223;
            /* mostly the header and the section headers, at the end */
            size_t at = random >> 8 & 1 ? random >> 9 & 63 : size - 1 - (random >> 9) % (size / 4);
            damaged[at] = (char)(random >> 24);
        }
        ask_about(damaged, size);
    }
}
END_TEST

static Suite *build_suite(void)
{
    Suite *suite = suite_create("symbols");
    TCase *lookup = tcase_create("looking up");
    tcase_add_checked_fixture(lookup, enter_folder, leave_folder);
    tcase_set_timeout(lookup, 60);
    tcase_add_test(lookup, every_byte_of_a_function_finds_it_and_none_beside);
    tcase_add_loop_test(lookup, programs_and_libraries_of_every_kind_are_read, 0, LENGTH(kinds));
    tcase_add_test(lookup, an_inner_function_does_not_hide_the_outer);
    tcase_add_test(lookup, a_function_without_size_reaches_the_next_of_its_section);
    tcase_add_test(lookup, indirect_functions_count_and_data_do_not);
    tcase_add_test(lookup, aliases_prefer_global_then_weak_then_local);
    tcase_add_test(lookup, aliases_prefer_the_shorter_then_the_first_name);
    tcase_add_test(lookup, an_alias_without_size_does_not_change_the_functions);
    tcase_add_test(lookup, versions_are_cut_off_names);
    suite_add_tcase(suite, lookup);

    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, enter_folder, leave_folder);
    tcase_set_timeout(files, 60);
    tcase_add_test(files, stripped_file_gives_exported_names_only);
    tcase_add_test(files, stripped_static_program_has_no_names);
    tcase_add_loop_test(files, debug_link_brings_hidden_names_back, 0, 4);
    tcase_add_loop_test(files, debug_file_of_another_build_is_not_used, 0, LENGTH(builds));
    tcase_add_test(files, debug_folder_is_searched_by_build_id_first);
    tcase_add_test(files, another_build_on_disk_is_refused);
    tcase_add_test(files, what_is_no_program_is_missing);
    tcase_add_test(files, truncated_files_do_not_fault);
    tcase_add_test(files, damaged_files_do_not_fault);
    suite_add_tcase(suite, files);
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
