/* Blocks: see block.h. */
#include "runtime/block.h"

#include "base/sys.h"
#include "runtime/clock.h"
#include "runtime/event.h"
#include "runtime/process.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

void block_set_ends(struct thread *self)
{
    uint64_t *end = self->buffer[self->open] + self->slot->exist[self->open] - BLOCK_SLACK_WORDS;
    self->end = end;
    self->function_end = process_captures(CATEGORY_FUNCTIONS) && !clock_in_nsec ? end : NULL;
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in process_stop */
    if (atomic_load(&process.state) != PROCESS_ON)
        self->end = self->function_end = NULL;
}

long block_reserve(struct thread *self, uint32_t which)
{
    if (self->slot->exist[which] == BLOCK_WORDS)
        return 0;
    uint64_t slot = LAYOUT_PAGE + (uint64_t)self->number * SLOT_BYTES;
    long fd = thread_open_live(self->slot->scratch, sizeof self->slot->scratch);
    if (fd < 0)
        return fd;
    long failed = sys_reserve(fd, slot + LAYOUT_PAGE + which * BLOCK_BYTES, BLOCK_BYTES);
    sys_close(fd);
    if (!failed)
        self->slot->exist[which] = BLOCK_WORDS;
    return failed;
}

void block_open(struct thread *self)
{
    uint64_t *buffer = self->buffer[self->open];
    struct block_header *header = (struct block_header *)(void *)buffer;
    if (header->used) {
        size_t dirty = header->used + BLOCK_SLACK_WORDS;
        size_t room = self->slot->exist[self->open];
        memset(buffer, 0, (dirty < room ? dirty : room) * sizeof *buffer);
    }
    header->thread = self->index;
    header->sequence = ++self->sequence;
    header->start = process.sealed ? (struct clock_pair){clock_tick(), 0} : clock_read_pair();
    header->lost = self->lost;
    header->lost_reason = self->lost_reason;
    header->lost_since = self->lost_since;
    self->lost = 0;
    self->epoch = header->start.tick >> EVENT_TICK_BITS;
    self->next = buffer + BLOCK_HEADER_WORDS;
    __atomic_store_n(&header->magic, BLOCK_MAGIC, __ATOMIC_RELEASE); /* acquire in the reader */
    block_set_ends(self);
}

/* What a word is apart from its kind and its length: zero in a word that nobody has stored yet and
 * in the PENDING one of a record that is being filled. */
static const uint64_t STORED =
    ~(UINT64_C(3) << EVENT_KIND_SHIFT | (uint64_t)EVENT_MAX_PAYLOAD << EVENT_LENGTH_SHIFT);

/* Whether the store of a record in this block was interrupted and is still to come. Only for a
 * block that has a word without any of the bits of STORED: it may be a payload's. */
static int is_unfinished(const uint64_t *words, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (!(words[i] & STORED))
            return 1;
        if (event_kind(words[i]) == EVENT_KIND_RECORD && event_type(words[i]) != EVENT_TIME)
            i += event_length(words[i]);
    }
    return 0;
}

static uint64_t count_events(const uint64_t *words, uint64_t count)
{
    uint64_t events = 0;
    int in_hole = 0;
    for (uint64_t i = 0; i < count; i++) {
        enum event_kind kind = event_kind(words[i]);
        int is_hole = kind == EVENT_KIND_NONE, goes_on = is_hole && in_hole;
        in_hole = is_hole;
        if (goes_on || (kind == EVENT_KIND_RECORD && event_type(words[i]) == EVENT_TIME))
            continue;
        events++;
        if (kind == EVENT_KIND_RECORD)
            i += event_length(words[i]);
    }
    return events;
}

static long append_block(const struct thread *self, const void *block, size_t size)
{
    char *path = self->slot->scratch;
    if (process_path(path, sizeof self->slot->scratch, self->number, ".blocks"))
        return -ENAMETOOLONG;
    long fd = sys_open_high(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fd;
    long before = SYS3(SYS_lseek, fd, 0, 2 /* SEEK_END */);
    long failed = sys_write_all(fd, block, size);
    if (failed && before >= 0)
        sys_ftruncate(fd, (uint64_t)before);
    sys_close(fd);
    return failed;
}

/* Opens the other buffer where it can be had; but the same one again while a record in the other
 * one is still to be stored, which would come to lie upon what is there by then (H16).
 * `unfinished`: this one has such a record. */
static void turn_over(struct thread *self, int unfinished)
{
    const uint64_t *other = self->buffer[self->open ^ 1];
    const struct block_header *header = (const void *)other;
    if (block_reserve(self, self->open ^ 1) != 0) {
        block_open(self); /* the disk is full: one buffer is enough for what the file did take */
        return;
    }
    if (!self->unfinished || header->used <= BLOCK_HEADER_WORDS ||
        !is_unfinished(other + BLOCK_HEADER_WORDS, header->used - BLOCK_HEADER_WORDS)) {
        self->unfinished = (uint32_t)unfinished;
        self->open ^= 1;
    }
    block_open(self);
}

/* Completes the open block's header. A full block is stored with its slack: whole pages at page
 * offsets cost the kernel less. Says whether some word may be of an unfinished record. */
static int finish_block(struct thread *self)
{
    uint64_t *buffer = self->buffer[self->open];
    struct block_header *header = (struct block_header *)(void *)buffer;
    uint64_t used = (uint64_t)(self->next - buffer);
    if (used > BLOCK_WORDS)
        used = BLOCK_WORDS;
    int bare;
    header->used = (uint32_t)used;
    header->stored = used + BLOCK_SLACK_WORDS >= BLOCK_WORDS ? BLOCK_WORDS : (uint32_t)used;
    header->check =
        block_sum(buffer + BLOCK_HEADER_WORDS, header->used - BLOCK_HEADER_WORDS, STORED, &bare);
    return bare;
}

void block_flush(struct thread *self)
{
    uint64_t *buffer = self->buffer[self->open];
    struct block_header *header = (struct block_header *)(void *)buffer;
    int bare = finish_block(self);
    uint64_t used = header->used;
    long failed = append_block(self, buffer, header->stored * sizeof *buffer);
    if (failed) {
        self->lost =
            header->lost + count_events(buffer + BLOCK_HEADER_WORDS, used - BLOCK_HEADER_WORDS);
        self->lost_since = header->lost ? header->lost_since : header->start.tick;
        self->lost_reason = failed == -ENOSPC || failed == -EDQUOT ? LOSS_DISK_FULL : LOSS_WRITE;
        header->magic = 0;
    }
    turn_over(self, bare && is_unfinished(buffer + BLOCK_HEADER_WORDS, used - BLOCK_HEADER_WORDS));
}

struct thread *block_sealed_room(struct thread *self, int events)
{
    if (self->next < self->end)
        return self;
    if (self->slot && self->end && self->slot->exist[self->open ^ 1] == BLOCK_WORDS &&
        !self->sealed_over) {
        finish_block(self);
        self->sealed_over = 1;
        self->open ^= 1;
        block_open(self);
        return self;
    }
    if (events)
        process_lose(LOSS_SEALED);
    return NULL;
}
