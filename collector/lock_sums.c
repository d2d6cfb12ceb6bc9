/* See lock_sums.h. The waits and holds of one image are kept until it ends, then matched: a wait is
 * put down to whoever had the lock at each moment of it. */
#include "collector/lock_sums.h"

#include "collector/memory.h"
#include "collector/numbering.h"
#include "collector/show.h"
#include "collector/stack_text.h"

#include <string.h>

enum {
    RECENT = 1 << 22,   /* allocations and I/O calls of a thread that are remembered */
    SHOWN = 3,          /* places of a lock */
    KEPT_MAX = 1 << 22, /* waits and holds of an image; all others are summed up only */
};

/* A wait for a lock, or its being held. */
struct interval {
    uint64_t lock, start_ns, end_ns;
    uint64_t tick, code; /* where it had been taken; of a wait, by whom it was held; or 0 */
    uint32_t stack, thread;
    int is_hold;
};

/* What a thread has done so far, after each of its latest allocations and I/O calls. */
struct mark {
    uint64_t ns, allocations, io_calls, io_ns;
};

struct share {
    const char *text;
    uint64_t ns;
};

struct lock_sums {
    struct image *image;
    struct lock_sum *all;
    uint32_t thread;        /* the current one */
    size_t count, first;    /* of the current image */
    struct numbering locks; /* its, by address */
    struct interval *kept;
    size_t kept_count;
    struct mark *marks; /* a ring, once there are RECENT */
    size_t mark_room, next_mark, mark_count;
    struct mark now;
};

struct lock_sums *lock_sums_new(void)
{
    return need(calloc(1, sizeof(struct lock_sums)));
}

void lock_sums_free(struct lock_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++)
        free(sums->all[i].text);
    free(sums->all);
    numbering_free(&sums->locks);
    free(sums->kept);
    free(sums->marks);
    free(sums);
}

/* ---- while an image is read ---- */

static void on_image(void *data, struct image *image)
{
    struct lock_sums *sums = data;
    sums->image = image;
    sums->first = sums->count;
    numbering_clear(&sums->locks);
    sums->kept_count = 0;
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct lock_sums *sums = data;
    (void)image;
    sums->thread = thread->index;
    sums->next_mark = sums->mark_count = 0;
    sums->now = (struct mark){.ns = 0};
}

/* Valid until the next one is made. */
static struct lock_sum *sum_of(struct lock_sums *sums, uint64_t address)
{
    size_t number = sums->first + numbering_of(&sums->locks, address);
    if (number > sums->count) {
        sums->all = grow_array(sums->all, sums->count, sizeof *sums->all);
        sums->all[sums->count++] =
            (struct lock_sum){.pid = sums->image->summary->pid, .address = address, .kind = "lock"};
    }
    return &sums->all[number - 1];
}

/* "pthread_mutex_timedlock" is of a mutex. */
static const char *kind_of(const char *call)
{
    static const char *const kinds[] = {"mutex", "rwlock", "spin", "barrier",
                                        "sem",   "cond",   "mtx",  "cnd"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strstr(call, kinds[i]))
            return kinds[i];
    return "lock";
}

static const struct mark *mark_at(const struct lock_sums *sums, size_t i)
{
    return &sums->marks[(sums->next_mark - sums->mark_count + i) % RECENT];
}

/* What the thread had done before `ns`; where that is not remembered, by the earliest moment that
 * is. */
static struct mark done_before(const struct lock_sums *sums, uint64_t ns)
{
    size_t low = 0, high = sums->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mark_at(sums, middle)->ns < ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low)
        return *mark_at(sums, low - 1);
    return sums->mark_count == RECENT ? *mark_at(sums, 0) : (struct mark){.ns = 0};
}

static void note_work(struct lock_sums *sums, const struct span *span)
{
    int is_io = span->name->category == CATEGORY_IO;
    if (!is_io && (span->name->category != CATEGORY_MEMORY || span->kind != SPAN_COMPLETE))
        return;
    sums->now.ns = span->start_ns + span->duration_ns;
    sums->now.allocations += is_io ? 0 : 1;
    sums->now.io_calls += is_io ? 1 : 0;
    sums->now.io_ns += is_io ? span->self_ns : 0;
    if (sums->next_mark == sums->mark_room && sums->mark_room < RECENT) {
        sums->mark_room = sums->mark_room ? 2 * sums->mark_room : 1024;
        sums->marks = need(realloc(sums->marks, sums->mark_room * sizeof *sums->marks));
    }
    sums->marks[sums->next_mark++ % RECENT] = sums->now;
    sums->mark_count += sums->mark_count < RECENT;
}

static void keep(struct lock_sums *sums, const struct span *span, int is_hold)
{
    if (sums->kept_count == KEPT_MAX) {
        sum_of(sums, span_field(span, FIELD_LOCK))->not_kept++;
        return;
    }
    sums->kept = grow_array(sums->kept, sums->kept_count, sizeof *sums->kept);
    sums->kept[sums->kept_count++] = (struct interval){.lock = span_field(span, FIELD_LOCK),
                                                       .start_ns = span->start_ns,
                                                       .end_ns = span->start_ns + span->duration_ns,
                                                       .tick = span->tick,
                                                       .code = span_field(span, FIELD_CODE),
                                                       .stack = span->native,
                                                       .thread = sums->thread,
                                                       .is_hold = is_hold};
}

static void add_hold(struct lock_sums *sums, const struct span *span)
{
    struct lock_sum *sum = sum_of(sums, span_field(span, FIELD_LOCK));
    struct mark before = done_before(sums, span->start_ns);
    sum->holds++;
    sum->held_ns += span->duration_ns;
    if (span->duration_ns > sum->longest_held_ns)
        sum->longest_held_ns = span->duration_ns;
    sum->allocations += sums->now.allocations - before.allocations;
    sum->io_calls += sums->now.io_calls - before.io_calls;
    sum->io_ns += sums->now.io_ns - before.io_ns;
    keep(sums, span, 1);
}

static void add_wait(struct lock_sums *sums, const struct span *span)
{
    struct lock_sum *sum = sum_of(sums, span_field(span, FIELD_LOCK));
    sum->kind = kind_of(span->name->text);
    sum->waits++;
    sum->waited_ns += span->duration_ns;
    if (span->duration_ns > sum->longest_ns)
        sum->longest_ns = span->duration_ns;
    keep(sums, span, 0);
}

static void on_span(void *data, const struct span *span)
{
    struct lock_sums *sums = data;
    note_work(sums, span);
    if (span->name->category != CATEGORY_LOCKS || !span->call || span->kind != SPAN_COMPLETE)
        return;
    if (span->flags & SPAN_ASIDE)
        add_hold(sums, span);
    else if (!span_field(span, FIELD_CONDITION)) /* it waits for something else */
        add_wait(sums, span);
}

/* ---- matching ---- */

static int by_lock_and_start(const void *a, const void *b)
{
    const struct interval *left = a, *right = b;
    if (left->lock != right->lock)
        return left->lock < right->lock ? -1 : 1;
    return left->start_ns < right->start_ns ? -1 : left->start_ns > right->start_ns;
}

static const char *where(struct image *image, const struct interval *interval)
{
    if (interval->stack)
        return stack_text(image, interval->stack, interval->tick);
    if (!interval->code)
        return STACK_TEXT_NONE;
    return image_function(image, interval->code - 1, interval->tick)->text;
}

static void add_share(struct share **shares, size_t *count, const char *text, uint64_t ns)
{
    for (size_t i = 0; i < *count; i++)
        if ((*shares)[i].text == text) {
            (*shares)[i].ns += ns;
            return;
        }
    *shares = grow_array(*shares, *count, sizeof **shares);
    (*shares)[(*count)++] = (struct share){text, ns};
}

static int by_time(const void *a, const void *b)
{
    const struct share *left = a, *right = b;
    return (left->ns < right->ns) - (left->ns > right->ns);
}

static void put_shares(FILE *text, const char *title, struct share *shares, size_t count)
{
    char time[32];
    if (count)
        qsort(shares, count, sizeof *shares, by_time);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        fprintf(text, "%s %s in\n", title, show_time(time, shares[i].ns));
        for (const char *line = shares[i].text; *line;) {
            size_t length = strcspn(line, "\n");
            fprintf(text, "    %.*s\n", (int)length, line);
            line += length + (line[length] == '\n');
        }
    }
    if (count > SHOWN)
        fprintf(text, "… and %zu more places\n", count - SHOWN);
}

/* The time of a wait during which each of the holds of others, which come in the order of their
 * starts, was under way; before them, of one that came to no end, what the wait says. `from` is
 * where a search for this or a later wait may begin. */
static void match(struct image *image, const struct interval *wait, const struct interval *all,
                  size_t count, size_t *from, struct share **shares, size_t *share_count)
{
    while (*from < count && (!all[*from].is_hold || all[*from].end_ns <= wait->start_ns))
        ++*from;
    uint64_t known_from = wait->end_ns;
    for (size_t i = *from; i < count && all[i].start_ns < wait->end_ns; i++) {
        const struct interval *hold = &all[i];
        uint64_t start = hold->start_ns > wait->start_ns ? hold->start_ns : wait->start_ns;
        uint64_t end = hold->end_ns < wait->end_ns ? hold->end_ns : wait->end_ns;
        if (!hold->is_hold || hold->thread == wait->thread || start >= end)
            continue;
        known_from = start < known_from ? start : known_from;
        add_share(shares, share_count, where(image, hold), end - start);
    }
    if (wait->code && known_from > wait->start_ns)
        add_share(shares, share_count, image_function(image, wait->code - 1, wait->tick)->text,
                  known_from - wait->start_ns);
}

static void tell(struct lock_sums *sums, const struct interval *all, size_t count)
{
    struct share *waiters = NULL, *holders = NULL;
    size_t waiter_count = 0, holder_count = 0, from = 0, size;
    char *bytes = NULL;
    for (size_t i = 0; i < count; i++) {
        if (all[i].is_hold)
            continue;
        const char *waiter = all[i].stack ? where(sums->image, &all[i]) : STACK_TEXT_NONE;
        add_share(&waiters, &waiter_count, waiter, all[i].end_ns - all[i].start_ns);
        match(sums->image, &all[i], all, count, &from, &holders, &holder_count);
    }
    struct lock_sum *sum = sum_of(sums, all[0].lock);
    FILE *text = need(open_memstream(&bytes, &size));
    put_shares(text, "waited", waiters, waiter_count);
    put_shares(text, "held meanwhile", holders, holder_count);
    if (sum->not_kept)
        fprintf(text, "not among these places: %llu later waits and holds\n",
                (unsigned long long)sum->not_kept);
    fclose(text);
    free(waiters);
    free(holders);
    free(sum->text);
    sum->text = bytes;
}

static void on_image_end(void *data, struct image *image)
{
    struct lock_sums *sums = data;
    (void)image;
    if (sums->kept_count)
        qsort(sums->kept, sums->kept_count, sizeof *sums->kept, by_lock_and_start);
    for (size_t i = 0, same; i < sums->kept_count; i += same) {
        for (same = 1;
             i + same < sums->kept_count && sums->kept[i + same].lock == sums->kept[i].lock; same++)
            ;
        tell(sums, &sums->kept[i], same);
    }
}

struct visitor lock_sums_visitor(struct lock_sums *sums)
{
    return (struct visitor){.image = on_image,
                            .thread = on_thread,
                            .span = on_span,
                            .image_end = on_image_end,
                            .data = sums};
}

struct lock_sum *lock_sums_all(struct lock_sums *sums, size_t *count)
{
    *count = sums->count;
    return sums->all;
}
