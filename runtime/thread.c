/* Threads and their slots. Everything here is cold and runs with signals blocked, so that no
 * handler of the same thread can come in between. See thread.h. */
#include "runtime/thread.h"

#include "base/sys.h"
#include "runtime/block.h"
#include "runtime/clock.h"
#include "runtime/event.h"
#include "runtime/process.h"
#include "runtime/sampler.h"
#include "runtime/sampler_mask.h"
#include "runtime/stack.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

static struct thread thread_none; /* stands in before attach: has no room, never written */
__thread struct thread *thread_self = &thread_none;

static char *slot_memory[SLOT_COUNT]; /* where each slot is; a fork's child reads its parent's */

enum { TAKEOVER_PROBES = 8 };
static const uint64_t RETRY_TICKS = UINT64_C(1) << 32; /* a second or two */

long thread_reserve_slot(long fd, uint64_t offset)
{
    /* the end first: a file that a limit stops has whole slots */
    long failed = sys_reserve(fd, offset + SLOT_BYTES - LAYOUT_PAGE, LAYOUT_PAGE);
    return failed ? failed : sys_reserve(fd, offset, LAYOUT_PAGE + FIRST_WORDS * sizeof(uint64_t));
}

static int is_gone(uint32_t owner)
{
    return sys_tgkill(process.pid, owner, 0) == -ESRCH;
}

/* Takes over the slot of a thread that is gone, looking at `probes` of them in turn; -1 when none
 * was found. Threads that said that they end are the likely ones, but not all threads come through
 * our pthread_create. */
static long take_over(uint32_t tid, uint32_t probes)
{
    static _Atomic uint32_t next;
    uint32_t slots = process.live->slots < SLOT_COUNT ? process.live->slots : SLOT_COUNT;
    for (uint32_t i = 0; i < slots && probes; i++) {
        uint32_t number = atomic_fetch_add(&next, 1) % slots;
        struct thread *thread = &process.threads[number];
        uint32_t owner = __atomic_load_n(&thread->owner, __ATOMIC_ACQUIRE);
        if (!owner || !thread->slot)
            continue;
        int ended = (int)thread->slot->ended;
        if (!ended && atomic_load(&process.ended))
            continue;
        probes--;
        if (is_gone(owner) && __atomic_compare_exchange_n(&thread->owner, &owner, tid, 0,
                                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            if (ended)
                atomic_fetch_sub(&process.ended, 1);
            return number;
        }
    }
    return -1;
}

static long claim_slot(uint32_t tid)
{
    long number = take_over(tid, TAKEOVER_PROBES);
    if (number >= 0)
        return number;
    if (process.live->slots < SLOT_COUNT) {
        uint32_t fresh = __atomic_fetch_add(&process.live->slots, 1, __ATOMIC_RELAXED);
        if (fresh < SLOT_COUNT) {
            __atomic_store_n(&process.threads[fresh].owner, tid, __ATOMIC_RELEASE);
            return fresh;
        }
    }
    return take_over(tid, SLOT_COUNT);
}

long thread_open_live(char *path, size_t size)
{
    if (process_path(path, size, -1, ".live"))
        return -ENAMETOOLONG;
    return sys_open_high(path, O_RDWR, 0);
}

/* Slot 0 lies behind the header, in the mapping that process_begin made. */
static long map_slot(struct thread *self)
{
    char path[PATH_MAX];
    uint64_t offset = LAYOUT_PAGE + (uint64_t)self->number * SLOT_BYTES;
    char *memory = (char *)process.live + LAYOUT_PAGE;
    if (self->number != 0) {
        long fd = thread_open_live(path, sizeof path);
        if (fd < 0)
            return fd;
        long failed = thread_reserve_slot(fd, offset);
        memory = failed
                     ? NULL
                     : sys_mmap(NULL, SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
        sys_close(fd);
        if (!memory)
            return failed ? failed : -ENOMEM;
        sys_madvise(memory, SLOT_BYTES, MADV_DONTFORK);
    }
    slot_memory[self->number] = memory;
    self->buffer[0] = (uint64_t *)(void *)(memory + LAYOUT_PAGE);
    self->buffer[1] = self->buffer[0] + BLOCK_WORDS;
    self->slot = (struct slot_header *)(void *)memory;
    if (self->slot->exist[0] == 0)
        self->slot->exist[0] = FIRST_WORDS;
    return 0;
}

static struct thread *attach(void)
{
    uint32_t tid = (uint32_t)sys_gettid();
    long number = claim_slot(tid);
    struct thread *self = number < 0 ? NULL : &process.threads[number];
    if (self && !self->slot) {
        self->number = (uint32_t)number;
        if (map_slot(self) != 0) {
            __atomic_store_n(&self->owner, 0, __ATOMIC_RELEASE);
            self = NULL;
        }
    } else if (self) {
        if (self->next > self->buffer[self->open] + BLOCK_HEADER_WORDS)
            block_flush(self);
        self->sequence--; /* the block that is open and empty is opened again, for us */
        self->lost = ((const struct block_header *)(const void *)self->buffer[self->open])->lost;
    }
    if (!self) {
        process.retry_tick = clock_tick() + RETRY_TICKS;
        return NULL;
    }
    self->index = __atomic_fetch_add(&process.live->threads, 1, __ATOMIC_RELAXED);
    self->slot->tid = tid;
    self->slot->thread = self->index;
    self->slot->ended = 0;
    self->slot->now.call = 0;
    block_open(self);
    stack_forget(self);
    thread_self = self;
    sampler_attach(self);
    return self;
}

/* `events` are lost when the thread cannot be attached. */
static struct thread *make_room(int events)
{
    struct thread *self = thread_self;
    enum process_memory memory = process_memory();
    if (memory == MEMORY_BORROWED || (memory == MEMORY_WIPED && process_after_fork() != 0))
        return NULL;
    if (!self->slot) {
        self = attach();
        if (self)
            thread_define(0, clock_tick());
        else if (events)
            process_lose(LOSS_NO_SLOT);
        return self;
    }
    if (self->vforking) {
        self->vforking = 0;
        block_set_ends(self);
    }
    if (self->next >= self->end && self->end) {
        if (self->slot->exist[self->open] < BLOCK_WORDS && block_reserve(self, self->open) == 0)
            block_set_ends(self);
        else
            block_flush(self);
    }
    return self->end ? self : NULL;
}

static struct thread *look_for_room(int events)
{
    int state = atomic_load(&process.state);
    if (state != PROCESS_ON)
        return NULL;
    if (!thread_self->slot && process.retry_tick && !process_is_wiped() &&
        clock_tick() < process.retry_tick) {
        if (events)
            process_lose(LOSS_NO_SLOT);
        return NULL;
    }
    if (process.sealed)
        return block_sealed_room(thread_self, events);
    int attaches = !thread_self->slot;
    uint64_t mask = sys_signals_block();
    struct thread *self = make_room(events);
    sys_signals_restore(attaches && self ? sampler_mask_attached(mask) : mask);
    return self;
}

struct thread *thread_make_room(void)
{
    return look_for_room(1);
}

int thread_attach(void)
{
    return thread_self->next < thread_self->end || look_for_room(0);
}

uint32_t thread_reference(void)
{
    return thread_attach() ? thread_self->index + 1 : 0;
}

void thread_define(uint32_t parent, uint64_t since)
{
    char name[16] = "";
    struct thread *self = thread_self;
    if (!self->slot)
        return;
    SYS2(SYS_prctl, PR_GET_NAME, name);
    struct definition_thread definition = {
        .index = self->index,
        .tid = self->slot->tid,
        .parent = parent,
        .name = definitions_string(name, strnlen(name, sizeof name)),
        .tick = since,
        .handle = (uint64_t)pthread_self(),
    };
    definitions_append(DEFINITION_THREAD, &definition, sizeof definition, NULL, 0);
}

void thread_define_name(pthread_t handle, const char *name, size_t length)
{
    struct definition_thread_name definition = {
        .handle = (uint64_t)handle,
        .tick = clock_tick(),
        .name = definitions_string(name, length),
    };
    definitions_append(DEFINITION_THREAD_NAME, &definition, sizeof definition, NULL, 0);
}

void thread_ending(void)
{
    struct thread *self = thread_self;
    if (self->slot && !self->slot->ended) {
        sampler_finish();
        self->slot->ended = 1;
        atomic_fetch_add(&process.ended, 1);
    }
}

void thread_seal(void)
{
    struct thread *self = thread_self;
    if (!self->slot)
        return;
    stack_seal();
    if (self->next >= self->end)
        return;
    uint64_t mask = sys_signals_block();
    if (block_reserve(self, 0) == 0 && block_reserve(self, 1) == 0)
        block_flush(self);
    sys_signals_restore(mask);
}

int thread_leave(struct left_memory *left, void *at, size_t size)
{
    void **place = &left->at[left->next++ % LEFT_GENERATIONS];
    if (*place)
        sys_munmap(*place, size);
    *place = sys_mmap(at, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (*place && *place != at) { /* a kernel that does not know the flag */
        sys_munmap(*place, size);
        *place = NULL;
    }
    return *place != NULL;
}

void thread_after_fork(void)
{
    static struct left_memory left;
    struct thread *self = thread_self;
    if (self == &thread_none)
        return;
    char *memory = slot_memory[self - process.threads];
    if (thread_leave(&left, memory, SLOT_BYTES))
        self->next = (uint64_t *)(void *)(memory + LAYOUT_PAGE);
}

uint64_t thread_pause(void)
{
    uint64_t mask = sys_signals_block();
    struct thread *self = thread_attach() ? thread_self : NULL;
    if (self)
        self->end = self->function_end = NULL;
    return mask;
}

void thread_resume(uint64_t paused)
{
    if (thread_self->slot)
        block_set_ends(thread_self);
    sys_signals_restore(paused);
}

void thread_before_vfork(void)
{
    thread_attach();
    struct thread *self = thread_self;
    if (self->slot) {
        self->vforking = 1;
        self->end = self->function_end = NULL;
    }
}
