/* A whole session folder as one short run of bytes, for fuzz_session.c: chunks of 8-byte words,
 * each a header and what it puts into one of the files. The files themselves are long and mostly
 * empty, and full of magic numbers, counts and sums; here those are made to fit (repaired), so that
 * what is read gets past them, but in chunks that are marked raw. Any bytes are some session. */
#ifndef VT_TESTS_SESSION_CHUNKS_H
#define VT_TESTS_SESSION_CHUNKS_H

#include "runtime/definitions.h"
#include "runtime/event.h"
#include "runtime/layout.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum chunk_kind {
    CHUNK_MANIFEST,   /* the text of session.json; zeros at its end are left out */
    CHUNK_LIVE,       /* struct live_header: makes the image */
    CHUNK_SLOT,       /* struct slot_header, as far as it is given */
    CHUNK_OPEN,       /* an open block: its header, then its words */
    CHUNK_FINISHED,   /* a block for the end of the .blocks file */
    CHUNK_ARENA,      /* struct arena_header */
    CHUNK_DEFINITION, /* one entry: its header word, then its payload; `place` words into the arena
                       */
    CHUNK_PATCH,      /* to file `place` % 3 (live, defs, blocks): an offset, then bytes */
    CHUNK_CUT,        /* file `place` % 3: its new length */
    CHUNK_KINDS
};

enum {
    CHUNK_RAW = 128,    /* flags: left as it is */
    CHUNK_SECOND = 1,   /* the slot's second buffer; of a manifest: it is ending.json */
    CHUNK_IMAGES = 4,   /* two for each process id */
    CHUNK_SLOTS = 4,    /* of one image */
    CHUNK_WORDS = 2048, /* of one chunk */
};

struct chunk_header {
    uint8_t kind, image, slot, flags;
    uint16_t words, place;
};

/* The next chunk of `count` words at `*at`: 0 at the end. */
static inline int chunk_next(const uint64_t *words, size_t count, size_t *at,
                             struct chunk_header *chunk, const uint64_t **payload)
{
    if (*at >= count)
        return 0;
    memcpy(chunk, words + (*at)++, sizeof *chunk);
    chunk->kind %= CHUNK_KINDS;
    chunk->image %= CHUNK_IMAGES;
    chunk->slot %= CHUNK_SLOTS;
    if (chunk->words > CHUNK_WORDS)
        chunk->words = CHUNK_WORDS;
    if (chunk->words > count - *at)
        chunk->words = (uint16_t)(count - *at);
    *payload = words + *at;
    *at += chunk->words;
    return 1;
}

/* ---- from chunks to files ---- */

struct chunk_folder {
    const char *path;
    size_t slots[CHUNK_IMAGES];                      /* that the live file is to have */
    uint32_t blocks[CHUNK_IMAGES][CHUNK_SLOTS];      /* finished so far */
    uint64_t block_bytes[CHUNK_IMAGES][CHUNK_SLOTS]; /* length of the .blocks file */
    int live[CHUNK_IMAGES], arena[CHUNK_IMAGES], manifest;
};

static inline uint32_t chunk_pid(unsigned image)
{
    return 100 + image / 2;
}

static inline int chunk_open(const struct chunk_folder *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    return fd;
}

static inline const char *chunk_file(const struct chunk_header *chunk, unsigned which)
{
    static char name[64];
    if (which == 2)
        snprintf(name, sizeof name, "%u-%u.%u.blocks", chunk_pid(chunk->image), chunk->image % 2u,
                 chunk->slot);
    else
        snprintf(name, sizeof name, "%u-%u.%s", chunk_pid(chunk->image), chunk->image % 2u,
                 which ? "defs" : "live");
    return name;
}

static inline void chunk_put(const struct chunk_folder *folder, const char *name, const void *bytes,
                             size_t size, uint64_t offset)
{
    int fd = chunk_open(folder, name);
    if (pwrite(fd, bytes, size, (off_t)offset) != (ssize_t)size)
        abort();
    close(fd);
}

static inline uint64_t chunk_slot_offset(const struct chunk_header *chunk)
{
    return LAYOUT_PAGE + (uint64_t)chunk->slot * SLOT_BYTES;
}

static inline void put_live(struct chunk_folder *folder, const struct chunk_header *chunk,
                            const uint64_t *payload)
{
    struct live_header header = {.magic = LIVE_MAGIC};
    size_t size = chunk->words * sizeof *payload;
    memcpy(&header, payload, size < sizeof header ? size : sizeof header);
    if (!(chunk->flags & CHUNK_RAW)) {
        header.magic = LIVE_MAGIC;
        header.version = LAYOUT_VERSION;
        header.slot_bytes = SLOT_BYTES;
        header.slots %= CHUNK_SLOTS + 1; /* each one costs the reader a look for its file */
    }
    folder->live[chunk->image] = 1;
    chunk_put(folder, chunk_file(chunk, 0), &header, sizeof header, 0);
}

static inline void put_slot(struct chunk_folder *folder, const struct chunk_header *chunk,
                            const uint64_t *payload)
{
    size_t size = chunk->words * sizeof *payload;
    chunk_put(folder, chunk_file(chunk, 0), payload, size < LAYOUT_PAGE ? size : LAYOUT_PAGE,
              chunk_slot_offset(chunk));
    if (folder->slots[chunk->image] <= chunk->slot)
        folder->slots[chunk->image] = chunk->slot + 1u;
}

/* A copy with room for a header, that has its magic number and the sequence number. */
static inline struct block_header *copy_block(uint64_t *block, const struct chunk_header *chunk,
                                              const uint64_t *payload, uint32_t sequence)
{
    struct block_header *header = (struct block_header *)(void *)block;
    memset(header, 0, sizeof *header);
    memcpy(block, payload, chunk->words * sizeof *payload);
    if (!(chunk->flags & CHUNK_RAW)) {
        header->magic = BLOCK_MAGIC;
        header->sequence = sequence;
    }
    return header;
}

static inline void put_open(struct chunk_folder *folder, const struct chunk_header *chunk,
                            const uint64_t *payload)
{
    uint64_t block[BLOCK_HEADER_WORDS + CHUNK_WORDS];
    unsigned buffer = chunk->flags & CHUNK_SECOND;
    copy_block(block, chunk, payload, folder->blocks[chunk->image][chunk->slot] + 1 + buffer);
    chunk_put(folder, chunk_file(chunk, 0), block, chunk->words * sizeof *payload,
              chunk_slot_offset(chunk) + LAYOUT_PAGE + buffer * BLOCK_BYTES);
    if (folder->slots[chunk->image] <= chunk->slot)
        folder->slots[chunk->image] = chunk->slot + 1u;
}

static inline void put_finished(struct chunk_folder *folder, const struct chunk_header *chunk,
                                const uint64_t *payload)
{
    uint64_t block[BLOCK_HEADER_WORDS + CHUNK_WORDS];
    uint64_t *end = &folder->block_bytes[chunk->image][chunk->slot];
    uint32_t words = chunk->words < BLOCK_HEADER_WORDS ? BLOCK_HEADER_WORDS : chunk->words;
    int bare;
    struct block_header *header =
        copy_block(block, chunk, payload, ++folder->blocks[chunk->image][chunk->slot]);
    if (!(chunk->flags & CHUNK_RAW)) {
        header->used = header->stored = words;
        header->check = block_sum(block + BLOCK_HEADER_WORDS, words - BLOCK_HEADER_WORDS, 0, &bare);
    }
    chunk_put(folder, chunk_file(chunk, 2), block, words * sizeof *block, *end);
    *end += words * sizeof *block;
}

static inline void name_parent(struct arena_header *header, unsigned image)
{
    header->parent_pid = chunk_pid(image);
    header->parent_image = image % 2;
}

static inline void put_arena(struct chunk_folder *folder, const struct chunk_header *chunk,
                             const uint64_t *payload)
{
    struct arena_header header = {.magic = ARENA_MAGIC, .base = LAYOUT_PAGE};
    size_t size = chunk->words * sizeof *payload;
    memcpy(&header, payload, size < sizeof header ? size : sizeof header);
    if (!(chunk->flags & CHUNK_RAW)) {
        header.magic = ARENA_MAGIC;
        header.base = header.base % ARENA_BYTES / LAYOUT_PAGE * LAYOUT_PAGE;
        if (header.base == 0 || header.parent_pid == 0 || chunk->image == 0)
            header.base = LAYOUT_PAGE;
        else /* no circles: each is opened a thousand times */
            name_parent(&header, (header.parent_pid % 2 * 2 + header.parent_image) % chunk->image);
    }
    folder->arena[chunk->image] = 1;
    chunk_put(folder, chunk_file(chunk, 1), &header, sizeof header, 0);
}

static inline void put_definition(struct chunk_folder *folder, const struct chunk_header *chunk,
                                  const uint64_t *payload)
{
    uint64_t entry[CHUNK_WORDS];
    size_t room = chunk->words * sizeof *entry - sizeof *entry;
    if (chunk->words == 0)
        return;
    memcpy(entry, payload, chunk->words * sizeof *entry);
    uint64_t size = entry[0] >> 32;
    if (!(chunk->flags & CHUNK_RAW) && (size > room || size + 7 < room))
        entry[0] = (entry[0] & UINT32_MAX) | (uint64_t)room << 32;
    chunk_put(folder, chunk_file(chunk, 1), entry, chunk->words * sizeof *entry,
              LAYOUT_PAGE + chunk->place * sizeof *entry);
}

/* What is done when all is there: the lengths that the files have, and damage. */
static inline void put_patch(struct chunk_folder *folder, const struct chunk_header *chunk,
                             const uint64_t *payload)
{
    struct stat info;
    int fd = chunk_open(folder, chunk_file(chunk, chunk->place % 3u));
    if (chunk->words < 1 || fstat(fd, &info) != 0) {
        close(fd);
        return;
    }
    uint64_t size = (uint64_t)info.st_size, bytes = (chunk->words - 1u) * sizeof *payload;
    if (chunk->kind == CHUNK_CUT) {
        if (ftruncate(fd, (off_t)(payload[0] % (size + size / 8 + 2))) != 0)
            abort();
    } else if (pwrite(fd, payload + 1, bytes, (off_t)(payload[0] % (size + 1))) != (ssize_t)bytes) {
        abort();
    }
    close(fd);
}

/* The manifest, or how the command ended. */
static inline void put_json(struct chunk_folder *folder, int is_ending, const void *text,
                            size_t size)
{
    while (size && ((const char *)text)[size - 1] == '\0')
        size--;
    folder->manifest |= !is_ending;
    chunk_put(folder, is_ending ? "ending.json" : "session.json", text, size, 0);
}

static inline void put_chunk(struct chunk_folder *folder, const struct chunk_header *chunk,
                             const uint64_t *payload)
{
    switch ((enum chunk_kind)chunk->kind) {
    case CHUNK_MANIFEST:
        put_json(folder, chunk->flags & CHUNK_SECOND, payload, chunk->words * sizeof *payload);
        break;
    case CHUNK_LIVE:
        put_live(folder, chunk, payload);
        break;
    case CHUNK_SLOT:
        put_slot(folder, chunk, payload);
        break;
    case CHUNK_OPEN:
        put_open(folder, chunk, payload);
        break;
    case CHUNK_FINISHED:
        put_finished(folder, chunk, payload);
        break;
    case CHUNK_ARENA:
        put_arena(folder, chunk, payload);
        break;
    case CHUNK_DEFINITION:
        put_definition(folder, chunk, payload);
        break;
    default:
        break;
    }
}

static inline void lengthen(const struct chunk_folder *folder, const char *name, size_t size)
{
    struct stat info;
    int fd = chunk_open(folder, name);
    if (fstat(fd, &info) != 0 || ((size_t)info.st_size < size && ftruncate(fd, (off_t)size) != 0))
        abort();
    close(fd);
}

/* A slot whose chunk does not say how much of its buffers there is has all of them. */
static inline void put_existence(const struct chunk_folder *folder,
                                 const struct chunk_header *chunk)
{
    const uint32_t all[2] = {BLOCK_WORDS, BLOCK_WORDS};
    uint32_t said[2] = {0, 0};
    off_t at = (off_t)(chunk_slot_offset(chunk) + offsetof(struct slot_header, exist));
    int fd = chunk_open(folder, chunk_file(chunk, 0));
    if (pread(fd, said, sizeof said, at) < 0 ||
        (!said[0] && !said[1] && pwrite(fd, all, sizeof all, at) != (ssize_t)sizeof all))
        abort();
    close(fd);
}

/* What an image has though no chunk says so: definitions, whole pages and slots. */
static inline void put_missing(struct chunk_folder *folder, unsigned image)
{
    struct chunk_header chunk = {.image = (uint8_t)image};
    size_t slots = folder->slots[image] ? folder->slots[image] : 1;
    if (!folder->live[image] && !folder->arena[image])
        return;
    if (!folder->arena[image])
        put_arena(folder, &chunk, &(uint64_t){0});
    lengthen(folder, chunk_file(&chunk, 1), LAYOUT_PAGE);
    if (!folder->live[image])
        return;
    lengthen(folder, chunk_file(&chunk, 0), LAYOUT_PAGE + slots * SLOT_BYTES);
    for (chunk.slot = 0; chunk.slot < slots; chunk.slot++)
        put_existence(folder, &chunk);
}

/* Makes the files in the folder, which is empty. */
static inline void chunks_to_folder(const uint64_t *words, size_t count, const char *path)
{
    char manifest[128];
    int size = snprintf(manifest, sizeof manifest,
                        "{\"vitte_trace_session\": %d, \"clock\": \"cycles\", "
                        "\"start_tick\": 1000, \"start_monotonic_ns\": 1000}",
                        LAYOUT_VERSION);
    struct chunk_folder folder = {.path = path};
    struct chunk_header chunk;
    const uint64_t *payload;
    for (size_t at = 0; chunk_next(words, count, &at, &chunk, &payload);)
        put_chunk(&folder, &chunk, payload);
    if (!folder.manifest)
        put_json(&folder, 0, manifest, (size_t)size);
    for (unsigned image = 0; image < CHUNK_IMAGES; image++)
        put_missing(&folder, image);
    for (size_t at = 0; chunk_next(words, count, &at, &chunk, &payload);)
        if (chunk.kind == CHUNK_PATCH || chunk.kind == CHUNK_CUT)
            put_patch(&folder, &chunk, payload);
}

#endif
