/* The stack of the calling thread, or of where a signal interrupted it: who called whom.
 *
 * Made for being asked again and again. A walk is a function of where it starts and of the words of
 * memory that it reads, so it keeps both. The next walk starts at the leaf, and as soon as it comes
 * to a frame that was there last time, in the same place, it only compares the words that were
 * read from there outwards; when all are the same, so are the frames, and what its caller noted of
 * them.
 *
 * Steps go by the compiler's unwind tables (rules.h) or, where there are none, by the frame
 * pointer. Takes no lock, allocates nothing, needs some 600 bytes of stack, leaves errno alone, and
 * may run in a signal handler at any instruction. Never faults: of the known stack only what lies
 * above the stack pointer is read, and elsewhere the kernel is asked first, once a page. */
#ifndef VT_RUNTIME_UNWIND_H
#define VT_RUNTIME_UNWIND_H

#include "frame.h"

#include <stdint.h>

enum { UNWIND_LEAST = 8, UNWIND_USUAL = 64, UNWIND_MOST = 512 };
enum { UNWIND_STEP_READS = 3, UNWIND_READS = UNWIND_STEP_READS * UNWIND_MOST };

/* A frame: the innermost one to start at. */
struct unwind_state {
    uint64_t pc, sp, fp;
    uint32_t exact;      /* pc is an instruction's (a signal's), else a return address */
    const void *context; /* a ucontext_t with the other registers, which few frames need; or NULL */
};

/* The memory of the stack: [sp, high) may be read without asking when low <= sp < high. Both 0:
 * not known. */
struct unwind_bounds {
    uintptr_t low, high;
};

enum unwind_how {
    UNWIND_AUTO,        /* by rules, where there are none by frame pointers */
    UNWIND_RULES,       /* by rules only */
    UNWIND_POINTERS,    /* by frame pointers only */
    UNWIND_SILENT = 16, /* or-ed in: make no system call. Off the known stack that leaves the first
                           frame */
};

enum unwind_cut {
    UNWIND_WHOLE,
    UNWIND_DEEP, /* there are more frames */
    UNWIND_LOST, /* how to go on was not to be found */
};

struct unwind_frame {
    uint64_t pc, sp, fp;
    uint32_t id;      /* the caller's own */
    uint8_t exact;    /* as in the state */
    uint8_t needs_fp; /* what is further out depends on fp */
    uint16_t reads;   /* words on which the step from here and all steps further out depend */
};

/* A word that was read. */
struct unwind_read {
    uint64_t at, value;
};

/* A frame of a walk under way. */
struct unwind_fresh {
    uint64_t pc, sp, fp;
    uint32_t step;  /* how the step from here was made: see unwind.c */
    uint16_t reads; /* words that are kept for it, if any are */
    uint8_t exact;
};

/* What a thread keeps of its last stack: in zeroed memory of the caller's, some 80 KiB, of which
 * only deep stacks use the most. One for each thread, and another one for handlers that may
 * interrupt it.
 *
 * A walk under way that comes back, suspended in a handler, after another one has used the same
 * memory, makes nothing of what it finds there but a wrong stack: numbers of frames are its own,
 * and of words it takes no more than frames can have. */
struct unwind_walk {
    uint32_t most;  /* frames of a stack, UNWIND_LEAST … UNWIND_MOST; the caller says it once */
    uint32_t depth; /* frames; 0: nothing is remembered */
    /* So many of the outermost frames are as they were, and their ids still right. Whoever has
     * given all the others theirs sets this to depth: until then they have none. */
    uint32_t same;
    uint32_t cut; /* enum unwind_cut: whether frame[0] is the outermost one */
    uint32_t how, age;
    uint32_t plain; /* all reads were in the stack that ends at `high`, outside of their frames */
    uintptr_t high;
    struct unwind_frame frame[UNWIND_MOST]; /* outermost first */
    struct unwind_read read[UNWIND_READS];  /* outermost first */
    struct unwind_fresh fresh[UNWIND_MOST]; /* innermost first */
    struct unwind_read fresh_read[UNWIND_READS];
};

/* Walks outwards from `state`. Stacks deeper than walk->most lose the outermost frames, some at a
 * time: at least half of so many are always there. `how` is an enum unwind_how. */
void unwind(struct unwind_walk *walk, const struct unwind_state *state, struct unwind_bounds bounds,
            uint32_t how);

/* Where the calling function is. In place, word by word: a copy would have to wait for them. */
static inline __attribute__((always_inline)) void unwind_here(struct unwind_state *state)
{
    arch_frame(&state->pc, &state->sp, &state->fp);
    state->exact = 1;
    state->context = 0;
}

/* Where a signal interrupted its thread; `context` is the handler's third argument, and has to stay
 * for as long as the state is used. */
void unwind_interrupted(struct unwind_state *state, const void *context);

/* Modules are about to go, or came: what is known of addresses is void. */
void unwind_forget(void);

#endif
