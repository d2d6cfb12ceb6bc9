/* The blocks of one slot, in the order in which they were written: first those of its .blocks file,
 * then the open one (or two, after a crash) of the live file. One block is in memory at a time. */
#ifndef VT_COLLECTOR_BLOCKS_H
#define VT_COLLECTOR_BLOCKS_H

#include "collector/problem.h"
#include "runtime/event.h"
#include "runtime/layout.h"

#include <stddef.h>

struct block {
    struct block_header header;
    const uint64_t *words; /* behind the header */
    size_t count;
    int open; /* it was still being written: words may be missing at its end */
};

struct block_reader;
struct image;

/* The image must outlive the reader. Of a process that may still run it gives what had begun when
 * the session was opened. NULL: a problem. */
struct block_reader *block_reader_open(const struct image *image, uint32_t slot,
                                       struct problem *problem);
void block_reader_close(struct block_reader *reader);

/* 1: a block, valid until the next call; 0: no more; -1: a problem. */
int block_reader_next(struct block_reader *reader, struct block *block);

/* Whether the thread went on behind the last block, after the session was opened. */
int block_reader_is_cut(const struct block_reader *reader);

/* Damaged blocks skipped so far. */
uint64_t block_reader_damaged(const struct block_reader *reader);

/* Bytes of the finished blocks' file (0 when there is none). */
uint64_t block_reader_file_size(const struct block_reader *reader);

#endif
