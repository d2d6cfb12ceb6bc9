/* Sums of I/O by file, pipe or socket. Files are told apart by their absolute paths, what has none
 * by what the tracer knows of the descriptor, else by its number and process. Calls that are of no
 * file (pipe, getcwd) are a row of their own. */
#ifndef VT_COLLECTOR_FILE_SUMS_H
#define VT_COLLECTOR_FILE_SUMS_H

#include "collector/span.h"

struct file_sum {
    const char *path; /* lives as long as the session */
    uint32_t pid;     /* of "fd N": whose; else 0 */
    uint64_t calls, failed;
    uint64_t read_bytes, written_bytes;
    uint64_t total_ns, slowest_ns;
    uint64_t opens;
    uint64_t rereads; /* how often a process that had read it began again at its start */
    uint64_t small;   /* reads and writes that moved something, but less than FILE_SMALL bytes,
                         without stdio */
    uint64_t syncs, sync_ns;
    size_t reader; /* number of the last image that read it from its start, or 0 */
};
enum { FILE_SMALL = 512 };

struct file_sums;

struct file_sums *file_sums_new(void);
void file_sums_free(struct file_sums *sums);

/* The calls to come are of this image. */
void file_sums_image(struct file_sums *sums, struct image *image);
/* A finished call of category io. */
void file_sums_add(struct file_sums *sums, const struct span *span);
/* One that is not to be added: where the process and its descriptors are is followed. */
void file_sums_follow(struct file_sums *sums, const struct span *span);

/* Owned by the sums, in no order. */
struct file_sum *file_sums_all(struct file_sums *sums, size_t *count);

#endif
