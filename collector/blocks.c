/* See blocks.h. A finished block must have its sum and follow its predecessor; a gap in the numbers
 * is allowed only where the next block says that events were lost. */
#include "collector/blocks.h"

#include "collector/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct block_reader {
    char path[PATH_MAX];
    struct problem *problem;
    int fd; /* -1: no such file */
    int keep_going;
    uint64_t size, offset;
    uint64_t seen;  /* how long the file was when we last looked: size, or it ends inside a block */
    uint64_t until; /* tick; blocks that begin later are not given … */
    int is_cut;     /* … and there was one */
    uint64_t damaged;
    uint32_t sequence;              /* of the last block */
    const struct slot_header *slot; /* in the live file, or NULL */
    int open_done;                  /* how many open blocks were given */
    uint64_t words[BLOCK_WORDS];
};

/* A process that still runs makes its file and makes it longer. 1: there is more than before. */
static int look_again(struct block_reader *reader)
{
    struct stat info;
    if (reader->fd < 0)
        reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0 || fstat(reader->fd, &info) != 0 || (uint64_t)info.st_size <= reader->seen)
        return 0;
    reader->size = reader->seen = (uint64_t)info.st_size;
    return 1;
}

/* How many words of a buffer of the slot may be looked at. */
static size_t words_of(const struct block_reader *reader, int buffer)
{
    uint32_t words =
        reader->slot ? __atomic_load_n(&reader->slot->exist[buffer], __ATOMIC_RELAXED) : 0;
    return words < BLOCK_HEADER_WORDS ? 0 : words < BLOCK_WORDS ? words : BLOCK_WORDS;
}

static const char *buffer_of(const struct block_reader *reader, int buffer)
{
    return (const char *)(reader->slot + 1) + buffer * BLOCK_BYTES;
}

/* The header of an open block. 0 when that buffer has none. */
static int open_header(const struct block_reader *reader, int buffer, struct block_header *header)
{
    if (!words_of(reader, buffer))
        return 0;
    memcpy(header, buffer_of(reader, buffer), sizeof *header);
    return header->magic == BLOCK_MAGIC;
}

/* A process that runs on is not run after, and its threads are all read up to the same moment. */
static uint64_t last_begin(const struct image *image)
{
    uint64_t now = image->session->now;
    return image->summary->lives == ALIVE_NO || !now ? UINT64_MAX : now;
}

struct block_reader *block_reader_open(const struct image *image, uint32_t slot,
                                       struct problem *problem)
{
    struct block_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        problem_set(problem, "out of memory");
        return NULL;
    }
    snprintf(reader->path, sizeof reader->path, "%s/%u-%u.%u.blocks", image->session->folder,
             image->summary->pid, image->summary->image, slot);
    reader->problem = problem;
    reader->keep_going = image->session->keep_going;
    reader->fd = -1;
    reader->until = last_begin(image);
    reader->slot = image_slot(image, slot);
    if (!look_again(reader) && reader->fd < 0 && errno != ENOENT) {
        problem_set(problem, "cannot read %s: %s", reader->path, strerror(errno));
        free(reader);
        return NULL;
    }
    return reader;
}

void block_reader_close(struct block_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader);
}

int block_reader_is_cut(const struct block_reader *reader)
{
    return reader->is_cut;
}

uint64_t block_reader_damaged(const struct block_reader *reader)
{
    return reader->damaged;
}

uint64_t block_reader_file_size(const struct block_reader *reader)
{
    return reader->size;
}

/* Reads up to `size` bytes at the offset; the number read. */
static size_t read_at(const struct block_reader *reader, void *buffer, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(reader->fd, (char *)buffer + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

static int is_header(const struct block_header *header)
{
    return header->magic == BLOCK_MAGIC && header->used >= BLOCK_HEADER_WORDS &&
           header->used <= header->stored && header->stored <= BLOCK_WORDS;
}

/* Whether the live file still has the block that the end of the .blocks file has only a part of:
 * the process was killed while it wrote it. */
static int live_has(const struct block_reader *reader, uint32_t sequence)
{
    for (int i = 0; i < 2; i++) {
        struct block_header header;
        if (open_header(reader, i, &header) && header.sequence >= sequence)
            return 1;
    }
    return 0;
}

/* Goes to the next place that looks like a block, for --keep-going. */
static void skip_damage(struct block_reader *reader)
{
    struct block_header header;
    reader->damaged++;
    do
        reader->offset += 8;
    while (reader->offset + sizeof header <= reader->size &&
           !(read_at(reader, &header, sizeof header, reader->offset) == sizeof header &&
             is_header(&header)));
    if (reader->offset + sizeof header > reader->size)
        reader->offset = reader->size; /* what is left is no further damage */
}

static int damaged(struct block_reader *reader, const char *what)
{
    if (reader->keep_going) {
        skip_damage(reader);
        return 0;
    }
    return problem_set(reader->problem,
                       "%s is damaged at byte %llu (%s); export with --keep-going to skip what is "
                       "damaged",
                       reader->path, (unsigned long long)reader->offset, what);
}

/* 1: words hold the next finished block; 0: none, or damage was skipped (then offset moved); -1. */
static int next_finished(struct block_reader *reader)
{
    struct block_header *header = (struct block_header *)(void *)reader->words;
    size_t got = read_at(reader, reader->words, BLOCK_BYTES, reader->offset);
    if (got < sizeof *header || !is_header(header) || (size_t)header->stored * 8 > got) {
        int cut = got < sizeof *header || (is_header(header) && (size_t)header->stored * 8 > got);
        if (cut && live_has(reader, reader->sequence + 1)) {
            reader->size = reader->offset; /* it may be whole when we look again */
            return 0;
        }
        return damaged(reader, cut ? "cut off inside a block" : "no block there");
    }
    int bare;
    if (block_sum(reader->words + BLOCK_HEADER_WORDS, header->used - BLOCK_HEADER_WORDS, 0,
                  &bare) != header->check)
        return damaged(reader, "its sum does not fit");
    if (header->sequence != reader->sequence + 1 && !header->lost && !reader->damaged)
        return damaged(reader, "a block is missing before it");
    reader->sequence = header->sequence;
    reader->offset += (uint64_t)header->stored * 8;
    return 1;
}

/* The open block with the lowest sequence number above the last one's. */
static int next_open(struct block_reader *reader)
{
    int best = -1;
    uint32_t best_sequence = UINT32_MAX;
    for (int i = 0; i < 2; i++) {
        struct block_header header;
        if (open_header(reader, i, &header) && header.sequence > reader->sequence &&
            header.sequence < best_sequence) {
            best = i;
            best_sequence = header.sequence;
        }
    }
    if (best < 0 || reader->open_done++ >= 2)
        return 0;
    size_t size = words_of(reader, best) * sizeof *reader->words;
    memcpy(reader->words, buffer_of(reader, best), size);
    memset((char *)reader->words + size, 0, BLOCK_BYTES - size);
    reader->sequence = best_sequence;
    return 1;
}

/* Whether blocks between that number and the one that was just read are nowhere, without a word. */
static int misses_blocks(struct block_reader *reader, uint32_t before)
{
    const struct block_header *header = (const struct block_header *)(void *)reader->words;
    if (header->sequence == before + 1 || header->lost || reader->damaged)
        return 0;
    if (!reader->keep_going)
        return problem_set(
            reader->problem,
            "%s is damaged: it ends before its time; export with --keep-going to take "
            "what is left",
            reader->path);
    reader->damaged++;
    return 0;
}

int block_reader_next(struct block_reader *reader, struct block *block)
{
    const struct block_header *header = (const struct block_header *)(void *)reader->words;
    uint32_t before = reader->sequence;
    while (reader->offset < reader->size || look_again(reader)) {
        int got = next_finished(reader);
        if (got < 0)
            return -1;
        if (got == 0)
            continue;
        if ((reader->is_cut = header->start.tick > reader->until))
            return 0;
        *block = (struct block){*header, reader->words + BLOCK_HEADER_WORDS,
                                header->used - BLOCK_HEADER_WORDS, 0};
        return 1;
    }
    if (!next_open(reader))
        return 0;
    if (look_again(reader)) { /* finished while we copied it: take it, and what came first, from the
                                 file */
        reader->sequence = before;
        reader->open_done--;
        return block_reader_next(reader, block);
    }
    if ((reader->is_cut = header->start.tick > reader->until))
        return 0;
    if (misses_blocks(reader, before) != 0)
        return -1;
    *block = (struct block){*header, reader->words + BLOCK_HEADER_WORDS,
                            BLOCK_WORDS - BLOCK_HEADER_WORDS, 1};
    if (header->used > BLOCK_HEADER_WORDS && header->used <= BLOCK_WORDS)
        block->count = header->used - BLOCK_HEADER_WORDS;
    return 1;
}
