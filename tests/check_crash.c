/* A process can die at any moment: what it had done by then is in its session. The program confirms
 * its calls in a mapped file (confirmed.h); whatever stands there must be in the trace. */
#include "runtime/layout.h"
#include "tests/confirmed.h"
#include "tests/nesting.h"
#include "tests/support.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 50, LATEST = 100000, LIMIT = 250000 };

static struct confirmed *book;

static void open_book(void)
{
    enter_folder();
    int fd = open("book", O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, sizeof *book), 0);
    book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(book, MAP_FAILED);
    book->limit = LIMIT; /* nobody fills a disk, whatever goes wrong */
    close(fd);
}

/* Starts confirm.c: preloaded, or under `vitte-trace record`. */
static pid_t start(int recorded, const char *mode)
{
    const char *program = built_program("instrumented/confirm");
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* when a test fails */
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        if (recorded) {
            execl(built_command(), "vitte-trace", "record", "-o", "s.vtrace", "--", program, "book",
                  mode, (char *)NULL);
            _exit(127);
        }
        setenv("LD_PRELOAD", built_library(), 1);
        setenv("VITTE_TRACE_OUT", "t.ndjson", 1);
        execl(program, program, "book", mode, (char *)NULL);
        _exit(127);
    }
    ck_assert_int_gt(pid, 0);
    return pid;
}

/* Until the worker has confirmed that many calls. */
static void wait_for(int worker, uint64_t calls)
{
    while (CONFIRMED(book->workers[worker].calls) < calls || !CONFIRMED(book->workers[worker].pid))
        sched_yield(); /* the suite's time limit ends this if it has to */
}

static int status_of(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

/* ---- what the trace says ---- */

struct seen {
    uint64_t finished, unfinished, unwound; /* calls of inner(); open calls of any function */
    uint64_t deeper, storms;                /* open calls of these */
};

struct found {
    struct seen workers[WORKERS];
    uint64_t lost, ends;
};

static void look_at(struct found *found, const struct line *line)
{
    struct seen *seen = NULL;
    int unfinished = slice_has(line->args, "\"unfinished\":1"),
        unwound = slice_has(line->args, "\"unwound\":1");
    for (int i = 0; i < WORKERS; i++)
        if (book->workers[i].pid == line->pid && book->workers[i].tid == line->tid)
            seen = &found->workers[i];
    if (!seen || !slice_is(line->tag, "function"))
        return;
    seen->unfinished += (unsigned)unfinished;
    seen->unwound += (unsigned)unwound;
    if (unfinished || unwound) {
        seen->deeper += (unsigned)slice_is(line->name, "deeper");
        seen->storms += (unsigned)slice_is(line->name, "storm");
    } else {
        seen->finished += (unsigned)slice_is(line->name, "inner");
    }
}

/* A storm makes three times as many events as have been read: a reader that ran after it would not
 * end. */
static void go_ahead(uint64_t lines)
{
    CONFIRM(book->limit, LATEST + 2 * lines);
    ck_assert_msg(lines < 10000000, "the export runs after the program and does not end");
}

/* Reads the stream that the command prints; spans must nest. `runs`: the program has not ended. */
static struct found read_stream(const char *command, int runs)
{
    struct found found = {.lost = 0};
    struct stream stream;
    struct line line;
    struct nesting nesting;
    nesting_begin(&nesting);
    stream_open(&stream, command);
    while (stream_next(&stream, &line)) {
        if (runs)
            go_ahead(stream.lines);
        if (slice_is(line.type, "end")) {
            found.ends++;
            found.lost = line.events_lost;
        }
        if (slice_is(line.type, "span")) {
            nesting_span(&nesting, &line);
            look_at(&found, &line);
        }
    }
    ck_assert_int_eq(stream_close(&stream), 0);
    nesting_end(&nesting);
    ck_assert_uint_eq(found.ends, 1);
    ck_assert_uint_eq(found.lost, 0);
    return found;
}

static struct found read_session(int runs)
{
    char command[4096];
    snprintf(command, sizeof command, "exec '%s' export -f json -o - *.vtrace", built_command());
    return read_stream(command, runs);
}

/* Everything confirmed is there, and not more than one block that was not confirmed any more. */
static void check_calls(const struct found *found, int worker)
{
    uint64_t confirmed = book->workers[worker].calls, seen = found->workers[worker].finished;
    ck_assert_msg(seen >= confirmed && seen <= confirmed + BLOCK_CALLS,
                  "worker %d: %llu calls confirmed, %llu in the trace", worker,
                  (unsigned long long)confirmed, (unsigned long long)seen);
}

/* ---- SIGKILL from outside ---- */

static uint64_t random_below(uint64_t seed, uint64_t below)
{
    seed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    seed = (seed ^ seed >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (seed ^ seed >> 32) % below;
}

/* Even ones under `record`, odd ones preloaded. */
START_TEST(a_kill_at_any_moment_loses_no_confirmed_call)
{
    pid_t pid = start(_i % 2 == 0, "storm");
    wait_for(_i / 2 % 2, random_below((uint64_t)_i, LATEST));
    while (!CONFIRMED(book->workers[0].pid) || !CONFIRMED(book->workers[1].pid))
        sched_yield();
    ck_assert_int_eq(kill((pid_t)book->workers[0].pid, SIGKILL), 0);
    int status = status_of(pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    struct found found = read_session(0);
    for (int i = 0; i < 2; i++) {
        check_calls(&found, i);
        ck_assert_uint_eq(found.workers[i].storms, 1); /* it was open, and the trace says so */
        ck_assert_uint_ge(found.workers[i].unfinished, i == 0 ? 2 : 1);
        ck_assert_uint_eq(found.workers[i].unwound, 0);
    }
}
END_TEST

/* The reader and the writer at the same files at the same time; the writer is the faster one. What
 * is read is of the moment when the reader began, of all threads: up to then they may make LATEST
 * calls, and what is behind these in a block that they began by then is read, too. */
START_TEST(a_program_that_runs_on_can_be_exported)
{
    uint64_t confirmed[2];
    book->limit = LATEST;
    pid_t pid = start(0, "storm");
    for (int i = 0; i < 2; i++)
        wait_for(i, random_below((uint64_t)_i + 300, LATEST));
    for (int i = 0; i < 2; i++)
        confirmed[i] = CONFIRMED(book->workers[i].calls);
    struct found found = read_session(1);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_ge(found.workers[i].finished, confirmed[i]);
        ck_assert_uint_le(found.workers[i].finished, LATEST + BLOCK_CALLS + BLOCK_WORDS / 3);
        ck_assert_uint_eq(found.workers[i].storms, 1);
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    status_of(pid);
}
END_TEST

START_TEST(the_root_goes_on_when_its_child_is_killed)
{
    pid_t pid = start(0, "child");
    wait_for(2, random_below((uint64_t)_i + 100, LATEST));
    ck_assert_int_eq(kill((pid_t)book->workers[2].pid, SIGKILL), 0);
    ck_assert_int_eq(status_of(pid), 0);
    struct found found = read_stream("cat t.ndjson", 0);
    check_calls(&found, 2);
    ck_assert_uint_eq(found.workers[2].storms, 1);
    ck_assert_uint_eq(found.workers[0].finished, 100 * BLOCK_CALLS);
    ck_assert_uint_eq(found.workers[0].unfinished, 0);
    struct outcome left = shell("ls -d *.vtrace *.part");
    ck_assert_str_eq(left.out, "");
    outcome_free(&left);
}
END_TEST

START_TEST(the_child_goes_on_when_the_root_is_killed)
{
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t pid = start(0, "orphan");
    wait_for(2, 1);
    wait_for(0, random_below((uint64_t)_i + 200, LATEST));
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert(WIFSIGNALED(status_of(pid)));
    CONFIRM(book->go_on, 1);
    ck_assert_int_eq(status_of((pid_t)book->workers[2].pid), 0);
    struct found found = read_session(0);
    check_calls(&found, 0);
    ck_assert_uint_eq(found.workers[0].storms, 1);
    ck_assert_uint_eq(found.workers[2].finished, book->workers[2].calls);
    ck_assert_uint_eq(found.workers[2].unfinished, 0);
}
END_TEST

/* ---- ends from within ---- */

static const struct {
    const char *mode;
    int signal, code, exports; /* exports: there is a hook that writes the trace at once */
} ends[] = {
    {"_exit", 0, 7, 1},      {"quick_exit", 0, 8, 1}, {"abort", SIGABRT, 0, 0},
    {"segv", SIGSEGV, 0, 0}, {"trap", SIGILL, 0, 0},  {"overflow", SIGSEGV, 0, 0},
};
enum { ENDS = sizeof ends / sizeof ends[0] };

START_TEST(an_end_in_the_middle_keeps_every_call)
{
    int status = status_of(start(0, ends[_i].mode));
    if (ends[_i].signal)
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == ends[_i].signal);
    else
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == ends[_i].code);
    ck_assert_int_eq(access("t.ndjson", F_OK) == 0, ends[_i].exports);
    struct found found = ends[_i].exports ? read_stream("cat t.ndjson", 0) : read_session(0);
    const struct seen *seen = &found.workers[0];
    uint64_t depth = book->workers[0].depth;
    ck_assert_uint_eq(seen->finished, 100 * BLOCK_CALLS);
    ck_assert_uint_ge(seen->deeper, depth);
    ck_assert_uint_le(seen->deeper, depth + (depth > 0)); /* entered, not yet confirmed */
    /* main, middle and end_inside were open */
    ck_assert_uint_eq(ends[_i].exports ? seen->unwound : seen->unfinished, 3 + seen->deeper);
    ck_assert_uint_eq(ends[_i].exports ? seen->unfinished : seen->unwound, 0);
    if (strcmp(ends[_i].mode, "overflow") == 0)
        ck_assert_uint_gt(depth, 10000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *crashes = tcase_create("crashes");
    tcase_add_checked_fixture(crashes, open_book, leave_folder);
    tcase_set_timeout(crashes, 100);
    tcase_add_loop_test(crashes, a_kill_at_any_moment_loses_no_confirmed_call, 0, KILLS);
    tcase_add_loop_test(crashes, a_program_that_runs_on_can_be_exported, 0, 5);
    tcase_add_loop_test(crashes, the_root_goes_on_when_its_child_is_killed, 0, 5);
    tcase_add_loop_test(crashes, the_child_goes_on_when_the_root_is_killed, 0, 5);
    tcase_add_loop_test(crashes, an_end_in_the_middle_keeps_every_call, 0, ENDS);
    suite_add_tcase(suite, crashes);
    return run_suite(suite);
}
