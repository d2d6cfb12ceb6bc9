/* Preloaded: takes the program's stack at random moments (a timer) and at every n-th malloc, with
 * our unwinder and with libunwind from the same registers, compares the two frame by frame, and at
 * exit appends one line to the file $ORACLE_OUT: the number of stacks, of those that are the same,
 * and of those that differ, by class. With $ORACLE_SHOW, so many stacks that differ are printed.
 *
 * Only the main thread's stacks are taken: libunwind in a handler that interrupts libunwind in
 * another one is not what is to be tested (H29). */
#define _GNU_SOURCE
#define UNW_LOCAL_ONLY
#include "runtime/eh_frame.h"
#include "runtime/unwind.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libunwind.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Why two stacks differ, found at the first frame that does. `ours`: a fault of ours. */
enum difference {
    SAME,
    THEIRS_GUESSED, /* no table tells of the frame before: libunwind guesses by the frame pointer,
                       or takes the next word of the stack */
    THEIRS_SHORT,   /* libunwind ends where a table still tells how to go on */
    THEIRS_ASTRAY,  /* libunwind comes to an address that is in no module: the stack pointer was
                       being  changed, as in the last instructions of _Unwind_RaiseException */
    THEIRS_AT_END,  /* libunwind goes on where a table says that nobody called */
    OURS_SHORT,     /* we end where libunwind goes on by a table */
    OTHER_FRAME,    /* both go on by a table, to different frames */
    DIFFERENCES
};

static const char *const names[DIFFERENCES] = {"same",          "theirs_guessed", "theirs_short",
                                               "theirs_astray", "theirs_at_end",  "ours_short",
                                               "other_frame"};

static struct {
    long counts[DIFFERENCES], stacks, frames, deep, resumed;
} books;

static struct unwind_walk walk = {.most = UNWIND_USUAL};
static struct unwind_bounds bounds;
static long show, every, mallocs;
static timer_t timer;
static int ready, busy;
static uint32_t seed = 1;

static uint32_t random_number(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

/* ---- comparing ---- */

struct frame {
    uint64_t pc, sp;
};

static void print_frame(const char *who, const struct frame *frame)
{
    Dl_info info = {0};
    if (dladdr((void *)(frame->pc - 1), &info) && info.dli_fname)
        fprintf(stderr, "    %s %#lx sp %#lx %s+%#lx %s\n", who, frame->pc, frame->sp,
                info.dli_fname, frame->pc - (uint64_t)info.dli_fbase,
                info.dli_sname ? info.dli_sname : "");
    else
        fprintf(stderr, "    %s %#lx sp %#lx\n", who, frame->pc, frame->sp);
}

static void print_stacks(enum difference why, const struct frame *ours, int our_depth,
                         const struct frame *theirs, int their_depth)
{
    fprintf(stderr, "%s: ours %d, cut %u; theirs %d\n", names[why], our_depth, walk.cut,
            their_depth);
    for (int i = 0; i < our_depth || i < their_depth; i++) {
        if (i < our_depth && i < their_depth && ours[i].pc == theirs[i].pc &&
            ours[i].sp == theirs[i].sp) {
            print_frame("both  ", &ours[i]);
            continue;
        }
        if (i < our_depth)
            print_frame("ours  ", &ours[i]);
        if (i < their_depth)
            print_frame("theirs", &theirs[i]);
    }
}

/* The first `same` frames are; at least one side has more. */
static enum difference classify(int same, int our_depth, int their_depth, const struct frame *ours,
                                const struct frame *theirs)
{
    struct frame_rule rule = {.kind = RULE_UNKNOWN};
    if (same > 0)
        rule = eh_frame_rule(ours[same - 1].pc - (same > 1), RULE_NO_REGISTER);
    int by_table = rule.kind != RULE_UNKNOWN && rule.kind != RULE_FOREIGN;
    if (rule.kind == RULE_END)
        return THEIRS_AT_END;
    if (!by_table)
        return THEIRS_GUESSED;
    if (same == their_depth)
        return THEIRS_SHORT;
    if (eh_frame_rule(theirs[same].pc - 1, RULE_NO_REGISTER).kind == RULE_FOREIGN)
        return THEIRS_ASTRAY;
    return same == our_depth ? OURS_SHORT : OTHER_FRAME;
}

static void compare(unw_context_t *registers, const struct unwind_state *state, int interrupted)
{
    struct frame ours[UNWIND_USUAL], theirs[UNWIND_USUAL];
    int our_depth = 0, their_depth = 0, same = 0;
    unwind(&walk, state, bounds, UNWIND_AUTO);
    for (uint32_t i = walk.depth; i-- > 0;)
        ours[our_depth++] = (struct frame){walk.frame[i].pc, walk.frame[i].sp};
    books.resumed += walk.same > 0;
    walk.same = walk.depth;
    unw_cursor_t cursor;
    unw_init_local2(&cursor, registers, interrupted ? UNW_INIT_SIGNAL_FRAME : 0);
    do {
        unw_word_t pc, sp;
        unw_get_reg(&cursor, UNW_REG_IP, &pc);
        unw_get_reg(&cursor, UNW_REG_SP, &sp);
        if (pc == 0)
            break;
        theirs[their_depth++] = (struct frame){pc, sp};
    } while (their_depth < UNWIND_USUAL && unw_step(&cursor) > 0);
    if (walk.cut == UNWIND_DEEP && their_depth > our_depth)
        their_depth = our_depth, books.deep++;
    while (same < our_depth && same < their_depth && ours[same].pc == theirs[same].pc &&
           ours[same].sp == theirs[same].sp)
        same++;
    enum difference why = SAME;
    if (same < our_depth || same < their_depth)
        why = classify(same, our_depth, their_depth, ours, theirs);
    books.counts[why]++;
    books.stacks++;
    books.frames += our_depth;
    if (why != SAME && show > 0 && show--)
        print_stacks(why, ours, our_depth, theirs, their_depth);
}

/* ---- at random moments ---- */

static void arm(void)
{
    struct itimerspec soon = {.it_value = {0, 20000 + random_number() % 60000}};
    timer_settime(timer, 0, &soon, NULL);
}

static void take(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    if (!busy && ready) {
        busy = 1;
        struct unwind_state state;
        unwind_interrupted(&state, context);
        compare(context, &state, 1);
        busy = 0;
    }
    arm();
}

/* ---- at calls ---- */

extern void *__libc_malloc(size_t size);

static __attribute__((noinline)) void take_here(void)
{
    ucontext_t context;
    unw_getcontext(&context);
    struct unwind_state state;
    unwind_interrupted(&state, &context);
    state.exact = 0; /* libunwind takes it for a return address */
    compare(&context, &state, 0);
}

void *malloc(size_t size)
{
    if (every && ready && !busy && gettid() == getpid() && ++mallocs % every == 0) {
        busy = 1;
        take_here();
        busy = 0;
    }
    return __libc_malloc(size);
}

/* ---- start and end ---- */

static void find_stack(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    bounds = (struct unwind_bounds){(uintptr_t)low, (uintptr_t)low + size};
}

static void stop_in_child(void)
{
    ready = 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *shown = getenv("ORACLE_SHOW"), *calls = getenv("ORACLE_EVERY");
    show = shown ? atol(shown) : 0;
    every = calls ? atol(calls) : 0;
    find_stack();
    unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_GLOBAL);
    struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMAX - 3};
    event._sigev_un._tid = gettid();
    sigaction(SIGRTMAX - 3, &action, NULL);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    pthread_atfork(NULL, NULL, stop_in_child);
    ready = 1;
    arm();
}

__attribute__((destructor)) static void end(void)
{
    char line[512];
    const char *path = getenv("ORACLE_OUT");
    if (!ready || !path)
        return;
    ready = 0;
    int length = snprintf(line, sizeof line, "stacks %ld frames %ld deep %ld resumed %ld",
                          books.stacks, books.frames, books.deep, books.resumed);
    for (int i = 0; i < DIFFERENCES; i++)
        length += snprintf(line + length, sizeof line - (size_t)length, " %s %ld", names[i],
                           books.counts[i]);
    line[length++] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd >= 0 && write(fd, line, (size_t)length) == length)
        close(fd);
}
