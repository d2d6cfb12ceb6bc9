/* What the Vitte profiler wants to know of a session: sums for each function, thread and kind.
 *
 * Every nanosecond of own time is in exactly one sum, and so is every allocation: functions have
 * the time in which they were innermost, calls of libc have theirs under their own name. A thread
 * in which no function is instrumented is told by its samples: then its functions have CPU time,
 * and its calls still the time that they took. Bounded by the number of different functions,
 * threads and stacks. */
#ifndef VT_COLLECTOR_PROFILE_H
#define VT_COLLECTOR_PROFILE_H

#include "collector/span.h"

enum profile_kind {
    PROFILE_CPU,
    PROFILE_MEMORY,
    PROFILE_ALLOCATION,
    PROFILE_IO,
    PROFILE_LOCK,
    PROFILE_WAIT,
};

struct profile_sum {
    const struct name *name;
    uint32_t thread; /* its number */
    enum profile_kind kind;
    uint64_t inclusive_ns; /* of recursive calls only the outermost */
    uint64_t exclusive_ns;
    uint64_t calls; /* 0 where only samples tell */
    uint64_t allocations, allocation_bytes;
    uint32_t recursion_depth; /* how often it was inside itself at most: 0 is not recursive */
    int hot_path;             /* on the heaviest path from the outermost function inwards */
    /* while sums are made: */
    uint32_t active;                     /* how often it is open */
    uint64_t sampled_ns, sampled_own_ns; /* CPU time, by samples */
    uint64_t in_sample;                  /* number of the last sample that it was seen in, */
    uint32_t times;                      /* and how often in that */
};

struct profile_thread {
    const char *name; /* different for each */
    uint64_t start_ns, end_ns;
    uint64_t sums;     /* how many there are of it */
    int has_functions; /* instrumented */
};

struct profile;

/* `names` has to live as long as the profile. */
struct profile *profile_new(struct names *names);
void profile_free(struct profile *profile);

/* What is called during a walk (struct visitor). Frames' marks are used up. */
void profile_image(struct profile *profile, struct image *image);
void profile_thread(struct profile *profile, const struct thread_view *thread);
void profile_span(struct profile *profile, const struct span *span);

/* Behind the walk: drops the sums of nothing, finds the heaviest path, sorts by own time. */
void profile_finish(struct profile *profile);

/* Then; owned by the profile. */
const struct profile_sum *profile_sums(const struct profile *profile, size_t *count);
const struct profile_thread *profile_threads(const struct profile *profile, size_t *count);
/* Name of the first process; "" when there was none. */
const char *profile_target(const struct profile *profile);

#endif
