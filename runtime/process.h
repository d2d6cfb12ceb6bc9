/* The traced process: its files in the session, its state, its beginning and end.
 *
 * States: OFF (before the constructor, or no session could be had) → ON → STOPPED (the root has
 * begun to export). A fork's child is found out at its first event, by the wiped canary, and opens
 * files of its own; a vfork's child by a process id that changed while the canary did not, and is
 * refused. */
#ifndef VT_RUNTIME_PROCESS_H
#define VT_RUNTIME_PROCESS_H

#include "runtime/definitions.h"
#include "runtime/event.h"
#include "runtime/layout.h"
#include "runtime/thread.h"

#include <limits.h>

enum process_state { PROCESS_OFF, PROCESS_ON, PROCESS_STOPPED };

struct process {
    _Atomic int state;
    _Atomic int lent; /* vforks under way: our memory is a child's too */
    int sealed;       /* in a seccomp sandbox: no system call of ours may be made */
    uint32_t pid, image;
    unsigned captured;        /* 1 << event_category of what is; from PROCESS_PAUSE on: pauses */
    unsigned stacks;          /* 1 << event_category of what gets a stack, and STACKS_FAILED */
    unsigned unwind;          /* enum unwind_how */
    uint32_t stack_depth;     /* frames */
    uint64_t stack_after;     /* ticks that a wait takes before it gets a stack */
    struct live_header *live; /* shared with the file; NULL while OFF */
    struct thread *threads;   /* SLOT_COUNT of them, then the canary */
    _Atomic uint32_t ended;   /* slots whose thread has said that it ends */
    uint64_t retry_tick;      /* before it, do not try to attach again */
    uint64_t usage_tick;      /* when the next sample of usage is due */
    char prefix[PATH_MAX];    /* session folder, slash, PID-N */
    size_t folder_length;     /* of the session folder in prefix */
    const struct definition_call *calls;
    size_t call_count;
};

extern struct process process __attribute__((visibility("hidden")));

#define PROCESS_PAUSE (1u << 16)
_Static_assert(CATEGORY_COUNT <= 16, "pauses are counted above the categories");

/* Whether events of the category are captured in this process, at this moment. */
static inline int process_captures(enum event_category category)
{
    unsigned bit = 1u << category;
    return (process.captured & (-PROCESS_PAUSE | bit)) == bit;
}

/* Between these two no calls are captured, in no thread. */
static inline void process_pause(void)
{
    __atomic_fetch_add(&process.captured, PROCESS_PAUSE, __ATOMIC_RELAXED);
}
static inline void process_resume(void)
{
    __atomic_fetch_sub(&process.captured, PROCESS_PAUSE, __ATOMIC_RELAXED);
}

/* Opens the process's files in the session folder and goes ON. `calls` describes the call events
 * that this build writes, and must stay valid. 0 or negative errno; then everything stays OFF. */
long process_begin(const char *folder, const struct definition_call *calls, size_t call_count);

/* After a wipe: this is a fork's child; gives it files of its own. 0 or negative errno. */
long process_after_fork(void);

/* Whether the caller runs in a vfork's child (or another process that shares our memory). One
 * system call: for rare calls only. */
int process_is_borrowed(void);

/* Whether this is a fork's child that has no files yet. */
int process_is_wiped(void);

enum process_memory { MEMORY_OWN, MEMORY_WIPED, MEMORY_BORROWED };
enum process_memory process_memory(void);

/* Says in the header how the process ends (enum process_status); STOPPED is left to process_stop.
 */
void process_end(enum process_status status, int exit_status);

/* Before the process enters a seccomp sandbox, which may kill it for a call that it did not expect
 * (H47): takes what can be had, then lives without system calls. Taken back when it came to
 * nothing. 0 when there is nothing to seal.
 */
int process_seal(void);
void process_unseal(void);

/* Nothing more of ours in this process, not even a look at the counter. Not reversible. */
void process_leave(void);

/* Before this process, which is root's, becomes another user's: its files become that user's too,
 * as it will have to open them again. Does nothing where it may not. */
void process_give(uint32_t user);

/* Marks what the trace does not show (enum process_gap). */
void process_gap(uint32_t gap);

/* No thread writes another event. Not reversible. */
void process_stop(void);

/* Counts an event that no thread could take. */
void process_lose(enum loss_reason reason);

/* Path of a file of this process: prefix, optional slot number, suffix. 0, or -ENAMETOOLONG. */
long process_path(char *buffer, size_t size, long slot, const char *suffix);

#endif
