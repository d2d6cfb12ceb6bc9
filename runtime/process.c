/* The process's files and state: see process.h. */
#include "runtime/process.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/clock.h"
#include "runtime/sampler.h"
#include "runtime/sampler_mask.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

struct process process;

/* For paths, while files are opened: one thread at a time does that, and its stack may be a small
 * one. */
static char path[PATH_MAX];

enum {
    TABLE_BYTES = (SLOT_COUNT + 1) * sizeof(struct thread),
    FIRST_BYTES = LAYOUT_PAGE + SLOT_BYTES
};

/* The last entry of the wiped table: its owner is the pid, and zero after a fork. */
static struct thread *canary(void)
{
    return &process.threads[SLOT_COUNT];
}

long process_path(char *buffer, size_t size, long slot, const char *suffix)
{
    struct text made = text_on(buffer, size);
    text_string(&made, process.prefix);
    if (slot >= 0) {
        text_string(&made, ".");
        text_number(&made, (uint64_t)slot);
    }
    text_string(&made, suffix);
    return text_overflowed(&made) ? -ENAMETOOLONG : 0;
}

/* A new PID-N.live: the first N that nobody has. */
static long create_live(void)
{
    long fd = -EEXIST;
    for (uint32_t image = 0; fd == -EEXIST && image < 100000; image++) {
        struct text prefix = {process.prefix, process.folder_length, sizeof process.prefix};
        text_string(&prefix, "/");
        text_number(&prefix, process.pid);
        text_string(&prefix, "-");
        text_number(&prefix, image);
        process.image = image;
        if (text_overflowed(&prefix) || process_path(path, sizeof path, -1, ".live"))
            return -ENAMETOOLONG;
        fd = sys_open_high(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    }
    return fd;
}

static long map_live(long fd)
{
    long failed = sys_reserve(fd, 0, LAYOUT_PAGE);
    if (!failed)
        failed = thread_reserve_slot(fd, LAYOUT_PAGE);
    if (failed)
        return failed;
    process.live = sys_mmap(NULL, FIRST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return process.live ? 0 : -ENOMEM;
}

/* What /proc says of us, as definitions. */
static uint32_t proc_string(const char *file, int is_link)
{
    char buffer[4096];
    long length = -1;
    if (is_link) {
        length = sys_readlink(file, buffer, sizeof buffer);
    } else {
        long fd = sys_open_high(file, O_RDONLY, 0);
        if (fd >= 0) {
            length = sys_read(fd, buffer, sizeof buffer);
            sys_close(fd);
        }
    }
    return length > 0 ? definitions_string(buffer, (size_t)length) : 0;
}

static void describe(struct live_header *live)
{
    live->exe = proc_string("/proc/self/exe", 1);
    live->command = proc_string("/proc/self/cmdline", 0);
    definitions_append(DEFINITION_CALLS, process.calls, process.call_count * sizeof *process.calls,
                       NULL, 0);
}

/* Opens the files of a new process. `parent` is the header of the image it was forked from, or
 * NULL. */
static long open_files(const struct live_header *parent, uint32_t parent_image)
{
    process.pid = (uint32_t)sys_getpid();
    long fd = create_live();
    if (fd < 0)
        return fd;
    long failed = map_live(fd);
    sys_close(fd);
    if (failed)
        goto out;
    struct live_header *live = process.live;
    live->version = LAYOUT_VERSION;
    live->slot_bytes = SLOT_BYTES;
    live->pid = process.pid;
    live->ppid = (uint32_t)sys_getppid();
    live->parent_pid = parent ? parent->pid : 0;
    live->parent_image = parent_image;
    live->start = clock_read_pair();
    failed = process_path(path, sizeof path, -1, ".defs");
    if (!failed)
        failed = definitions_open(path, live, live->parent_pid, parent_image);
    if (failed)
        goto out;
    if (parent) {
        live->gaps = parent->gaps & GAPS_OF_MEMORY;
        live->memory_rate = parent->memory_rate;
        live->exe = parent->exe;
        live->command = parent->command;
    } else {
        describe(live);
    }
    live->directory =
        sys_getcwd(path, sizeof path) > 0 ? definitions_string(path, strlen(path)) : 0;
    __atomic_store_n(&live->magic, LIVE_MAGIC, __ATOMIC_RELEASE);
    return 0;
out:
    if (process.live)
        sys_munmap(process.live, FIRST_BYTES);
    process.live = NULL;
    if (process_path(path, sizeof path, -1, ".defs") == 0)
        sys_unlink(path);
    /* empty and alone, it tells the reader of a process that could not be captured */
    if (process_path(path, sizeof path, -1, ".live") == 0)
        SYS2(SYS_truncate, path, 0);
    return failed;
}

long process_begin(const char *folder, const struct definition_call *calls, size_t call_count)
{
    process.calls = calls;
    process.call_count = call_count;
    process.threads = sys_mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!process.threads)
        return -ENOMEM;
    long failed = sys_madvise(process.threads, TABLE_BYTES, MADV_WIPEONFORK);
    struct text prefix = text_on(process.prefix, sizeof process.prefix);
    text_string(&prefix, folder);
    process.folder_length = prefix.length;
    if (!failed)
        failed = text_overflowed(&prefix) ? -ENAMETOOLONG : open_files(NULL, 0);
    if (failed)
        return failed;
    canary()->owner = process.pid;
    atomic_store(&process.state, PROCESS_ON);
    return 0;
}

/* What a handler interrupted that forked may hold the header's old address: there is a page for it.
 */
static void leave_page(struct live_header *old)
{
    static struct left_memory left;
    sys_munmap(old, LAYOUT_PAGE);
    thread_leave(&left, old, LAYOUT_PAGE);
}

long process_after_fork(void)
{
    if (process.sealed) {
        atomic_store(&process.state, PROCESS_OFF); /* it cannot have files of its own */
        return -EPERM;
    }
    struct live_header *old = process.live, parent = *old;
    uint32_t parent_image = process.image;
    if (__atomic_exchange_n(&canary()->vforking, 1, __ATOMIC_ACQ_REL))
        return -EBUSY; /* another thread of the child is at it */
    sys_munmap((char *)old + LAYOUT_PAGE, SLOT_BYTES);
    process.live = NULL;
    thread_after_fork();
    process.retry_tick = process.usage_tick = 0;
    atomic_store(&process.ended, 0);
    long failed = open_files(&parent, parent_image);
    leave_page(old); /* until here it tells whoever asks that we belong to the session */
    if (failed) {
        atomic_store(&process.state, PROCESS_OFF);
        return failed;
    }
    __atomic_store_n(&canary()->owner, process.pid, __ATOMIC_RELEASE);
    return 0;
}

int process_is_wiped(void)
{
    return !__atomic_load_n(&canary()->owner, __ATOMIC_ACQUIRE);
}

enum process_memory process_memory(void)
{
    if (process_is_wiped())
        return MEMORY_WIPED;
    if (process.sealed) /* where the kernel cannot be asked */
        return atomic_load(&process.lent) ? MEMORY_BORROWED : MEMORY_OWN;
    return sys_getpid() == (long)process.pid ? MEMORY_OWN : MEMORY_BORROWED;
}

int process_is_borrowed(void)
{
    return atomic_load(&process.state) != PROCESS_OFF && process_memory() == MEMORY_BORROWED;
}

/* Without its second half, which takes a system call, where none may be made. */
static struct clock_pair read_clock(void)
{
    return process.sealed ? (struct clock_pair){clock_tick(), 0} : clock_read_pair();
}

void process_end(enum process_status status, int exit_status)
{
    if (atomic_load(&process.state) == PROCESS_OFF || process_memory() != MEMORY_OWN)
        return;
    if (status != PROCESS_RUNNING)
        sampler_finish();
    process.live->end = status == PROCESS_RUNNING ? (struct clock_pair){0, 0} : read_clock();
    process.live->exit_status = exit_status;
    process.live->status = status;
}

void process_stop(void)
{
    if (atomic_load(&process.state) == PROCESS_OFF)
        return;
    atomic_store(&process.state, PROCESS_STOPPED);
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < process.live->slots && i < SLOT_COUNT; i++)
        process.threads[i].end = process.threads[i].function_end = NULL;
}

void process_lose(enum loss_reason reason)
{
    if (process.live) {
        __atomic_fetch_add(&process.live->lost, 1, __ATOMIC_RELAXED);
        process.live->lost_reason = reason;
    }
}

int process_seal(void)
{
    if (atomic_load(&process.state) != PROCESS_ON || process_memory() != MEMORY_OWN)
        return 0;
    sampler_end();
    sampler_mask_settle();
    thread_seal();
    definitions_seal(1);
    process.sealed = 1;
    return 1;
}

void process_unseal(void)
{
    definitions_seal(0);
    process.sealed = 0;
}

void process_leave(void)
{
    if (!process_seal())
        return;
    process_gap(GAP_SEALED);
    clock_forbidden = 1;
    __atomic_fetch_and(&process.captured, -PROCESS_PAUSE, __ATOMIC_RELAXED);
    process_stop();
    atomic_store(&process.state, PROCESS_OFF);
}

static void give(long slot, const char *suffix, uint32_t user)
{
    char name[PATH_MAX];
    if (process_path(name, sizeof name, slot, suffix) == 0)
        arch_syscall(SYS_fchownat, AT_FDCWD, (long)name, (long)user, -1, AT_SYMLINK_NOFOLLOW, 0);
}

void process_give(uint32_t user)
{
    if (atomic_load(&process.state) != PROCESS_ON || process.sealed ||
        process_memory() != MEMORY_OWN || SYS0(SYS_geteuid) != 0)
        return;
    give(-1, ".live", user);
    give(-1, ".defs", user);
    for (uint32_t slot = 0; slot < process.live->slots && slot < SLOT_COUNT; slot++)
        give(slot, ".blocks", user);
}

void process_gap(uint32_t gap)
{
    if (process.live && !(process.live->gaps & gap))
        __atomic_fetch_or(&process.live->gaps, gap, __ATOMIC_RELAXED);
}
