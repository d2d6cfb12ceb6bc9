/* H27, H28, H34: what stacks must not change in the program. H29 to H33 and H35 are the unwinder's
 * own: check_unwind.c, check_unwind_garbage.c, and the storm in check_samples.c. */
#include "tests/folded.h"

#include <elf.h>

/* Fails: an unwinder that keeps descriptors of its own, or that replaces return addresses to hear
 * of returns. */
START_TEST(h27_h34_descriptors_and_return_addresses_are_the_program_s)
{
    struct outcome run = captured("--stacks --sample 1000", built_program("programs/h34_returns"));
    ck_assert_int_eq(book(&run, "looked"), 300 * 41);
    ck_assert_int_eq(book(&run, "changed"), 0);
    ck_assert_int_eq(book(&run, "descriptors"), 0);
    ck_assert_int_eq(book(&run, "mine"), 3);
    ck_assert_int_eq(book(&run, "bytes"), 0);
    struct outcome stacks = shell("'%s' export -q -f folded --weight calls -o - x.vtrace | grep -c "
                                  "';main;descend;.*malloc '",
                                  built_command());
    ck_assert_int_eq(atoi(stacks.out), 41);
    struct outcome modules = shell("'%s' info x.vtrace | grep -c libunwind", built_command());
    ck_assert_int_eq(atoi(modules.out), 0);
    outcome_free(&modules);
    outcome_free(&stacks);
    outcome_free(&run);
}
END_TEST

/* Fails: libunwind linked, or loaded with its names for all to see: exceptions go through it. */
START_TEST(h28_exceptions_stay_with_libgcc)
{
    static const char *const ways[] = {"auto", "libunwind"};
    needs("/usr/lib/x86_64-linux-gnu/libunwind.so.8", "libunwind8");
    char command[1024];
    snprintf(command, sizeof command,
             "env VITTE_TRACE_UNWIND=%s '%s' record -q -o x.vtrace --stacks "
             "-- '%s' '%s'",
             ways[_i], built_command(), built_program("programs/h28_throws"),
             built_program("libraries/plugin.so"));
    struct outcome run = shell("exec timeout -k 1 60 %s", command);
    assert_fine(&run);
    ck_assert_int_eq(book(&run, "caught"), 50);
    ck_assert_int_eq(book(&run, "libgcc"), 1);
    struct outcome stacks =
        shell("'%s' export -q -f folded --weight calls -o - x.vtrace | awk "
              "'/;main;plugin_work;plugin_inner;thrower[^;]*;malloc / {n += $NF} END {print n}'",
              built_command());
    ck_assert_int_eq(atoi(stacks.out), 50);
    /* the stacks are libunwind's when it was asked for */
    struct outcome modules = shell("'%s' info x.vtrace | grep -c 'libunwind.so'", built_command());
    ck_assert_int_eq(atoi(modules.out), _i);
    outcome_free(&modules);
    outcome_free(&stacks);
    outcome_free(&run);
}
END_TEST

/* ---- tables that are damaged ---- */

enum { HOLE = 1 << 20 }; /* so far behind a segment's start is none, with pages of 2 MiB */

struct table_entry {
    int32_t start, description;
};

/* What a search table and the descriptions that it leads to are damaged by. */
static void leave(uint32_t *count, struct table_entry *entries, char *header)
{
    (void)count, (void)entries, (void)header;
}

static void make_table_long(uint32_t *count, struct table_entry *entries, char *header)
{
    (void)entries, (void)header;
    *count = 2 * HOLE / sizeof(struct table_entry);
}

static void point_into_hole(uint32_t *count, struct table_entry *entries, char *header)
{
    (void)header;
    for (uint32_t i = 0; i < *count; i++)
        entries[i].description = HOLE;
}

static void make_descriptions_long(uint32_t *count, struct table_entry *entries, char *header)
{
    const uint32_t length = 2 * HOLE;
    for (uint32_t i = 0; i < *count; i++)
        memcpy(header + entries[i].description, &length, sizeof length);
}

static void make_shared_part_far(uint32_t *count, struct table_entry *entries, char *header)
{
    for (uint32_t i = 0; i < *count; i++) { /* before the header, in the hole before its segment */
        uint32_t distance = (uint32_t)(HOLE + entries[i].description);
        memcpy(header + entries[i].description + 4, &distance, sizeof distance);
    }
}

static const struct damage {
    void (*make)(uint32_t *count, struct table_entry *entries, char *header);
    int has_stacks; /* still */
} damages[] = {
    {leave, 1},
    {make_table_long, 0},
    {point_into_hole, 0},
    {make_descriptions_long, 0},
    {make_shared_part_far, 0},
};

static void damage_tables(const char *path, const struct damage *damage)
{
    static char image[16 << 20];
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(image, 1, sizeof image, file);
    const Elf64_Ehdr *elf = (const void *)image;
    const Elf64_Phdr *segment = (const void *)(image + elf->e_phoff);
    for (int i = 0; i < elf->e_phnum; i++, segment++) {
        if (segment->p_type != PT_GNU_EH_FRAME)
            continue;
        char *header = image + segment->p_offset; /* four bytes, where .eh_frame is, a count */
        damage->make((void *)(header + 8), (void *)(header + 12), header);
    }
    rewind(file);
    ck_assert_uint_eq(fwrite(image, 1, size, file), size);
    fclose(file);
}

/* Fails: what is read of tables bounded by the whole module, between whose segments are holes. */
START_TEST(h33_damaged_tables_never_fault)
{
    write_file("library.c",
               "#include <stdlib.h>\n"
               "void *allocate(void) { void *volatile p = malloc(4321); return p; }\n");
    struct outcome made = shell("gcc -O1 -fPIC -shared -Wl,-z,max-page-size=0x200000 "
                                "-Wl,-z,separate-code -o library.so library.c");
    assert_fine(&made);
    outcome_free(&made);
    damage_tables("library.so", &damages[_i]);
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "%s ./library.so", built_program("programs/h33_allocates"));
    struct outcome run = captured("--stacks --sample 0", command);
    ck_assert_int_eq(book(&run, "allocated"), 10);
    char *stacks = folded("allocated");
    ck_assert_double_eq(weight_of(stacks, ";main;allocate;malloc"),
                        damages[_i].has_stacks ? 43210 : 0);
    ck_assert_double_ge(weight_of(stacks, "allocate;malloc"), 43210);
    free(stacks);
    outcome_free(&run);
}
END_TEST

/* ---- walks that are interrupted ---- */

/* What h32_walks does in the middle of walks; each line of its book is a path and its calls. */
static void check_walks(const char *way)
{
    char command[PATH_MAX + 32], path[256], part[300];
    long calls;
    int lines = 0;
    snprintf(command, sizeof command, "%s %s", built_program("programs/h32_walks"), way);
    struct outcome run = captured("--stacks=memory --sample 0", command);
    char *stacks = folded("calls");
    for (const char *line = run.out; sscanf(line, "%255s %ld", path, &calls) == 2;
         line = strchr(line, '\n') + 1) {
        if (!strchr(path, ';'))
            continue;
        snprintf(part, sizeof part, ";%s", path);
        ck_assert_msg(weight_of(stacks, part) == (double)calls,
                      "%s: %s: %.0f calls, really %ld\n%s", way, path, weight_of(stacks, part),
                      calls, stacks);
        lines++;
    }
    ck_assert_int_gt(lines, 0);
    free(stacks);
    outcome_free(&run);
}

/* Fails: memory for walks that a fork's child does not have. */
START_TEST(h36_a_fork_s_child_returns_into_a_walk)
{
    check_walks("fork");
}
END_TEST

/* Fails: definitions that a child writes before it has a file of its own: into its parent's. */
START_TEST(h37_a_child_of_a_raw_fork_returns_into_a_walk)
{
    check_walks("unseen");
}
END_TEST

/* Fails: a walk that is suspended, or that a handler elsewhere interrupted, taken for one that was
 * left; and one that was left taken for good. */
START_TEST(h32_walks_that_are_interrupted_stay_their_owner_s)
{
    static const char *const ways[] = {"fibers", "fiber", "alternative", "left"};
    check_walks(ways[_i]);
}
END_TEST

START_TEST(an_unwinder_that_is_not_there_is_told_of)
{
    struct outcome run =
        shell("VITTE_TRACE_UNWIND=magic '%s' record -q -o x.vtrace --stacks -- "
              "'%s' && '%s' info x.vtrace | grep -c VITTE_TRACE_UNWIND",
              built_command(), built_program("programs/call_paths"), built_command());
    ck_assert_ptr_nonnull(strstr(run.out, "\n1\n"));
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stacks");
    TCase *hazards = tcase_create("hazards");
    tcase_set_timeout(hazards, 100);
    tcase_add_checked_fixture(hazards, enter_folder, leave_folder);
    tcase_add_test(hazards, h27_h34_descriptors_and_return_addresses_are_the_program_s);
    tcase_add_loop_test(hazards, h28_exceptions_stay_with_libgcc, 0, 2);
    tcase_add_loop_test(hazards, h33_damaged_tables_never_fault, 0,
                        sizeof damages / sizeof damages[0]);
    tcase_add_test(hazards, h36_a_fork_s_child_returns_into_a_walk);
    tcase_add_test(hazards, h37_a_child_of_a_raw_fork_returns_into_a_walk);
    tcase_add_loop_test(hazards, h32_walks_that_are_interrupted_stay_their_owner_s, 0, 4);
    tcase_add_test(hazards, an_unwinder_that_is_not_there_is_told_of);
    suite_add_tcase(suite, hazards);
    return run_suite(suite);
}
