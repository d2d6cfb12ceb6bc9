/* The writing side of the definitions arena: see definitions.h.
 *
 * The mapping is as large as the arena may become; the file behind it is reserved in steps, always
 * before a byte of the step is touched. The table of strings is private memory, so a fork's child
 * has its parent's, with ids that it can still resolve. */
#include "runtime/definitions.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/layout.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

enum { TABLE_SIZE = 1 << 15, TABLE_PROBES = 16, SEALED_ROOM = 256 << 10 };

static struct {
    char *memory;              /* arena offset 0 */
    uint32_t base;             /* of this process's own file */
    _Atomic uint64_t used;     /* arena offset of the next entry */
    _Atomic uint64_t reserved; /* arena offset up to which the file exists */
    struct live_header *live;
    int sealed; /* the file cannot grow any more */
    char path[PATH_MAX];
} arena;

static _Atomic uint64_t table[TABLE_SIZE]; /* hash << 32 | id */

static uint64_t file_offset(uint64_t id)
{
    return id - arena.base + LAYOUT_PAGE;
}

static long reserve_from(long fd, uint64_t from)
{
    long failed = sys_reserve(fd, file_offset(from), ARENA_STEP);
    uint64_t before = atomic_load(&arena.reserved); /* only ever moves up */
    while (!failed && before < from + ARENA_STEP &&
           !atomic_compare_exchange_weak(&arena.reserved, &before, from + ARENA_STEP))
        ;
    return failed;
}

long definitions_open(const char *path, struct live_header *live, uint32_t parent_pid,
                      uint32_t parent_image)
{
    uint64_t used = atomic_load(&arena.used);
    int inherits = arena.memory != NULL && parent_pid != 0;
    uint32_t base = inherits ? (uint32_t)((used + LAYOUT_PAGE - 1) & ~(uint64_t)(LAYOUT_PAGE - 1))
                             : LAYOUT_PAGE;
    struct arena_header header = {ARENA_MAGIC, base, parent_pid, parent_image, 0};
    if (base >= ARENA_BYTES)
        return -28; /* ENOSPC: the parent's arena was full */
    struct text copy = text_on(arena.path, sizeof arena.path);
    text_string(&copy, path);
    long fd = sys_open_high(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return fd;
    arena.base = base;
    arena.live = live;
    long failed = reserve_from(fd, base);
    if (!failed)
        failed = sys_write_all(fd, &header, sizeof header);
    if (!failed) {
        void *at = inherits ? arena.memory + base : NULL;
        void *memory = sys_mmap(at, ARENA_BYTES - base, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_NORESERVE | (at ? MAP_FIXED : 0), fd, LAYOUT_PAGE);
        if (memory && !inherits)
            arena.memory = (char *)memory - base;
        failed = memory ? 0 : -12; /* ENOMEM */
    }
    sys_close(fd);
    atomic_store(&arena.used, failed ? (uint64_t)ARENA_BYTES : base);
    return failed;
}

/* Makes the file reach `end`; concurrent callers reserve the same step, which is harmless. */
static int grow(uint64_t end)
{
    long fd = sys_open_high(arena.path, O_RDWR, 0);
    if (fd < 0)
        return 0;
    uint64_t from;
    while ((from = atomic_load(&arena.reserved)) < end)
        if (from >= ARENA_BYTES || reserve_from(fd, from) != 0)
            break;
    sys_close(fd);
    return atomic_load(&arena.reserved) >= end;
}

void definitions_seal(int sealed)
{
    uint64_t wanted = atomic_load(&arena.used) + SEALED_ROOM;
    if (sealed && arena.memory)
        grow(wanted < ARENA_BYTES ? wanted : ARENA_BYTES);
    arena.sealed = sealed;
}

uint32_t definitions_append(enum definition_kind kind, const void *head, size_t head_size,
                            const void *tail, size_t tail_size)
{
    size_t payload = head_size + tail_size;
    size_t size = 8 + ((payload + 7) & ~(size_t)7);
    if (!arena.memory)
        return 0;
    uint64_t id = atomic_fetch_add(&arena.used, size);
    if (id + size > ARENA_BYTES ||
        (id + size > atomic_load(&arena.reserved) && (arena.sealed || !grow(id + size)))) {
        if (arena.live)
            __atomic_fetch_add(&arena.live->arena_full, 1, __ATOMIC_RELAXED);
        return 0;
    }
    uint64_t *header = (uint64_t *)(void *)(arena.memory + id);
    uint64_t length = (uint64_t)payload << 32;
    __atomic_store_n(header, length | DEFINITION_PENDING, __ATOMIC_RELAXED);
    char *bytes = (char *)(header + 1);
    if (head_size)
        memcpy(bytes, head, head_size);
    if (tail_size)
        memcpy(bytes + head_size, tail, tail_size);
    /* pairs with the acquire in collector/arena.c */
    __atomic_store_n(header, length | (uint64_t)kind, __ATOMIC_RELEASE);
    return (uint32_t)id;
}

static uint32_t hash_of(const char *bytes, size_t length)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
    return hash ? hash : 1;
}

static int is_same(uint32_t id, enum definition_kind kind, const char *bytes, size_t length)
{
    const uint64_t *header = (const uint64_t *)(const void *)(arena.memory + id);
    return __atomic_load_n(header, __ATOMIC_ACQUIRE) == ((uint64_t)length << 32 | (uint64_t)kind) &&
           memcmp(header + 1, bytes, length) == 0;
}

uint32_t definitions_intern(enum definition_kind kind, const char *bytes, size_t length)
{
    if (!arena.memory || !bytes)
        return 0;
    uint32_t hash = hash_of(bytes, length), id = 0;
    for (uint32_t probe = 0; probe < TABLE_PROBES; probe++) {
        _Atomic uint64_t *entry = &table[(hash + probe) % TABLE_SIZE];
        uint64_t value = atomic_load(entry);
        if (value == 0) {
            if (id == 0)
                id = definitions_append(kind, bytes, length, NULL, 0);
            if (id == 0 || atomic_compare_exchange_strong(entry, &value, (uint64_t)hash << 32 | id))
                return id;
        }
        if (value >> 32 == hash && is_same((uint32_t)value, kind, bytes, length))
            return (uint32_t)value;
    }
    return id ? id : definitions_append(kind, bytes, length, NULL, 0);
}
