/* An allocator to be preloaded behind the tracer. Like some, it opens, reads and closes a file
 * while it holds its lock: when it sets itself up, and now and then again. Who comes back to it
 * meanwhile, on the same thread, would wait for ever: it says so and ends the program with
 * status 66. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARENA = 512 << 20, OFTEN = 50 };

static _Atomic long owner;
static char *arena;
static size_t used;
static long calls, opens;

long h20_opens(void)
{
    return opens;
}

static void lock(void)
{
    static const char complaint[] = "h20: the allocator was called while it holds its lock\n";
    long me = syscall(SYS_gettid), none = 0;
    if (owner == me) {
        syscall(SYS_write, 2, complaint, sizeof complaint - 1);
        syscall(SYS_exit_group, 66);
    }
    while (!atomic_compare_exchange_weak(&owner, &none, me)) {
        none = 0;
        syscall(SYS_sched_yield);
    }
}

static void look_at_a_file(void)
{
    char byte;
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &byte, 1) != 1 || close(fd) != 0)
        syscall(SYS_exit_group, 67);
    opens++;
}

static void *take(size_t alignment, size_t size)
{
    int saved = errno;
    lock();
    if (!arena)
        arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (calls++ % OFTEN == 0)
        look_at_a_file();
    size_t at = (used + sizeof size + alignment - 1) & ~(alignment - 1);
    void *block = NULL;
    if (at + size <= ARENA) {
        used = at + size;
        block = arena + at;
        memcpy(arena + at - sizeof size, &size, sizeof size);
    }
    owner = 0;
    errno = block ? saved : ENOMEM;
    return block;
}

void *malloc(size_t size)
{
    return take(16, size);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : take(16, bytes);
}

void *realloc(void *block, size_t size)
{
    size_t old = 0;
    void *fresh = take(16, size);
    if (block)
        memcpy(&old, (char *)block - sizeof old, sizeof old);
    if (fresh && block)
        memcpy(fresh, block, old < size ? old : size);
    return fresh;
}

void free(void *block)
{
    (void)block;
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *fresh = take(alignment < 16 ? 16 : alignment, size);
    if (fresh)
        *block = fresh;
    return fresh ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return take(alignment < 16 ? 16 : alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    return take(alignment < 16 ? 16 : alignment, size);
}

size_t malloc_usable_size(void *block)
{
    size_t size = 0;
    if (block)
        memcpy(&size, (char *)block - sizeof size, sizeof size);
    return size;
}
