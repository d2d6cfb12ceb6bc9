/* See profile.h.
 *
 * Open frames are followed by a stack of our own: a frame's mark is its place there, so that what a
 * filter left out does no harm. The two trees, of what was instrumented and of what was sampled,
 * are for the heaviest path alone. */
#include "collector/profile.h"

#include "collector/heap.h"
#include "collector/memory.h"
#include "collector/numbering.h"
#include "collector/tree.h"

#include <stdio.h>
#include <string.h>

/* A frame that is open: sums may move, so by number. */
struct open_frame {
    size_t sum;
    uint32_t node;
    uint32_t recursion;
};

struct profile {
    struct names *names;
    struct image *image;
    struct profile_sum *sums;
    size_t sum_count;
    struct numbering numbers; /* of sums, by name, thread and kind */
    struct profile_thread *threads;
    size_t thread_count;
    struct open_frame *open;
    size_t open_count;
    struct tree *spans, *samples;
    const struct name *process, *target;
    uint64_t sample_number;
};

struct profile *profile_new(struct names *names)
{
    struct profile *profile = need(calloc(1, sizeof *profile));
    profile->names = names;
    profile->spans = tree_new(names);
    profile->samples = tree_new(names);
    return profile;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    tree_free(profile->spans);
    tree_free(profile->samples);
    free(profile->sums);
    numbering_free(&profile->numbers);
    free(profile->threads);
    free(profile->open);
    free(profile);
}

/* ---- sums ---- */

/* The number of the current thread's sum. */
static size_t sum_of(struct profile *profile, const struct name *name, enum profile_kind kind)
{
    uint32_t thread = (uint32_t)profile->thread_count - 1;
    uint64_t key = ((uint64_t)name->number << 32 | thread) * 8 + (uint64_t)kind;
    size_t number = numbering_of(&profile->numbers, key);
    if (number > profile->sum_count) {
        profile->sums = grow_array(profile->sums, profile->sum_count, sizeof *profile->sums);
        profile->sums[profile->sum_count++] =
            (struct profile_sum){.name = name, .thread = thread, .kind = kind};
    }
    return number - 1;
}

/* The sum itself, until the next one is made. */
static struct profile_sum *find_sum(struct profile *profile, const struct name *name,
                                    enum profile_kind kind)
{
    size_t number = sum_of(profile, name, kind);
    return &profile->sums[number];
}

static enum profile_kind kind_of(const struct name *name)
{
    static const unsigned char kinds[CATEGORY_COUNT] = {
        [CATEGORY_MEMORY] = PROFILE_ALLOCATION,
        [CATEGORY_MAPS] = PROFILE_MEMORY,
        [CATEGORY_IO] = PROFILE_IO,
        [CATEGORY_LOCKS] = PROFILE_LOCK,
        [CATEGORY_WAITS] = PROFILE_WAIT,
    };
    enum profile_kind kind = (enum profile_kind)kinds[name->category];
    return kind == PROFILE_CPU && name->waits ? PROFILE_WAIT : kind;
}

/* ---- instrumented functions, scopes, calls ---- */

/* Makes our stack that of the span's frames. */
static void follow_frames(struct profile *profile, const struct span *span)
{
    while (profile->open_count &&
           (profile->open_count > span->depth ||
            span->stack[profile->open_count - 1].mark != profile->open_count))
        profile->sums[profile->open[--profile->open_count].sum].active--;
    while (profile->open_count < span->depth) {
        struct frame *frame = &span->stack[profile->open_count];
        size_t sum = sum_of(profile, frame->name, PROFILE_CPU);
        uint32_t around = profile->open_count ? profile->open[profile->open_count - 1].node
                                              : tree_child(profile->spans, 0, profile->process);
        uint32_t node = tree_child(profile->spans, around, frame->name);
        profile->open = grow_array(profile->open, profile->open_count, sizeof *profile->open);
        profile->open[profile->open_count++] =
            (struct open_frame){sum, node, profile->sums[sum].active++};
        frame->mark = (uint32_t)profile->open_count;
    }
}

/* How often the frame that has ended was inside itself. */
static uint32_t end_frame(struct profile *profile, const struct span *span)
{
    size_t sum = sum_of(profile, span->name, PROFILE_CPU);
    struct open_frame ended = {.sum = SIZE_MAX};
    while (profile->open_count > span->depth) {
        ended = profile->open[--profile->open_count];
        profile->sums[ended.sum].active--;
    }
    follow_frames(profile, span);
    /* one that nothing was seen in was not followed */
    return ended.sum == sum ? ended.recursion : profile->sums[sum].active;
}

/* The function that asked for the memory: by the stack; else the innermost open frame; else nobody
 * but the allocator. */
static size_t allocating(struct profile *profile, const struct span *span)
{
    struct image_frame frame;
    if (allocator_caller(profile->image, span->native, span->tick, &frame))
        return sum_of(profile, frame.name, PROFILE_CPU);
    return span->depth ? profile->open[span->depth - 1].sum
                       : sum_of(profile, span->name, PROFILE_ALLOCATION);
}

static void add_span(struct profile *profile, const struct span *span)
{
    uint32_t recursion = 0;
    if (span->call)
        follow_frames(profile, span);
    else
        recursion = end_frame(profile, span);
    struct profile_sum *sum = find_sum(profile, span->name, kind_of(span->name));
    sum->calls++;
    sum->exclusive_ns += span->self_ns;
    if (!(span->flags & SPAN_RECURSIVE))
        sum->inclusive_ns += span->duration_ns;
    if (recursion > sum->recursion_depth)
        sum->recursion_depth = recursion;
    if (!span->call && span->name->category == CATEGORY_FUNCTIONS)
        profile->threads[profile->thread_count - 1].has_functions = 1;
    uint32_t around = span->depth ? profile->open[span->depth - 1].node
                                  : tree_child(profile->spans, 0, profile->process);
    uint32_t node = tree_leaf(profile->spans, around, span->name);
    profile->spans->nodes[node].self[0] += span->self_ns;
    if (span->name->category == CATEGORY_MEMORY && span->call && span_result(span) != 0) {
        size_t number = allocating(profile, span);
        sum = &profile->sums[number];
        struct heap_weight weight = heap_weigh(profile->image, span_field(span, FIELD_BYTES));
        sum->allocations += weight.count;
        sum->allocation_bytes += weight.bytes;
    }
}

/* ---- samples ---- */

static void see_in_sample(struct profile *profile, const struct name *name, uint64_t cpu_ns)
{
    struct profile_sum *sum = find_sum(profile, name, PROFILE_CPU);
    if (sum->in_sample != profile->sample_number) {
        sum->in_sample = profile->sample_number;
        sum->times = 0;
        sum->sampled_ns += cpu_ns;
    } else if (++sum->times > sum->recursion_depth) {
        sum->recursion_depth = sum->times;
    }
}

static void add_sample(struct profile *profile, const struct span *span)
{
    const struct name *path[TREE_DEPTH];
    struct image_frame frame = {.caller = span->native};
    unsigned depth = 0;
    if (profile->threads[profile->thread_count - 1].has_functions)
        return;
    profile->sample_number++;
    while (image_caller(profile->image, span->tick, &frame)) {
        see_in_sample(profile, frame.name, span->duration_ns);
        path[depth++ % TREE_DEPTH] = frame.name;
    }
    if (depth == 0) {
        see_in_sample(profile, span->name, span->duration_ns);
        path[depth++] = span->name;
    }
    find_sum(profile, span->name, PROFILE_CPU)->sampled_own_ns += span->duration_ns;
    uint32_t node = tree_child(profile->samples, 0, profile->process);
    for (unsigned i = depth < TREE_DEPTH ? depth : TREE_DEPTH; i-- > 0;) {
        unsigned at = depth > TREE_DEPTH ? (depth + i) % TREE_DEPTH : i;
        node = (i ? tree_child : tree_leaf)(profile->samples, node, path[at]);
    }
    profile->samples->nodes[node].self[0] += span->duration_ns;
}

/* ---- the walk ---- */

void profile_image(struct profile *profile, struct image *image)
{
    profile->image = image;
    profile->process =
        names_make(profile->names, CATEGORY_PROCESSES, "", image->name, strlen(image->name), 0);
    profile->target = profile->target ? profile->target : profile->process;
    profile->open_count = 0;
}

/* Threads of one name are told apart by their number, from the second on; and where one is called
 * like that, by another number. */
static const char *name_thread(struct profile *profile, const struct thread_view *thread)
{
    char text[320];
    const char *given = thread->name[0] ? thread->name : profile->image->name;
    snprintf(text, sizeof text, "%.200s", given);
    for (unsigned attempt = 0;; attempt++) {
        size_t before = names_count(profile->names);
        const struct name *name =
            names_make(profile->names, CATEGORY_THREADS, "thread", text, strlen(text), 0);
        if (names_count(profile->names) > before)
            return name->text;
        snprintf(text, sizeof text, attempt ? "%.200s (%u, %zu)" : "%.200s (%u)", given,
                 thread->tid, profile->thread_count + (size_t)attempt);
    }
}

void profile_thread(struct profile *profile, const struct thread_view *thread)
{
    for (; profile->open_count; profile->open_count--)
        profile->sums[profile->open[profile->open_count - 1].sum].active--;
    const char *name = name_thread(profile, thread);
    profile->threads =
        grow_array(profile->threads, profile->thread_count, sizeof *profile->threads);
    profile->threads[profile->thread_count++] = (struct profile_thread){
        .name = name, .start_ns = thread->start_ns, .end_ns = thread->start_ns};
}

void profile_span(struct profile *profile, const struct span *span)
{
    if (!profile->thread_count || span->kind == SPAN_COUNTER || span->flags & SPAN_ASIDE)
        return;
    struct profile_thread *thread = &profile->threads[profile->thread_count - 1];
    uint64_t end = span->start_ns + (span->kind == SPAN_COMPLETE ? span->duration_ns : 0);
    if (end > thread->end_ns)
        thread->end_ns = end;
    if (span->kind == SPAN_SAMPLE)
        add_sample(profile, span);
    else if (span->kind == SPAN_COMPLETE)
        add_span(profile, span);
    else if (span->call) /* free, for one */
        find_sum(profile, span->name, kind_of(span->name))->calls++;
}

/* ---- behind the walk ---- */

static int by_own_time(const void *a, const void *b)
{
    const struct profile_sum *left = a, *right = b;
    if (left->exclusive_ns != right->exclusive_ns)
        return left->exclusive_ns < right->exclusive_ns ? 1 : -1;
    int order = strcmp(left->name->text, right->name->text);
    return order ? order : (left->thread > right->thread) - (left->thread < right->thread);
}

/* From the heaviest process on always into the heaviest function. */
static void find_hot_path(struct profile *profile, struct tree *tree)
{
    tree_finish(tree);
    for (uint32_t node = 0; tree->nodes[node].child_count;) {
        node = tree->children[tree->nodes[node].children];
        if (tree->nodes[node].parent == 0 || tree->nodes[node].total[0] == 0)
            continue; /* a process */
        const char *text = tree_name(tree, node)->text;
        for (size_t i = 0; i < profile->sum_count; i++)
            if (strcmp(profile->sums[i].name->text, text) == 0)
                profile->sums[i].hot_path = 1;
    }
}

void profile_finish(struct profile *profile)
{
    size_t kept = 0;
    int functions = 0;
    for (size_t i = 0; i < profile->thread_count; i++)
        functions |= profile->threads[i].has_functions;
    for (size_t i = 0; i < profile->sum_count; i++) {
        struct profile_sum sum = profile->sums[i];
        struct profile_thread *thread = &profile->threads[sum.thread];
        if (!thread->has_functions) {
            sum.inclusive_ns += sum.sampled_ns;
            sum.exclusive_ns += sum.sampled_own_ns;
        }
        if (!sum.calls && !sum.inclusive_ns && !sum.allocations)
            continue;
        if (sum.kind == PROFILE_CPU && !sum.calls && !sum.inclusive_ns)
            sum.kind = PROFILE_ALLOCATION; /* all that is known of the function */
        thread->sums++;
        profile->sums[kept++] = sum;
    }
    profile->sum_count = kept;
    find_hot_path(profile,
                  functions || profile->samples->count < 2 ? profile->spans : profile->samples);
    if (kept)
        qsort(profile->sums, kept, sizeof *profile->sums, by_own_time);
}

const struct profile_sum *profile_sums(const struct profile *profile, size_t *count)
{
    *count = profile->sum_count;
    return profile->sums;
}

const struct profile_thread *profile_threads(const struct profile *profile, size_t *count)
{
    *count = profile->thread_count;
    return profile->threads;
}

const char *profile_target(const struct profile *profile)
{
    return profile->target ? profile->target->text : "";
}
