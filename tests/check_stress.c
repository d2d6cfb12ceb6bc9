/* Everything at once, and every number of it: the books of tests/stress/stress.c against the trace.
 *
 *     check_stress                 what `make check` runs
 *     check_stress SEED SECONDS    one seed, plainly and traced (tests/stress/run does many)
 *
 * Compared for each process image: the calls of every function, how many of libc's calls came back
 * and how many bytes they moved, and the threads; that there is no function and no process that is
 * not in the books; that nothing was lost, and that everything nests. The allocator's calls are
 * those that lie directly in the target's memory_… functions. */
#include "tests/hazards.h"
#include "tests/nesting.h"

enum { NAMES = 128, IMAGES = 8192, PENDING = 4096 };
enum { LOOSE_EACH = 8 }; /* see stress.c */

/* ---- what the target booked, and what the trace has: numbers by image and by name ---- */

struct ledger {
    int pid;
    uint64_t numbers[NAMES];
};

static struct {
    char names[NAMES][40];
    int count;
    struct ledger booked[IMAGES], traced[IMAGES];
    int booked_images, traced_images;
    uint64_t loose;
} ledgers;

static int number_of(const char *name, size_t length)
{
    static int latest[256]; /* by the name's ends: nearly always the right one */
    int *hint =
        &latest[(unsigned char)(name[length / 2] * 7 + name[length - 1] * 31 + (int)length)];
    if (memcmp(ledgers.names[*hint], name, length) == 0 && !ledgers.names[*hint][length])
        return *hint;
    for (int i = 0; i < ledgers.count; i++)
        if (strncmp(ledgers.names[i], name, length) == 0 && !ledgers.names[i][length])
            return *hint = i;
    ck_assert_int_lt(ledgers.count, NAMES);
    ck_assert_uint_lt(length, sizeof ledgers.names[0]);
    memcpy(ledgers.names[ledgers.count], name, length);
    return ledgers.count++;
}

static void read_books(const char *text)
{
    char name[40];
    int image, pid, length;
    unsigned long long number;
    memset(&ledgers, 0, sizeof ledgers);
    for (; sscanf(text, "%d %d %39[^\t]\t%llu\n%n", &image, &pid, name, &number, &length) == 4;
         text += length) {
        ck_assert_int_lt(image, IMAGES);
        if (strcmp(name, "loose") == 0) {
            ledgers.loose = number;
            continue;
        }
        ledgers.booked[image].pid = pid;
        ledgers.booked[image].numbers[number_of(name, strlen(name))] = number;
        if (image >= ledgers.booked_images)
            ledgers.booked_images = image + 1;
    }
    ck_assert_msg(!*text && ledgers.booked_images, "not books: %.200s", text);
}

/* ---- the trace ---- */

/* Calls whose function has not ended yet, in the order in which they ended. */
static struct pending {
    int number; /* of the call, its bytes behind it */
    uint64_t ts, depth, size;
} pending[PENDING];
static int pending_count;

static uint64_t number_in_args(const struct line *line, const char *key)
{
    const char *at =
        line->args.at ? memmem(line->args.at, line->args.length, key, strlen(key)) : NULL;
    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void add(const char *prefix, struct slice name, uint64_t number)
{
    char whole[64] = "";
    size_t length = strlen(prefix);
    ck_assert_uint_lt(length + name.length, sizeof ledgers.names[0]);
    memcpy(whole, prefix, length);
    memcpy(whole + length, name.at, name.length);
    length += name.length;
    ck_assert_int_gt(ledgers.traced_images, 0);
    ledgers.traced[ledgers.traced_images - 1].numbers[number_of(whole, length)] += number;
}

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static void hold(const struct line *line, uint64_t depth)
{
    static const char *const calls[] = {"malloc", "calloc", "aligned_alloc", "realloc", "free"};
    for (int i = 0; i < 5; i++)
        if (slice_is(line->name, calls[i])) {
            if (pending_count == PENDING) /* of a thread outside of all functions: not booked */
                memmove(pending, pending + 1, (size_t)--pending_count * sizeof *pending);
            pending[pending_count++] =
                (struct pending){i, line->ts, depth, number_in_args(line, "\"size\":")};
        }
}

/* A function has ended: the calls directly inside of it are its own. */
static void settle(const struct line *line)
{
    static const struct {
        const char *owner, *call;
    } owners[] = {{"memory_malloc", "malloc"},
                  {"memory_calloc", "calloc"},
                  {"memory_aligned", "aligned_alloc"},
                  {"memory_realloc", "realloc"},
                  {"memory_free", "free"}};
    while (pending_count && pending[pending_count - 1].ts >= line->ts) {
        const struct pending *call = &pending[--pending_count];
        if (!slice_is(line->name, owners[call->number].owner) ||
            (call->number != 4 && call->depth != line->depth + 1))
            continue;
        add("", slice_of(owners[call->number].call), 1);
        if (call->size)
            add("bytes:", slice_of(owners[call->number].call), call->size);
    }
}

static void take_span(const struct line *line)
{
    static const char *const calls[] = {"read",
                                        "write",
                                        "pread",
                                        "pwrite",
                                        "open",
                                        "close",
                                        "fork",
                                        "_Fork",
                                        "posix_spawn",
                                        "closefrom",
                                        "close_range",
                                        "dup",
                                        "pthread_join",
                                        "pthread_cond_wait",
                                        "pthread_cond_timedwait",
                                        "vfork",
                                        "pthread_create"};
    if (slice_is(line->tag, "function")) {
        add("calls:", line->name, 1);
        settle(line);
        return;
    }
    if (slice_is(line->tag, "memory")) {
        hold(line, line->depth);
        return;
    }
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (slice_is(line->name, calls[i]) && !slice_has(line->args, "unfinished")) {
            uint64_t bytes = number_in_args(line, "\"bytes\":");
            add("", line->name, 1);
            if (bytes)
                add("bytes:", line->name, bytes);
        }
}

static uint64_t read_trace(const char *command)
{
    struct stream stream;
    struct line line;
    struct nesting nesting;
    uint64_t lost = UINT64_MAX;
    nesting_begin(&nesting);
    stream_open(&stream, command);
    while (stream_next(&stream, &line)) {
        if (slice_is(line.type, "process")) {
            ck_assert_int_lt(ledgers.traced_images, IMAGES);
            ledgers.traced[ledgers.traced_images++].pid = (int)line.pid;
        } else if (slice_is(line.type, "thread")) {
            add("", slice_of("threads"), 1);
            pending_count = 0;
        } else if (slice_is(line.type, "instant")) {
            if (slice_is(line.name, "vfork"))
                add("", line.name, 1);
            hold(&line, 0);
        } else if (slice_is(line.type, "span")) {
            nesting_span(&nesting, &line);
            take_span(&line);
        } else if (slice_is(line.type, "end")) {
            lost = line.events_lost;
        }
    }
    ck_assert_int_eq(stream_close(&stream), 0);
    nesting_end(&nesting);
    ck_assert_msg(ledgers.loose || lost == 0, "%llu events lost", (unsigned long long)lost);
    return lost;
}

/* ---- comparing ---- */

/* The image in the books that is the process's next one: the numbers of processes are used again,
 * by exec at once. */
static struct ledger *booked_of(int pid)
{
    for (int i = 0; i < ledgers.booked_images; i++)
        if (ledgers.booked[i].pid == pid) {
            ledgers.booked[i].pid = -pid;
            return &ledgers.booked[i];
        }
    return NULL;
}

static void compare(uint64_t lost)
{
    uint64_t slack = ledgers.loose ? lost + ledgers.loose * LOOSE_EACH : 0;
    uint64_t differences = 0;
    char text[4096] = "";
    size_t length = 0;
    for (int i = 0; i < ledgers.traced_images; i++) {
        static const struct ledger nothing; /* of a child that was killed before it had a page */
        const struct ledger *traced = &ledgers.traced[i], *booked = booked_of(traced->pid);
        if (!booked && slack)
            booked = &nothing;
        ck_assert_msg(booked != NULL, "a process that there was not: %d", traced->pid);
        for (int k = 0; k < ledgers.count; k++) {
            uint64_t a = booked->numbers[k], b = traced->numbers[k];
            if (a == b)
                continue;
            differences += strncmp(ledgers.names[k], "bytes:", 6) == 0 && slack ? 0
                           : a > b                                              ? a - b
                                                                                : b - a;
            if (length < sizeof text - 200)
                length += (size_t)sprintf(
                    text + length, "\n  process %d: %s: %llu made, %llu traced", traced->pid,
                    ledgers.names[k], (unsigned long long)a, (unsigned long long)b);
        }
    }
    for (int i = 0; i < ledgers.booked_images; i++)
        ck_assert_msg(ledgers.booked[i].pid <= 0, "process %d is not in the trace",
                      ledgers.booked[i].pid);
    ck_assert_msg(differences <= slack, "%llu differences (%llu allowed):%s",
                  (unsigned long long)differences, (unsigned long long)slack, text);
}

static void check_session(const char *session)
{
    char command[2 * PATH_MAX];
    json_t *info = look("info", session);
    uint64_t lost = (uint64_t)number_in(info, "events_lost");
    long unmatched = number_in(info, "unmatched_exits");
    if (!ledgers.loose)
        ck_assert_int_eq(unmatched, 0);
    snprintf(command, sizeof command, "exec '%s' export -q -f json -o - %s", built_command(),
             session);
    ck_assert_uint_eq(read_trace(command), lost);
    compare(lost);
    json_t *memory = look("report --memory", session), *row;
    size_t i;
    json_array_foreach(json_object_get(memory, "memory"), i, row)
        ck_assert_int_eq(number_in(row, "overlaps"), 0);
    json_decref(memory);
    json_decref(info);
}

/* ---- running ---- */

static void plainly(unsigned long seed, int seconds)
{
    struct outcome run = shell("exec timeout -k 1 %d '%s' %lu %d", seconds + 40,
                               built_program("stress/stress"), seed, seconds);
    ck_assert_msg(run.code == 0, "seed %lu does not even work alone: %d\n%s", seed, run.code,
                  run.err);
    outcome_free(&run);
}

static void traced_too(unsigned long seed, int seconds, const char *how)
{
    char command[PATH_MAX + 64];
    snprintf(command, sizeof command, "'%s' %lu %d %s", built_program("stress/stress"), seed,
             seconds, how);
    struct outcome run = captured("", command);
    read_books(run.out);
    outcome_free(&run);
    check_session("x.vtrace");
}

enum { SECONDS = 2 };

START_TEST(plain_run_works)
{
    plainly(1, 1);
}
END_TEST

START_TEST(books_are_the_trace)
{
    traced_too((unsigned long)_i, SECONDS, "");
}
END_TEST

/* Without a command of ours around it: the first process exports when it ends. */
START_TEST(books_are_the_trace_of_a_preloaded_program)
{
    struct outcome run = shell("exec timeout -k 1 60 env VITTE_TRACE_KEEP=1 VITTE_TRACE_OUT="
                               "trace.ndjson LD_PRELOAD='%s' '%s' 11 %d",
                               built_library(), built_program("stress/stress"), SECONDS);
    assert_fine(&run);
    read_books(run.out);
    outcome_free(&run);
    compare(read_trace("cat trace.ndjson"));
}
END_TEST

START_TEST(what_cannot_be_exact_stays_within_bounds)
{
    traced_too((unsigned long)_i, SECONDS, "loose");
}
END_TEST

static unsigned long wanted_seed;
static int wanted_seconds;

START_TEST(one_seed)
{
    plainly(wanted_seed, 1);
    traced_too(wanted_seed, wanted_seconds, wanted_seed % 4 == 3 ? "loose" : "");
    uint64_t calls = 0, threads = 0;
    for (int i = 0; i < ledgers.traced_images; i++)
        for (int k = 0; k < ledgers.count; k++) {
            calls += strncmp(ledgers.names[k], "calls:", 6) ? 0 : ledgers.traced[i].numbers[k];
            threads += strcmp(ledgers.names[k], "threads") ? 0 : ledgers.traced[i].numbers[k];
        }
    printf("seed %lu: %llu calls, %d processes, %llu threads, %s: ok\n", wanted_seed,
           (unsigned long long)calls, ledgers.traced_images, (unsigned long long)threads,
           ledgers.loose ? "within bounds" : "exact");
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("stress");
    TCase *stress = tcase_create("stress");
    tcase_add_checked_fixture(stress, enter_folder, leave_folder);
    tcase_set_timeout(stress, 300);
    if (argc == 3) {
        wanted_seed = strtoul(argv[1], NULL, 10);
        wanted_seconds = atoi(argv[2]);
        tcase_add_test(stress, one_seed);
    } else {
        tcase_add_test(stress, plain_run_works);
        tcase_add_loop_test(stress, books_are_the_trace, 1, 3);
        tcase_add_test(stress, books_are_the_trace_of_a_preloaded_program);
        tcase_add_loop_test(stress, what_cannot_be_exact_stays_within_bounds, 21, 22);
    }
    suite_add_tcase(suite, stress);
    return run_suite(suite);
}
