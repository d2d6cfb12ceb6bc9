/* Sums over a session: by function, by thread, by file. Bounded by the number of different names,
 * threads and files, not of events. */
#ifndef VT_COLLECTOR_AGGREGATE_H
#define VT_COLLECTOR_AGGREGATE_H

#include "collector/file_sums.h"

/* Durations in classes whose borders grow by 1/8 at most: a quantile is right within 12.5 %, and
 * never outside [min, max]. */
enum { HISTOGRAM_STEPS = 8, HISTOGRAM_CLASSES = 62 * HISTOGRAM_STEPS };

struct function_sum {
    const struct name *name;
    uint64_t calls, failed;
    uint64_t total_ns; /* recursive calls are counted once, by the outermost */
    uint64_t self_ns;
    uint64_t cpu_ns; /* in it, without what it called, by samples; it may have no calls then */
    uint64_t sum_ns; /* of all calls' durations: sum_ns / calls is the average */
    uint64_t min_ns, max_ns;
    uint64_t *classes[62]; /* HISTOGRAM_STEPS counts for each power of two that occurred */
};

struct thread_sum {
    uint32_t pid, tid;
    char process[64], name[64];
    uint64_t first_ns, last_ns;
    uint64_t spans;
    uint64_t function_ns; /* self time of instrumented functions */
    uint64_t io_ns, wait_ns;
    uint64_t cpu_ns; /* by samples */
    uint64_t allocations, allocated;
};

struct memory_sum {
    uint32_t pid, image;
    char process[64];
    uint64_t allocations, frees, failed;
    uint64_t allocated; /* bytes asked for, over time */
};

struct aggregate;

/* Whether it is samples that tell where time went: there are some, and no instrumented functions.
 */
int aggregate_is_sampled(const struct aggregate *aggregate);

struct aggregate *aggregate_new(void);
void aggregate_free(struct aggregate *aggregate);
/* A visitor that adds what it sees. */
struct visitor aggregate_visitor(struct aggregate *aggregate);

/* The sums; arrays owned by the aggregate, in no order. */
struct function_sum **aggregate_functions(struct aggregate *aggregate, size_t *count);
struct thread_sum *aggregate_threads(struct aggregate *aggregate, size_t *count);
struct file_sum *aggregate_files(struct aggregate *aggregate, size_t *count);
struct memory_sum *aggregate_memory(struct aggregate *aggregate, size_t *count);

/* The duration that a share (0 … 1) of the calls did not exceed. */
uint64_t function_quantile(const struct function_sum *sum, double share);

#endif
