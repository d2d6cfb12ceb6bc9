/* The writing side of the definitions arena: see definitions.h.
 *
 * The file is mapped a chunk at a time, because address space may be limited and memory checkers
 * look at all that is mapped; within a chunk it is reserved in steps, always before a byte of the
 * step is touched. The table of strings is private memory, so a fork's child has its parent's, with
 * ids that it can still resolve: the chunks of its parent stay mapped. */
#include "runtime/definitions.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/layout.h"
#include "runtime/process.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

enum { TABLE_SIZE = 1 << 15, TABLE_PROBES = 16, SEALED_ROOM = 256 << 10 };

static struct {
    _Atomic(char *) chunks[ARENA_BYTES / ARENA_CHUNK];
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

static char *memory_of(uint64_t id)
{
    char *chunk = atomic_load_explicit(&arena.chunks[id / ARENA_CHUNK], memory_order_acquire);
    return chunk ? chunk + id % ARENA_CHUNK : NULL;
}

/* Maps the rest of the chunk that `from`, which begins a page, is in. In a fork's child the part
 * before it is its parent's and stays. 0 or negative errno. */
static long map_chunk(long fd, uint64_t from)
{
    _Atomic(char *) *chunk = &arena.chunks[from / ARENA_CHUNK];
    uint64_t within = from % ARENA_CHUNK;
    char *there = atomic_load(chunk), *none = NULL;
    char *memory =
        sys_mmap(there ? there + within : NULL, ARENA_CHUNK - within, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_NORESERVE | (there ? MAP_FIXED : 0), fd, file_offset(from));
    if (!memory)
        return -12; /* ENOMEM */
    if (!there && !atomic_compare_exchange_strong(chunk, &none, memory - within))
        sys_munmap(memory, ARENA_CHUNK - within); /* another thread was first */
    return 0;
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
    int inherits = atomic_load(&arena.chunks[0]) != NULL && parent_pid != 0;
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
    atomic_store(&arena.reserved, base);
    long failed = reserve_from(fd, base);
    if (!failed)
        failed = sys_write_all(fd, &header, sizeof header);
    if (!failed)
        failed = map_chunk(fd, base);
    sys_close(fd);
    atomic_store(&arena.used, failed ? (uint64_t)ARENA_BYTES : base);
    return failed;
}

/* Makes the file reach `end`, and maps it; concurrent callers reserve the same step, which is
 * harmless. Without signals: a handler that forks would leave its child half-way between two files.
 */
static int grow(uint64_t end)
{
    uint64_t mask = sys_signals_block();
    long fd = sys_open_high(arena.path, O_RDWR, 0), failed = fd < 0;
    uint64_t from, chunk = (end - 1) / ARENA_CHUNK * ARENA_CHUNK;
    while (fd >= 0 && (from = atomic_load(&arena.reserved)) < end)
        if (from >= ARENA_BYTES || reserve_from(fd, from) != 0)
            break;
    if (fd >= 0) {
        failed = memory_of(chunk) ? 0 : map_chunk(fd, chunk);
        sys_close(fd);
    }
    sys_signals_restore(mask);
    return !failed && atomic_load(&arena.reserved) >= end;
}

void definitions_seal(int sealed)
{
    uint64_t wanted = atomic_load(&arena.used) + SEALED_ROOM;
    if (sealed && atomic_load(&arena.chunks[0]))
        grow(wanted < ARENA_BYTES ? wanted : ARENA_BYTES);
    arena.sealed = sealed;
}

/* A fork's child that has no files yet. What it claims is its parent's to claim, too; what had been
 * claimed before the fork is written by both, and the same. */
static int is_only_read(void)
{
    return atomic_load(&process.state) != PROCESS_OFF && process_is_wiped();
}

uint32_t definitions_append(enum definition_kind kind, const void *head, size_t head_size,
                            const void *tail, size_t tail_size)
{
    size_t payload = head_size + tail_size;
    size_t size = 8 + ((payload + 7) & ~(size_t)7);
    if (!atomic_load_explicit(&arena.chunks[0], memory_order_relaxed))
        return 0;
    uint64_t id = size > ARENA_CHUNK ? ARENA_BYTES : atomic_fetch_add(&arena.used, size);
    while (id / ARENA_CHUNK != (id + size - 1) / ARENA_CHUNK && id < ARENA_BYTES)
        id = atomic_fetch_add(&arena.used, size); /* what was claimed stays zeros, to be skipped */
    if (is_only_read())
        return 0;
    int fits = id + size <= ARENA_BYTES;
    int exists = fits && id + size <= atomic_load(&arena.reserved) && memory_of(id);
    if (!exists && (!fits || arena.sealed || !grow(id + size))) {
        if (arena.live)
            __atomic_fetch_add(&arena.live->arena_full, 1, __ATOMIC_RELAXED);
        return 0;
    }
    uint64_t *header = (uint64_t *)(void *)memory_of(id);
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

const void *definitions_payload(uint32_t id)
{
    return memory_of(id) + sizeof(uint64_t);
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
    const uint64_t *header = (const uint64_t *)(const void *)memory_of(id);
    return __atomic_load_n(header, __ATOMIC_ACQUIRE) == ((uint64_t)length << 32 | (uint64_t)kind) &&
           memcmp(header + 1, bytes, length) == 0;
}

uint32_t definitions_intern(enum definition_kind kind, const char *bytes, size_t length)
{
    if (!atomic_load_explicit(&arena.chunks[0], memory_order_relaxed) || !bytes)
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
