/* See stack.h. */
#include "runtime/stack.h"

#include "base/sys.h"
#include "runtime/definitions.h"
#include "runtime/libunwind.h"
#include "runtime/process.h"
#include "runtime/stacks_table.h"
#include "runtime/unwind.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* One for calls, one for samples, one for the calls of handlers that interrupted a walk. */
enum walk_use { WALK_CALL, WALK_SAMPLE, WALK_NESTED, WALK_USES };

struct thread_walks {
    struct {
        _Atomic uintptr_t owner; /* frame of the function that walks now, or 0 */
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

/* Of stacks that are not known: frames so near each other are taken to be on the same one. */
enum { SAME_STACK_BYTES = 64 << 10 };

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
        atomic_store_explicit(&thread->walks->use[i].owner, 0, memory_order_relaxed);
    }
}

/* Whether the function that has a walk is gone, although it did not give it back: a handler that
 * interrupted it jumped out. Stacks grow down: a frame of the same stack that lies below ours is no
 * more. On another stack, a handler's own for one, we may be its interruption wherever that lies.
 */
static int is_abandoned(uintptr_t owner, uintptr_t here)
{
    int owner_is_known = owner >= lowest && owner < highest;
    int here_is_known = here >= lowest && here < highest;
    if (owner_is_known || here_is_known)
        return here_is_known && (!owner_is_known || owner <= here);
    return here - owner < SAME_STACK_BYTES;
}

/* Takes one of the thread's walks for a function whose frame is at `here`. */
static int take(struct thread_walks *walks, int first, uintptr_t here)
{
    static const int others[WALK_USES] = {WALK_NESTED, WALK_NESTED, WALK_USES};
    for (int i = first; i < WALK_USES; i = others[i]) {
        uintptr_t owner = atomic_load_explicit(&walks->use[i].owner, memory_order_relaxed);
        if (owner && !is_abandoned(owner, here))
            continue;
        if (owner)
            walks->use[i].walk.depth = 0; /* left half-way */
        atomic_store_explicit(&walks->use[i].owner, here, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        return i;
    }
    return -1;
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

static uint32_t walk_from(const struct unwind_state *state, enum walk_use use, uintptr_t here)
{
    struct thread *self = thread_self;
    struct thread_walks *walks = self->slot ? walks_of(self) : NULL;
    int taken = walks ? take(walks, (int)use, here) : -1;
    if (taken < 0)
        return 0;
    struct unwind_walk *walk = &walks->use[taken].walk;
    walk->most = process.stack_depth;
    if (by_libunwind && taken == WALK_CALL) {
        uint64_t paused = thread_pause(); /* what it calls is not the program's */
        libunwind_walk(walk, state);
        thread_resume(paused);
    } else {
        struct unwind_bounds bounds = {lowest, highest};
        unwind(walk, state, bounds, process.unwind | (process.sealed ? UNWIND_SILENT : 0));
    }
    uint32_t id = intern_frames(walk);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&walks->use[taken].owner, 0, memory_order_relaxed);
    return id;
}

uint32_t stack_here(void)
{
    const uintptr_t *frame = __builtin_frame_address(0);
    uintptr_t here = (uintptr_t)frame;
    while (is_ours(frame[1]))
        frame = (const uintptr_t *)frame[0];
    struct unwind_state state = {
        .pc = frame[1], .sp = (uint64_t)(uintptr_t)(frame + 2), .fp = frame[0]};
    return walk_from(&state, WALK_CALL, here);
}

uint32_t stack_interrupted(const ucontext_t *context)
{
    struct unwind_state state;
    unwind_interrupted(&state, context);
    return walk_from(&state, WALK_SAMPLE, (uintptr_t)__builtin_frame_address(0));
}
