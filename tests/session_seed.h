/* A recorded session, cut down to chunks (session_chunks.h): the first events of its threads and
 * what is defined first. Written to standard output. */
#ifndef VT_TESTS_SESSION_SEED_H
#define VT_TESTS_SESSION_SEED_H

#include "tests/session_chunks.h"

#include <dirent.h>

enum { SEED_EVENTS = 64, SEED_ENTRIES = 24, SEED_FILE = 4 << 20 };

struct seed {
    const char *folder;
    uint32_t pids[CHUNK_IMAGES / 2];  /* as they were recorded */
    uint32_t first[CHUNK_IMAGES / 2]; /* lowest image of each */
    size_t pid_count;
};

static inline void seed_chunk(struct chunk_header chunk, const void *payload, size_t size)
{
    static const char padding[8];
    chunk.words = (uint16_t)((size + 7) / 8);
    fwrite(&chunk, sizeof chunk, 1, stdout);
    fwrite(payload, size, 1, stdout);
    fwrite(padding, (8 - size % 8) % 8, 1, stdout);
}

static inline char *seed_read(const struct seed *seed, const char *name, size_t *size)
{
    static _Alignas(8) char bytes[SEED_FILE];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", seed->folder, name);
    memset(bytes, 0, sizeof bytes);
    FILE *file = fopen(path, "rb");
    *size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    return bytes;
}

/* Which image this one becomes; CHUNK_IMAGES: there is no more room. */
static inline unsigned seed_image(struct seed *seed, uint32_t pid, uint32_t image)
{
    size_t i = 0;
    while (i < seed->pid_count && seed->pids[i] != pid)
        i++;
    if (i == CHUNK_IMAGES / 2)
        return CHUNK_IMAGES;
    if (i == seed->pid_count) {
        seed->pids[seed->pid_count] = pid;
        seed->first[seed->pid_count++] = image;
    }
    return image - seed->first[i] < 2 ? (unsigned)(2 * i + image - seed->first[i]) : CHUNK_IMAGES;
}

/* How many words it has, its header and SEED_EVENTS at the most. */
static inline size_t seed_block_words(const char *block)
{
    uint64_t word;
    size_t words = BLOCK_HEADER_WORDS;
    for (; words < BLOCK_HEADER_WORDS + SEED_EVENTS; words++) {
        memcpy(&word, block + words * sizeof word, sizeof word);
        if (word == 0)
            break;
    }
    return words;
}

static inline void seed_live(const struct seed *seed, const char *name, unsigned image)
{
    size_t size;
    const char *bytes = seed_read(seed, name, &size);
    struct chunk_header chunk = {CHUNK_LIVE, (uint8_t)image, 0, 0, 0, 0};
    seed_chunk(chunk, bytes, sizeof(struct live_header));
    for (unsigned slot = 0; slot < CHUNK_SLOTS && chunk_slot_offset(&chunk) < size; slot++) {
        chunk.slot = (uint8_t)slot;
        const char *at = bytes + chunk_slot_offset(&chunk);
        if (at + SLOT_BYTES > bytes + size)
            break;
        chunk.kind = CHUNK_SLOT;
        seed_chunk(chunk, at, offsetof(struct slot_header, now) + sizeof(struct now_record));
        chunk.kind = CHUNK_OPEN;
        for (uint8_t buffer = 0; buffer < 2; buffer++) {
            const char *block = at + LAYOUT_PAGE + buffer * BLOCK_BYTES;
            chunk.flags = buffer;
            if (block[0])
                seed_chunk(chunk, block, seed_block_words(block) * 8);
        }
        chunk.flags = 0;
    }
}

static inline void seed_blocks(const struct seed *seed, const char *name, unsigned image,
                               unsigned slot)
{
    size_t size;
    const char *bytes = seed_read(seed, name, &size);
    struct chunk_header chunk = {CHUNK_FINISHED, (uint8_t)image, (uint8_t)slot, 0, 0, 0};
    for (size_t at = 0; at + BLOCK_BYTES <= size && at < 2 * BLOCK_BYTES; at += BLOCK_BYTES)
        seed_chunk(chunk, bytes + at, seed_block_words(bytes + at) * 8);
}

/* Names of modules are made those of files that are not there: their symbols are fuzz_symbols.c's
 * business, and slow. */
static inline void seed_definitions(struct seed *seed, const char *name, unsigned image)
{
    size_t size, entries = 0;
    char *bytes = seed_read(seed, name, &size);
    struct arena_header *header = (struct arena_header *)(void *)bytes;
    struct chunk_header chunk = {CHUNK_ARENA, (uint8_t)image, 0, 0, 0, 0};
    if (header->parent_pid) {
        unsigned parent = seed_image(seed, header->parent_pid, header->parent_image);
        header->parent_pid = chunk_pid(parent);
        header->parent_image = parent % 2;
    }
    seed_chunk(chunk, header, sizeof *header);
    chunk.kind = CHUNK_DEFINITION;
    for (size_t at = LAYOUT_PAGE; at + 8 <= size && entries < SEED_ENTRIES;) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        size_t whole = word ? 8 + ((size_t)(word >> 32) + 7) / 8 * 8 : 8;
        if (whole > size - at)
            break;
        if ((word & 0xff) == DEFINITION_MODULE && bytes[at + 8 + sizeof(struct definition_module)])
            bytes[at + 8 + sizeof(struct definition_module)] = '?';
        chunk.place = (uint16_t)((at - LAYOUT_PAGE) / 8);
        if (word && whole <= CHUNK_WORDS * 8)
            seed_chunk(chunk, bytes + at, whole);
        entries += word != 0;
        at += whole;
    }
}

/* Without what says that it is of this machine and boot, which the reader would then ask. */
static inline void seed_manifest(const struct seed *seed)
{
    size_t size;
    char *text = seed_read(seed, "session.json", &size), *boot = strstr(text, "boot_id");
    if (boot)
        memcpy(boot, "no_boot", 7);
    seed_chunk((struct chunk_header){CHUNK_MANIFEST, 0, 0, 0, 0, 0}, text, size);
    text = seed_read(seed, "ending.json", &size); /* of the first image */
    char *pid = strstr(text, "\"pid\": ");
    for (size_t i = 0, at = strlen("\"pid\": "); pid && pid[at] >= '0' && pid[at] <= '9'; i++, at++)
        pid[at] = i < 3 ? "100"[i] : ' ';
    seed_chunk((struct chunk_header){CHUNK_MANIFEST, 0, 0, CHUNK_SECOND, 0, 0}, text, size);
}

static inline int seed_write(const char *folder)
{
    struct seed seed = {.folder = folder};
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    seed_manifest(&seed);
    for (int i = 0; i < count; i++) {
        unsigned pid, number, slot, image;
        char *name = entries[i]->d_name, rest[16] = "";
        if (sscanf(name, "%u-%u.%15s", &pid, &number, rest) == 3 &&
            (image = seed_image(&seed, pid, number)) < CHUNK_IMAGES) {
            if (strcmp(rest, "live") == 0)
                seed_live(&seed, name, image);
            else if (strcmp(rest, "defs") == 0)
                seed_definitions(&seed, name, image);
            else if (sscanf(rest, "%u.blocks", &slot) == 1 && slot < CHUNK_SLOTS)
                seed_blocks(&seed, name, image, slot);
        }
        free(entries[i]);
    }
    free(entries);
    return count > 0 && fflush(stdout) == 0 ? 0 : 1;
}

#endif
