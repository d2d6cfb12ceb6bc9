/* Damaged sessions: cut off anywhere, bits turned over anywhere. Whatever is read: no crash; either
 * the output is there and whole, or it is not there and one line says which file and what to do. */
#include "tests/lines.h"
#include "tests/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

enum { MAX_FILES = 32, FLIPS = 320 };

struct file {
    char name[64], path[PATH_MAX];
    unsigned char *bytes;
    size_t size;
};

static struct file files[MAX_FILES];
static size_t file_count;
static uint64_t all_calls; /* function spans of the sound session */

static void read_file(struct file *file, const char *name)
{
    struct stat info;
    snprintf(file->name, sizeof file->name, "%.60s", name);
    snprintf(file->path, sizeof file->path, "s.vtrace/%s", name);
    FILE *from = fopen(file->path, "rb");
    ck_assert(from && fstat(fileno(from), &info) == 0);
    file->size = (size_t)info.st_size;
    file->bytes = malloc(file->size + 1);
    ck_assert_ptr_nonnull(file->bytes);
    ck_assert_uint_eq(fread(file->bytes, 1, file->size, from), file->size);
    fclose(from);
}

static int by_name(const void *a, const void *b)
{
    const struct file *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static void store(const struct file *file, const unsigned char *bytes, size_t size)
{
    int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)(write(fd, bytes, size) == (ssize_t)size), 1);
    close(fd);
}

/* How many function spans the stream in `out` has; it must be whole. */
static uint64_t calls_in(const char *out, uint64_t *lost)
{
    char command[128];
    struct stream stream;
    struct line line;
    uint64_t calls = 0, ends = 0;
    snprintf(command, sizeof command, "cat %s", out);
    stream_open(&stream, command);
    while (stream_next(&stream, &line)) {
        ck_assert_uint_eq(ends, 0);
        calls += (unsigned)(slice_is(line.type, "span") && slice_is(line.tag, "function"));
        if (slice_is(line.type, "end")) {
            ends++;
            *lost = line.events_lost;
        }
    }
    stream_close(&stream);
    ck_assert_msg(ends == 1, "%s was left, and is not whole", out);
    return calls;
}

/* A session with every kind of file: two threads in each of two processes. */
static void make_session(void)
{
    uint64_t lost = 1;
    enter_folder();
    struct outcome run =
        shell("'%s' record --events functions,threads -o s.vtrace -- '%s' 1 9000 1 && "
              "'%s' export -o sound.ndjson s.vtrace",
              built_command(), built_program("instrumented/forest"), built_command());
    ck_assert_msg(run.code == 0, "%s", run.err);
    outcome_free(&run);
    DIR *folder = opendir("s.vtrace");
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.') {
            ck_assert_uint_lt(file_count, MAX_FILES);
            read_file(&files[file_count++], entry->d_name);
        }
    closedir(folder);
    qsort(files, file_count, sizeof *files, by_name);
    ck_assert_uint_ge(file_count,
                      1 + 2 * 2 + 2); /* manifest, live and defs, blocks of the threads */
    all_calls = calls_in("sound.ndjson", &lost);
    ck_assert_uint_eq(lost, 0);
}

/* Before each test: a test that fails leaves its damage. */
static void repair_session(void)
{
    struct outcome clean = shell("rm -f out.*");
    outcome_free(&clean);
    for (size_t i = 0; i < file_count; i++)
        store(&files[i], files[i].bytes, files[i].size);
}

/* ---- what may happen ---- */

static const char *const verbs[] = {"export -o out.ndjson", "export --keep-going -o out.ndjson",
                                    "report --json",        "report --memory --json",
                                    "info --json",          "report --keep-going --threads"};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static void check_message(const char *err, const char *what)
{
    const char *newline = strchr(err, '\n');
    ck_assert_msg(newline && newline[1] == '\0', "%s: not one line: %s", what, err);
    ck_assert_msg(strncmp(err, "vitte-trace: ", 13) == 0, "%s: %s", what, err);
    ck_assert_msg(strstr(err, "s.vtrace") != NULL, "%s: which file? %s", what, err);
    ck_assert_msg(strstr(err, "; ") != NULL, "%s: and what is to be done? %s", what, err);
}

/* Runs one verb on the session as it is now. `what` was done to it. 0 or 1. */
static int look(const char *verb, const char *what)
{
    struct outcome run = shell("exec '%s' %s s.vtrace", built_command(), verb);
    ck_assert_msg(WIFEXITED(run.status), "%s: %s died of signal %d", what, verb, run.code - 128);
    ck_assert_msg(run.code == 0 || run.code == 1, "%s: %s: exit status %d: %s", what, verb,
                  run.code, run.err);
    if (run.code == 1) {
        check_message(run.err, what);
        ck_assert_msg(access("out.ndjson", F_OK) != 0, "%s: failed, and left out.ndjson", what);
        ck_assert_uint_eq(run.out_size, 0);
    } else {
        ck_assert_msg(run.err_size == 0, "%s: exit status 0, but: %s", what, run.err);
    }
    struct outcome parts = shell("ls *.part");
    ck_assert_msg(parts.out_size == 0, "%s: %s", what, parts.out);
    outcome_free(&parts);
    int code = run.code;
    outcome_free(&run);
    return code;
}

/* An export that succeeds is whole, and says what it does not have: `exact` where damage can be
 * noticed. */
static void check_export(const char *verb, const char *what, int exact)
{
    uint64_t lost = 0, calls;
    if (look(verb, what) != 0)
        return;
    calls = calls_in("out.ndjson", &lost);
    ck_assert_msg(!exact || calls == all_calls || lost > 0,
                  "%s: %s: %llu calls of %llu, and nothing said to be lost", what, verb,
                  (unsigned long long)calls, (unsigned long long)all_calls);
    ck_assert_int_eq(unlink("out.ndjson"), 0);
}

static int ends_in(const char *name, const char *suffix)
{
    size_t length = strlen(name), end = strlen(suffix);
    return length > end && strcmp(name + length - end, suffix) == 0;
}

/* ---- cut off ---- */

/* Lengths worth trying: around zero, the headers, pages, blocks, and the end. */
static size_t cut_lengths(size_t size, size_t *lengths)
{
    static const size_t special[] = {
        0,    1,    7,    8,    40,    63,    64,    72,    79,    80,     128,    200,    4095,
        4096, 4097, 4160, 8192, 12288, 65535, 65536, 65544, 69632, 131072, 135168, 139264, 196608};
    size_t count = 0;
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (special[i] < size)
            lengths[count++] = special[i];
    for (size_t part = 1; part < 8; part++)
        lengths[count++] = size * part / 8;
    lengths[count++] = size - 1;
    lengths[count++] = size > 8 ? size - 8 : 0;
    return count;
}

START_TEST(a_session_cut_off_anywhere_is_read_or_refused)
{
    size_t lengths[64], number = (size_t)_i;
    if (number >= file_count)
        return;
    const struct file *file = &files[number];
    size_t count = cut_lengths(file->size, lengths);
    for (size_t i = 0; i < count; i++) {
        char what[160];
        snprintf(what, sizeof what, "%.60s cut off after %zu of %zu bytes", file->name, lengths[i],
                 file->size);
        store(file, file->bytes, lengths[i]);
        check_export(verbs[0], what, 1);
        if (i % 2)
            check_export(verbs[1], what, 0);
        look(verbs[2 + i % 4], what);
    }
    store(file, file->bytes, file->size);
    check_export(verbs[0], "nothing", 1);
}
END_TEST

START_TEST(a_session_without_one_of_its_files_is_read_or_refused)
{
    for (size_t i = 0; i < file_count; i++) {
        char what[160];
        snprintf(what, sizeof what, "%.60s removed", files[i].name);
        ck_assert_int_eq(unlink(files[i].path), 0);
        /* a process whose .live is gone cannot be known of */
        check_export(verbs[0], what, !ends_in(files[i].name, ".live"));
        for (size_t k = 2; k < VERBS; k++)
            look(verbs[k], what);
        store(&files[i], files[i].bytes, files[i].size);
    }
}
END_TEST

/* ---- bits turned over ---- */

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 24;
}

/* Half of them in the first bytes of a file or of one of its pages, where the structures are. */
static size_t draw_place(uint64_t *seed, size_t size)
{
    size_t at = (size_t)(draw(seed) % size);
    if (draw(seed) % 2)
        at = at / 4096 * 4096 + (size_t)(draw(seed) % 160);
    return at < size ? at : size - 1;
}

START_TEST(a_session_with_a_bit_turned_over_is_read_or_refused)
{
    uint64_t seed = (uint64_t)_i + 1;
    unsigned char *bytes = malloc(1 << 24);
    ck_assert_ptr_nonnull(bytes);
    for (int flip = 0; flip < FLIPS / 4; flip++) {
        char what[160];
        const struct file *file = &files[draw(&seed) % file_count];
        size_t at = draw_place(&seed, file->size);
        ck_assert_uint_le(file->size, 1 << 24);
        memcpy(bytes, file->bytes, file->size);
        bytes[at] ^= (unsigned char)(1u << draw(&seed) % 8);
        snprintf(what, sizeof what, "%.60s with bits %02x instead of %02x at byte %zu", file->name,
                 bytes[at], file->bytes[at], at);
        store(file, bytes, file->size);
        check_export(verbs[0], what, ends_in(file->name, ".blocks"));
        if (flip % 2)
            check_export(verbs[1], what, 0);
        else
            look(verbs[2 + flip / 2 % 4], what);
        store(file, file->bytes, file->size);
    }
    free(bytes);
}
END_TEST

/* The first zero word behind the words of the first open block, and the word before it. */
static size_t open_end(const struct file *file)
{
    static const unsigned char magic[] = {'V', 'B', 'L', 'K'};
    const unsigned char *block = memmem(file->bytes, file->size, magic, sizeof magic);
    ck_assert_ptr_nonnull(block);
    for (size_t at = (size_t)(block - file->bytes) + 72, word = 1; at + 8 <= file->size; at += 8) {
        memcpy(&word, file->bytes + at, sizeof word);
        if (word == 0)
            return at;
    }
    ck_abort_msg("%s has no open end", file->name);
    return 0;
}

/* Open blocks have no sum yet: every bit of an event, and of the place where the next one would be.
 */
START_TEST(every_bit_of_an_open_block_s_last_words_may_be_wrong)
{
    const struct file *live = files;
    unsigned char *bytes = malloc(1 << 24);
    while (!ends_in(live->name, ".live"))
        live++;
    ck_assert(bytes && live->size <= 1 << 24);
    size_t end = open_end(live);
    for (size_t bit = 0; bit < 128; bit++) {
        char what[160];
        size_t at = end - 8 + bit / 8;
        memcpy(bytes, live->bytes, live->size);
        bytes[at] ^= (unsigned char)(1u << bit % 8);
        snprintf(what, sizeof what, "%.60s with bits %02x at byte %zu", live->name, bytes[at], at);
        store(live, bytes, live->size);
        check_export(verbs[0], what, 0);
    }
    free(bytes);
}
END_TEST

/* A process's own files with another's contents, and with nonsense. */
START_TEST(files_that_are_something_else_are_read_or_refused)
{
    unsigned char nonsense[8192];
    uint64_t seed = 99;
    for (size_t i = 0; i < sizeof nonsense; i++)
        nonsense[i] = (unsigned char)draw(&seed);
    for (size_t i = 0; i < file_count; i++) {
        char what[160];
        const struct file *other = &files[(i + 1) % file_count];
        snprintf(what, sizeof what, "%.60s in place of %.60s", other->name, files[i].name);
        store(&files[i], other->bytes, other->size);
        check_export(verbs[0], what, 0);
        look(verbs[2 + i % 4], what);
        snprintf(what, sizeof what, "nonsense in place of %.60s", files[i].name);
        store(&files[i], nonsense, sizeof nonsense);
        check_export(verbs[0], what, 1);
        look(verbs[2 + (i + 1) % 4], what);
        store(&files[i], files[i].bytes, files[i].size);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bad input");
    TCase *damage = tcase_create("damage");
    tcase_add_unchecked_fixture(damage, make_session, leave_folder);
    tcase_add_checked_fixture(damage, repair_session, NULL);
    tcase_set_timeout(damage, 120);
    tcase_add_loop_test(damage, a_session_cut_off_anywhere_is_read_or_refused, 0, 16);
    tcase_add_test(damage, a_session_without_one_of_its_files_is_read_or_refused);
    tcase_add_loop_test(damage, a_session_with_a_bit_turned_over_is_read_or_refused, 0, 4);
    tcase_add_test(damage, every_bit_of_an_open_block_s_last_words_may_be_wrong);
    tcase_add_test(damage, files_that_are_something_else_are_read_or_refused);
    suite_add_tcase(suite, damage);
    return run_suite(suite);
}
