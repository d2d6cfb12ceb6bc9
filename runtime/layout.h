/* A session on disk: the files, and the structures in them. Native byte order; a reader on another
 * kind of machine refuses by the magic numbers. All sizes in bytes unless a name says words.
 *
 *   session.json     the manifest, written once when the session begins (manifest.h)
 *   P.live           process P: its header, then one slot per living thread with its open blocks
 *   P.defs           process P: the definitions arena, append-only (definitions.h)
 *   P.SLOT.blocks    process P: the finished blocks of a slot, one behind the other
 *
 * P is PID-N: the kernel's process id and a number that tells apart the images and reuses of that
 * id.
 *
 * A slot has two block buffers. One is open; when it is full it is written to the .blocks file,
 * then the other one is cleared and becomes the open one. So at any moment, after any kind of
 * death, a block is in the file, or in the live file, or in both: the sequence number says which
 * blocks the file already has. */
#ifndef VT_RUNTIME_LAYOUT_H
#define VT_RUNTIME_LAYOUT_H

#include <stdint.h>

enum {
    LAYOUT_VERSION = 2, /* of everything in a session; another one when any of it changes */
    LAYOUT_PAGE = 4096,
    BLOCK_WORDS = 16384,
    BLOCK_BYTES = BLOCK_WORDS * 8,
    BLOCK_SLACK_WORDS = 96, /* room behind the open end, for signal handlers that claim late */
    FIRST_WORDS =
        4096, /* of a slot's first block exist on disk from the start, the rest when needed */
    SLOT_BYTES = LAYOUT_PAGE + 2 * BLOCK_BYTES,
    SLOT_COUNT = 4096, /* threads alive at one time in one process */
    ARENA_BYTES = 64 << 20,
    ARENA_STEP = 16 << 10,
    ARENA_CHUNK = 256 << 10, /* no entry crosses a multiple of it */
};

#define LIVE_MAGIC  UINT64_C(0x31304556494c5456) /* "VTLIVE01" */
#define ARENA_MAGIC UINT64_C(0x3130534645445456) /* "VTDEFS01" */
#define BLOCK_MAGIC UINT32_C(0x4b4c4256)         /* "VBLK" */

/* A pair of readings of the two clocks, as close together as they could be had. */
struct clock_pair {
    uint64_t tick;
    uint64_t nsec; /* CLOCK_MONOTONIC */
};

enum loss_reason {
    LOSS_NONE,
    LOSS_DISK_FULL,   /* no space for a block */
    LOSS_WRITE,       /* the block file could not be opened or written */
    LOSS_NO_SLOT,     /* more threads than SLOT_COUNT, or no space for another slot */
    LOSS_INTERRUPTED, /* abandoned by a signal handler (found by the reader) */
    LOSS_DAMAGED,     /* a damaged block was skipped (found by the reader) */
    LOSS_SEALED,      /* the process had entered a seccomp sandbox */
    LOSS_NO_PLACE,    /* of a sampled block, whose release would not have been known */
    LOSS_REASONS
};

struct block_header {
    uint32_t magic;
    uint32_t used;     /* words with this header; 0 while the block is open */
    uint32_t thread;   /* index of the thread, unique in its process */
    uint32_t sequence; /* 1, 2, 3 … in its slot */
    struct clock_pair start;
    uint64_t lost; /* events of this thread lost before this block … */
    uint32_t lost_reason;
    uint32_t stored;     /* words that it takes in the .blocks file: used, and padding */
    uint64_t lost_since; /* … from this tick on */
    uint64_t check;      /* block_sum of the words behind the header; 0 while open */
};

enum { BLOCK_HEADER_WORDS = sizeof(struct block_header) / 8 };

/* Any single damaged word changes the sum. Four accumulators of the width that every processor has,
 * so that it costs a fraction of the copy to the file. */
typedef uint64_t block_lanes __attribute__((vector_size(16), aligned(8)));

/* Also says, for the same pass over memory, whether some word has none of the bits of `mask`. */
static inline uint64_t block_sum(const uint64_t *words, uint32_t count, uint64_t mask, int *bare)
{
    block_lanes sums[4] = {{count}, {0}, {0}, {0}}, seen = {0};
    uint32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const block_lanes *at = (const block_lanes *)(const void *)(words + i);
#pragma GCC unroll 4 /* else they are kept in memory, not in registers */
        for (int k = 0; k < 4; k++) {
            block_lanes bits = at[k] & mask;
            sums[k] += at[k];
            seen |= (bits - 1) & ~bits; /* its top bit: bits is zero */
        }
    }
    for (; i < count; i++) {
        sums[0][0] += words[i];
        seen[0] |= ((words[i] & mask) - 1) & ~(words[i] & mask);
    }
    *bare = (int)((seen[0] | seen[1]) >> 63);
    sums[1] += 3 * (sums[2] + 5 * sums[3]);
    uint64_t sum = sums[0][0] + 7 * sums[0][1] + 11 * (sums[1][0] + 13 * sums[1][1]);
    return sum ? sum : 1;
}

/* What a thread is doing right now, for calls that may block. */
struct now_record {
    uint64_t since;  /* tick */
    uint64_t first;  /* the call's first field */
    uint64_t caller; /* where the call returns to */
    uint32_t call;   /* call number + 1, or 0: not in a call */
    uint32_t stack;  /* id of its stack, or 0 */
    uint64_t holder; /* of a wait for a lock: thread id of who has it, or 0 … */
    uint64_t code;   /* … and where that one took it, or 0 */
};

struct slot_header {
    uint32_t tid; /* kernel's thread id; 0: never used */
    uint32_t thread;
    uint32_t ended;    /* the thread said that it ends; the slot is free once the kernel agrees */
    uint32_t exist[2]; /* words of each buffer that exist on disk. The rest is a hole: not to be
                          touched, it may have no room, and a mapped read is as bad as a write */
    uint32_t reserved;
    struct now_record now;
    char
        scratch[LAYOUT_PAGE - 24 - sizeof(struct now_record)]; /* the thread's, for paths: its stack
                                                                  may be a small signal stack */
};

_Static_assert(sizeof(struct slot_header) == LAYOUT_PAGE, "a slot begins with one page");

enum process_status {
    PROCESS_RUNNING = 0, /* or died without a word */
    PROCESS_EXITED = 1,
    PROCESS_EXEC = 2, /* replaced itself: the next image of this pid goes on */
};

/* What of a process a trace does not show: bits of live_header.gaps. */
enum process_gap {
    GAP_OWN_MALLOC = 1, /* malloc is not ours: the program's, or that of a library before us */
    GAP_DEEPBIND = 2,   /* a library was loaded with RTLD_DEEPBIND: its calls may pass us by */
    GAP_NAMESPACE = 4,  /* a library was loaded by dlmopen: its calls pass us by */
    GAP_IO_URING = 8,   /* io_uring was set up: its I/O is not seen */
    GAP_SEALED = 16,    /* a seccomp sandbox was entered: little could be written from then on */
    GAP_UNSAMPLED =
        32, /* no timer could be had, the program took the signal, or a debugger has it */
    GAP_UNWINDER = 64, /* stacks were not found in the way that was asked for */
    GAP_OPTIONS = 128, /* a setting had a value that makes no sense */
    GAPS_OF_MEMORY =
        GAP_OWN_MALLOC | GAP_DEEPBIND | GAP_NAMESPACE, /* a fork's child has them too */
};

struct live_header {
    uint64_t magic;
    uint32_t version;
    uint32_t slot_bytes;
    uint32_t pid;
    uint32_t ppid;
    uint32_t parent_pid, parent_image; /* set in a fork's child: the image it was copied from */
    struct clock_pair start;
    struct clock_pair end; /* zero unless the process said that it ends */
    uint32_t status;
    int32_t exit_status;
    uint32_t threads;                 /* thread indexes given out so far */
    uint32_t slots;                   /* slots made so far */
    uint64_t lost;                    /* events with no thread to count them */
    uint32_t exe, command, directory; /* string ids */
    uint32_t lost_reason;
    uint32_t instrumented; /* a function event was seen */
    uint32_t arena_full;   /* definitions that did not fit */
    uint32_t gaps;         /* enum process_gap */
    uint32_t memory_rate;  /* one allocation in so many bytes was recorded; 0: every one */
    uint64_t raw_futexes;  /* futex calls by syscall(), which are no events */
};

/* First bytes of a .defs file. A child made by fork goes on from its parent's arena: an id below
 * `base` is resolved in the file of the parent image, named here. */
struct arena_header {
    uint64_t magic;
    uint32_t base; /* first offset of this file's own entries, a multiple of LAYOUT_PAGE */
    uint32_t parent_pid, parent_image; /* whose arena the ids below base are in */
    uint32_t reserved;
};

#endif
