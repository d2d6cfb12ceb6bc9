/* See arena.h. The files are mapped; a file that shrinks under us is another program's doing. */
#include "collector/arena.h"

#include "runtime/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_ANCESTORS = 1024 };

struct arena {
    const char *file;
    size_t size;    /* of the file */
    uint32_t base;  /* first id of its own */
    uint32_t limit; /* for an ancestor: the first id that is not visible */
    struct arena *parent;
};

static struct arena *open_one(const char *folder, uint32_t pid, uint32_t image,
                              struct problem *problem)
{
    char path[PATH_MAX];
    struct stat info;
    snprintf(path, sizeof path, "%s/%u-%u.defs", folder, pid, image);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        problem_set(problem,
                    "cannot read %s: %s; the session is incomplete; --keep-going leaves this "
                    "process out",
                    path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct arena *arena = calloc(1, sizeof *arena);
    void *file = MAP_FAILED;
    if (arena && info.st_size >= LAYOUT_PAGE)
        file = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    const struct arena_header *header = file;
    if (file == MAP_FAILED || header->magic != ARENA_MAGIC || header->base < LAYOUT_PAGE ||
        header->base % LAYOUT_PAGE || header->base > ARENA_BYTES) {
        problem_set(problem,
                    "%s is damaged: no definitions in it; export with --keep-going to leave "
                    "its process out",
                    path);
        if (file != MAP_FAILED)
            munmap(file, (size_t)info.st_size);
        free(arena);
        return NULL;
    }
    arena->file = file;
    arena->size = (size_t)info.st_size;
    arena->base = header->base;
    arena->limit = UINT32_MAX;
    return arena;
}

struct arena *arena_open(const char *folder, uint32_t pid, uint32_t image, struct problem *problem)
{
    struct arena *first = open_one(folder, pid, image, problem), *last = first;
    for (int depth = 0; last && last->base > LAYOUT_PAGE; depth++) {
        const struct arena_header *header = (const void *)last->file;
        struct arena *parent = NULL;
        if (depth < MAX_ANCESTORS && header->parent_pid)
            parent = open_one(folder, header->parent_pid, header->parent_image, problem);
        if (!parent || parent->base > last->base) {
            problem_set(problem,
                        "%s/%u-%u.defs: the definitions of its parent process are missing; export "
                        "with --keep-going to leave this process out",
                        folder, pid, image);
            arena_close(parent);
            arena_close(first);
            return NULL;
        }
        parent->limit = last->base;
        last->parent = parent;
        last = parent;
    }
    return first;
}

void arena_close(struct arena *arena)
{
    while (arena) {
        struct arena *parent = arena->parent;
        munmap((void *)(uintptr_t)arena->file, arena->size);
        free(arena);
        arena = parent;
    }
}

/* The header word of the entry at `id` in its file, or NULL when there is no whole entry. */
static const uint64_t *entry_at(const struct arena *arena, uint32_t id)
{
    size_t offset = (size_t)id - arena->base + LAYOUT_PAGE;
    if (id % 8 || id < arena->base || id >= arena->limit || offset + 8 > arena->size)
        return NULL;
    const uint64_t *header = (const void *)(arena->file + offset);
    /* pairs with the release in runtime/definitions.c */
    uint64_t word = __atomic_load_n(header, __ATOMIC_ACQUIRE);
    return (word >> 32) <= arena->size - offset - 8 ? header : NULL;
}

const void *arena_entry(const struct arena *arena, uint32_t id, enum definition_kind kind,
                        size_t size)
{
    while (arena && id < arena->base)
        arena = arena->parent;
    const uint64_t *header = arena ? entry_at(arena, id) : NULL;
    if (!header || (*header & 0xff) != (uint64_t)kind || *header >> 32 < size)
        return NULL;
    return header + 1;
}

const char *arena_string(const struct arena *arena, uint32_t id, size_t *length)
{
    const char *bytes = arena_entry(arena, id, DEFINITION_STRING, 0);
    *length = 0;
    if (!bytes)
        return "";
    uint64_t header;
    memcpy(&header, bytes - sizeof header, sizeof header);
    *length = (size_t)(header >> 32);
    return bytes;
}

static void walk_one(const struct arena *arena, arena_visit *visit, void *data, int inherited)
{
    uint64_t id = arena->base;
    while (id < arena->limit && id - arena->base + LAYOUT_PAGE + 8 <= arena->size) {
        const uint64_t *header = entry_at(arena, (uint32_t)id);
        enum definition_kind kind = header ? (enum definition_kind)(*header & 0xff) : 0;
        if (kind == 0) {
            id += 8; /* nothing here yet, or damaged: look at the next word */
            continue;
        }
        size_t size = (size_t)(*header >> 32);
        if (kind != DEFINITION_PENDING)
            visit(data, kind, (uint32_t)id, header + 1, size, inherited);
        id += 8 + ((size + 7) & ~(size_t)7);
    }
}

void arena_walk(const struct arena *arena, arena_visit *visit, void *data)
{
    const struct arena *order[MAX_ANCESTORS + 2];
    size_t count = 0;
    for (; arena && count < sizeof order / sizeof order[0]; arena = arena->parent)
        order[count++] = arena;
    while (count-- > 0)
        walk_one(order[count], visit, data, count > 0);
}
