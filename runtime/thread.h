/* A thread of the traced process and the block it is writing.
 *
 * Everything here lives in a table that the kernel wipes in a fork's child (MADV_WIPEONFORK),
 * behind one pointer in thread-local storage. Not attached, wiped, stopped and full all look the
 * same: the cursor is not below its end, "no room", and the one cold function thread_make_room
 * sorts them out. Only the owner writes its struct, except that process_stop sets both ends to
 * zero. There is no detach: a slot is taken over when the kernel says that its thread is gone, so
 * events from the very last destructor still have their place.
 *
 * No thread's struct shares a cache line with another's, nor a pair of lines, which processors
 * fetch at once: two threads would be half as fast. */
#ifndef VT_RUNTIME_THREAD_H
#define VT_RUNTIME_THREAD_H

#include "runtime/layout.h"

#include <pthread.h>

struct thread {
    uint64_t *next;           /* where the next record goes */
    uint64_t *end;            /* no room from here on; NULL: not attached, stopped or wiped */
    uint64_t *function_end;   /* the same for function events; NULL when they take the cold path */
    uint64_t epoch;           /* tick >> EVENT_TICK_BITS of the last record */
    struct slot_header *slot; /* NULL: wiped, or never attached */
    uint64_t *buffer[2];
    uint64_t lost, lost_since; /* not yet told in a block header */
    uint32_t lost_reason;
    uint32_t open; /* which buffer */
    uint32_t sequence;
    uint32_t index;
    uint32_t number;   /* of the slot */
    uint32_t owner;    /* kernel thread id; 0: free. Claimed by compare-and-swap */
    uint32_t vforking; /* between vfork's entry and the parent's next event */
    uint32_t
        unfinished; /* the other buffer was flushed with a record that was still to be stored */
    uint32_t sealed_over;   /* sealed, and the last buffer is open */
    int timer;              /* number of the timer that samples it, or did, and one; or 0 */
    _Atomic int is_sampled; /* the timer is there */
    uint64_t cpu_ns;        /* its CPU time at the last sample */
    struct handler_stack *handler_stack; /* that it is sampled on: sampler_stack.c */
    struct thread_walks *walks;          /* what it remembers of its stack: stack.c */
} __attribute__((aligned(128)));

extern __thread struct thread *thread_self
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The calling thread with room for a record of any length, or NULL: drop the event, it was counted.
 */
struct thread *thread_make_room(void) __attribute__((cold, visibility("hidden")));

static inline struct thread *thread_room(void)
{
    struct thread *self = thread_self;
    return __builtin_expect(self->next < self->end, 1) ? self : thread_make_room();
}

/* Whether the calling thread has room, where there is no event to lose: nothing is counted. */
int thread_attach(void);

/* Makes what a slot begins with exist on disk; the file then reaches to the slot's end. `offset` is
 * the slot's, in the live file open as `fd`. 0 or negative errno. */
long thread_reserve_slot(long fd, uint64_t offset);

/* Opens the process's live file; `path` is room for its name. A descriptor or negative errno. */
long thread_open_live(char *path, size_t size);

/* The calling thread's index + 1, attaching it if needed; 0 when it cannot be. */
uint32_t thread_reference(void);

/* Writes the calling thread into the definitions, with the name that the kernel has for it.
 * `parent` is the reference of the thread that created it, or 0; `since` is the tick from which on
 * its pthread_t is its own, as far as that is known. */
void thread_define(uint32_t parent, uint64_t since);

/* Some thread of this process was given a name. */
void thread_define_name(pthread_t handle, const char *name, size_t length);

/* The thread is about to end: its slot may be taken over once it is gone. */
void thread_ending(void);

/* Before the process is sealed: the calling thread's blocks are emptied, and exist in full. */
void thread_seal(void);

/* Memory of a fork's parent that its child has its own in place of: what a handler interrupted that
 * forked, perhaps in a handler that forked, may still go there. Zeroed: none so far. */
enum { LEFT_GENERATIONS = 8 };
struct left_memory {
    void *at[LEFT_GENERATIONS];
    unsigned next;
};
/* Puts empty memory to `at`, where there is none now, and takes away what was left eight forks ago.
 * Whether it is there. */
int thread_leave(struct left_memory *left, void *at, size_t size);

/* In a fork's child, once its parent's slots are out of its memory. A handler that forked may
 * return into an event of ours, which then still is to be stored where the parent's thread had its
 * room: memory of the child's own takes that place, and the event is lost. */
void thread_after_fork(void);

/* Between these two the calling thread records nothing, and signals are blocked: around a call of
 * ours that comes back to us. */
uint64_t thread_pause(void);
void thread_resume(uint64_t paused);

/* Before vfork: the child runs on this thread's memory and must leave no events in it. A fork's
 * child that has done nothing yet takes its files now: in its own child it would be too late, the
 * memory would look like that one's. */
void thread_before_vfork(void);

#endif
