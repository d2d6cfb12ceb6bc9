/* See stack.h. */
#include "runtime/stack.h"

#include "base/sys.h"
#include "runtime/definitions.h"
#include "runtime/libunwind.h"
#include "runtime/process.h"
#include "runtime/stacks_table.h"
#include "runtime/unwind.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

_Static_assert((int)UNWIND_MOST <= (int)STACK_FRAMES_MOST, "what is walked can be read");

/* One for calls, one for samples, one for the calls of handlers that interrupted a walk. */
enum walk_use { WALK_CALL, WALK_SAMPLE, WALK_NESTED, WALK_USES };

struct thread_walks {
    struct {
        uint64_t owner; /* where the mark of the function that walks now is, or 0 */
        struct unwind_walk walk;
    } use[WALK_USES];
};

/* The calling thread's stack, or both 0. */
static __thread uintptr_t lowest __attribute__((tls_model("initial-exec")));
static __thread uintptr_t highest __attribute__((tls_model("initial-exec")));

/* Those of the thread's slot, which a fork's child has no more. It has this, and may return from a
 * handler into one of these walks: so it goes on with them. Their ids are its own, too. */
static __thread struct thread_walks *latest __attribute__((tls_model("initial-exec")));

/* The kernel leaves at least this much room below the first stack, whatever its limit is. */
enum { FIRST_STACK_BYTES = 128 << 20, THREAD_HEAD_BYTES = 8192 };

/* glibc's loader: where the first stack began. Weak, or we would need that library by name. */
extern void *__libc_stack_end __attribute__((weak));

void stack_is_first(void)
{
    if (!&__libc_stack_end)
        return;
    highest = (uintptr_t)__libc_stack_end;
    lowest = highest - FIRST_STACK_BYTES;
}

/* glibc puts a thread's descriptor, which is what pthread_self() gives, and what is thread-local on
 * top of its stack: the stack's lowest bytes are given up for it here. */
void stack_is_threads(size_t size)
{
    highest = (uintptr_t)pthread_self();
    lowest = highest - (size > THREAD_HEAD_BYTES ? size - THREAD_HEAD_BYTES : 0);
}

static int by_libunwind; /* calls, not samples */

void stack_find_by(const char *how)
{
    static const char *const names[] = {
        [UNWIND_AUTO] = "auto", [UNWIND_RULES] = "cfi", [UNWIND_POINTERS] = "fp"};
    if (!how)
        return;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(how, names[i]) == 0) {
            process.unwind = i;
            return;
        }
    if (strcmp(how, "libunwind") == 0) {
        uint64_t paused = thread_pause(); /* what loading it takes is not the program's */
        by_libunwind = libunwind_load();
        thread_resume(paused);
    }
    if (!by_libunwind)
        process_gap(GAP_UNWINDER);
}

static struct thread_walks *walks_of(struct thread *self)
{
    if (!self->walks)
        self->walks = latest;
    if (!self->walks && !process.sealed)
        self->walks = sys_mmap(NULL, sizeof *self->walks, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return latest = self->walks;
}

void stack_seal(void)
{
    if (process.stacks || process_captures(CATEGORY_SAMPLES))
        walks_of(thread_self);
    if (process.stacks)
        stacks_seal();
}

void stack_forget(struct thread *thread)
{
    for (int i = 0; thread->walks && i < WALK_USES; i++) {
        thread->walks->use[i].walk.depth = 0;
        __atomic_store_n(&thread->walks->use[i].owner, 0, __ATOMIC_RELAXED);
    }
}

/* Whether whoever has a walk is gone, and did not give it back: a handler that interrupted it
 * jumped out. It may also be suspended, when a handler went on with another stack; then it will be
 * back.
 *
 * Stacks grow down, so what is below a frame of the same stack is no more; nor is what was where
 * our own frames are, or will be. Where it is not known to be the same stack, the mark tells that
 * the owner has in its frame: what lies in its place now is another function's, or the whole stack
 * is gone. If in doubt, it is there. */
enum { WALK_BYTES = 512 }; /* of stack, at least, that a walk may need below its mark */

/* Our frames: of the walking function, whose mark is at `here`, and those that called it. */
struct place {
    uint64_t here, end;
};

static uint64_t mark_of(uint64_t owner)
{
    return owner ^ UINT64_C(0x9e3779b97f4a7c15);
}

static int is_on_own_stack(uint64_t at)
{
    return at >= lowest && at < highest;
}

/* Handlers' stacks may lie in a frame of the thread's. */
static int is_on_alternative_stack(void)
{
    stack_t there = {.ss_flags = SS_DISABLE};
    return process.sealed || SYS2(SYS_sigaltstack, NULL, &there) != 0 ||
           (there.ss_flags & SS_ONSTACK);
}

static int has_lost_its_mark(uint64_t owner)
{
    uint64_t mark = mark_of(owner);
    if (is_on_own_stack(owner))
        mark = *(const volatile uint64_t *)(uintptr_t)owner;
    else if (!process.sealed && sys_peek(owner, &mark, sizeof mark) == -EFAULT)
        return 1;
    return mark != mark_of(owner);
}

static __attribute__((cold, noinline)) int is_gone(uint64_t owner, struct place ours)
{
    if ((owner > ours.here - WALK_BYTES && owner < ours.end) || has_lost_its_mark(owner))
        return 1;
    return owner < ours.here && is_on_own_stack(owner) && is_on_own_stack(ours.here) &&
           !is_on_alternative_stack();
}

/* Takes one of the thread's walks. */
static int take(struct thread_walks *walks, int first, struct place ours)
{
    static const int others[WALK_USES] = {WALK_NESTED, WALK_NESTED, WALK_USES};
    for (int i = first; i < WALK_USES; i = others[i]) {
        uint64_t *owned = &walks->use[i].owner, owner = __atomic_load_n(owned, __ATOMIC_RELAXED);
        if (owner && !is_gone(owner, ours))
            continue;
        if (!arch_replace(owned, owner, ours.here)) /* a handler did, and went elsewhere */
            continue;
        if (owner)
            walks->use[i].walk.depth = 0; /* left half-way */
        return i;
    }
    return -1;
}

/* Whether it was ours all the time. If not, somebody took us for gone, and what is in it may be of
 * two stacks. */
static int give_back(struct thread_walks *walks, int taken, uint64_t here)
{
    if (arch_replace(&walks->use[taken].owner, here, 0))
        return 1;
    walks->use[taken].walk.depth = 0;
    return 0;
}

/* This library, as it is in memory. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

static int is_ours(uint64_t pc)
{
    return pc - (uint64_t)(uintptr_t)__ehdr_start <
           (uint64_t)(uintptr_t)etext - (uint64_t)(uintptr_t)__ehdr_start;
}

/* Frames of ours around the program's, a thread's start for one, are left out; not the innermost
 * one, which says what the tracer costs. */
static uint32_t intern_frames(struct unwind_walk *walk)
{
    uint32_t id = walk->same ? walk->frame[walk->same - 1].id : 0;
    for (uint32_t i = walk->same; i < walk->depth; i++) {
        struct unwind_frame *frame = &walk->frame[i];
        if (is_ours(frame->pc) && i + 1 < walk->depth) {
            frame->id = id;
            continue;
        }
        uint32_t flags = (frame->exact ? STACK_EXACT : 0) | (i == 0 && walk->cut ? STACK_CUT : 0);
        frame->id = id = stacks_intern(frame->pc, id, flags);
        if (!id)
            return 0;
    }
    walk->same = walk->depth;
    return id;
}

static uint32_t walk_with(struct unwind_walk *walk, const struct unwind_state *state, int taken)
{
    walk->most = process.stack_depth;
    if (by_libunwind && taken == WALK_CALL) {
        uint64_t paused = thread_pause(); /* what it calls is not the program's */
        libunwind_walk(walk, state);
        thread_resume(paused);
    } else {
        struct unwind_bounds bounds = {lowest, highest};
        unwind(walk, state, bounds, process.unwind | (process.sealed ? UNWIND_SILENT : 0));
    }
    return intern_frames(walk);
}

/* `end` is where our frames end. */
static uint32_t walk_from(const struct unwind_state *state, enum walk_use use, uint64_t end)
{
    volatile uint64_t mark;
    uint64_t here = (uint64_t)(uintptr_t)&mark;
    struct thread *self = thread_self;
    struct thread_walks *walks = self->slot ? walks_of(self) : NULL;
    mark = mark_of(here);
    int taken = walks ? take(walks, (int)use, (struct place){here, end}) : -1;
    uint32_t id = 0;
    if (taken >= 0) {
        id = walk_with(&walks->use[taken].walk, state, taken);
        id = give_back(walks, taken, here) ? id : 0;
    }
    mark = 0;
    return id;
}

uint32_t stack_here(void)
{
    const uintptr_t *frame = __builtin_frame_address(0);
    while (is_ours(frame[1]))
        frame = (const uintptr_t *)frame[0];
    struct unwind_state state = {
        .pc = frame[1], .sp = (uint64_t)(uintptr_t)(frame + 2), .fp = frame[0]};
    return walk_from(&state, WALK_CALL, state.sp);
}

uint32_t stack_interrupted(const ucontext_t *context)
{
    struct unwind_state state;
    unwind_interrupted(&state, context);
    return walk_from(&state, WALK_SAMPLE, (uint64_t)(uintptr_t)context);
}
