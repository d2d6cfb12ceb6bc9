/* See stacks.h. */
#include "collector/stacks.h"

#include "collector/memory.h"
#include "collector/numbering.h"
#include "collector/stack_text.h"

#include <string.h>

/* A thread's last allocation: temporary, when it is freed before the next one. */
struct last_block {
    uint64_t address;
    uint32_t node; /* 0: left out */
    int is_freed;
};

struct stacks {
    struct tree *tree;
    const struct weight *weights[TREE_COLUMNS]; /* which of them fills a column, or NULL */
    struct image *image;
    uint32_t process;       /* its node */
    struct numbering known; /* native stacks of the image */
    uint32_t *nodes;        /* theirs */
    uint32_t *path;
    size_t path_room;
    struct heap_blocks *blocks; /* those of the image that are asked for */
    struct last_block last;
    uint64_t thread_start_ns, thread_ns; /* what the thread's spans have weighed */
    int left_out;                        /* a filter keeps some of them from us */
    uint32_t first_process;              /* its node */
    const struct name *other_process;    /* the first one of the other session: the same node */
    int has_samples;                     /* with stacks */
    int comparing;                       /* the second session is being read */
    struct problem problem;
};

static int is_instrumented(const struct session *session)
{
    for (size_t i = 0; i < session->image_count; i++)
        if (session->images[i].header.instrumented)
            return 1;
    return 0;
}

struct stacks *stacks_new(struct session *session, const struct weight *weight)
{
    struct stacks *stacks = need(calloc(1, sizeof *stacks));
    stacks->tree = tree_new(session->names);
    stacks->weights[0] = weight ? weight : weight_named("self");
    if (!weight && !is_instrumented(session))
        stacks->weights[1] = weight_named("samples"); /* are there any? Known at the end */
    return stacks;
}

void stacks_free(struct stacks *stacks)
{
    if (!stacks)
        return;
    tree_free(stacks->tree);
    heap_blocks_free(stacks->blocks);
    numbering_free(&stacks->known);
    free(stacks->nodes);
    free(stacks->path);
    free(stacks);
}

/* ---- the stack of a span ---- */

static uint32_t known_node(const struct stacks *stacks, uint32_t stack)
{
    uint32_t number = numbering_find(&stacks->known, stack);
    return number ? stacks->nodes[number - 1] : 0;
}

static void learn(struct stacks *stacks, uint32_t stack, uint32_t node)
{
    uint32_t count = stacks->known.count;
    uint32_t number = numbering_of(&stacks->known, stack);
    if (number > count)
        stacks->nodes = grow_array(stacks->nodes, count, sizeof *stacks->nodes);
    stacks->nodes[number - 1] = node;
}

static uint32_t own_child(struct stacks *stacks, uint32_t parent, const char *text)
{
    return tree_child(
        stacks->tree, parent,
        names_make(stacks->image->session->names, CATEGORY_PROCESSES, "", text, strlen(text), 0));
}

/* Below `node` the function that a frame is in, and in it those that the compiler put there. */
static uint32_t frame_node(struct stacks *stacks, uint32_t node, const struct image_frame *frame,
                           uint64_t tick)
{
    struct source_frame lines[LINES_FRAMES];
    size_t inlined = image_lines(stacks->image, frame->address, tick, lines) - 1;
    node = tree_child(stacks->tree, node, frame->name);
    while (inlined-- > 0)
        node = tree_child(stacks->tree, node,
                          names_make(stacks->image->session->names, CATEGORY_FUNCTIONS,
                                     frame->name->module, lines[inlined].function,
                                     strlen(lines[inlined].function), 0));
    return node;
}

/* The node of a native stack: up to a known one, then down again. */
static uint32_t native_node(struct stacks *stacks, uint32_t stack, uint64_t tick)
{
    struct image_frame frame = {.caller = 0};
    size_t depth = 0;
    uint32_t node = 0;
    for (uint32_t at = stack; at; at = frame.caller) {
        node = known_node(stacks, at);
        if (node || !image_frame(stacks->image, at, tick, &frame))
            break;
        if (depth == stacks->path_room) {
            stacks->path_room = stacks->path_room ? 2 * stacks->path_room : 256;
            stacks->path = need(realloc(stacks->path, stacks->path_room * sizeof *stacks->path));
        }
        stacks->path[depth++] = at;
    }
    if (!node)
        node = depth && frame.is_cut ? own_child(stacks, stacks->process, STACK_TEXT_CUT)
                                     : stacks->process;
    while (depth--) {
        image_frame(stacks->image, stacks->path[depth], tick, &frame);
        node = frame_node(stacks, node, &frame, tick);
        learn(stacks, stacks->path[depth], node);
    }
    return node;
}

/* The node of the open frames around a span: each keeps its own as its mark. */
static uint32_t frames_node(struct stacks *stacks, const struct span *span)
{
    size_t known = span->depth;
    while (known > 0 && !span->stack[known - 1].mark)
        known--;
    uint32_t node = known ? span->stack[known - 1].mark : stacks->process;
    for (; known < span->depth; known++)
        node = span->stack[known].mark = tree_child(stacks->tree, node, span->stack[known].name);
    return node;
}

static uint32_t span_node(struct stacks *stacks, const struct span *span, enum weight_frames frames)
{
    int native = span->native && (frames == FRAMES_NATIVE || span->depth == 0);
    uint32_t around =
        native ? native_node(stacks, span->native, span->tick) : frames_node(stacks, span);
    /* a sample's own name is its stack's innermost frame, unless that is too deep to be there */
    if (native && span->kind == SPAN_SAMPLE && stacks->tree->nodes[around].depth < TREE_DEPTH)
        return around;
    return tree_leaf(stacks->tree, around, span->name);
}

/* ---- a walk ---- */

static void end_last(struct stacks *stacks)
{
    if (stacks->last.is_freed && stacks->last.node)
        stacks->tree->nodes[stacks->last.node].self[stacks->comparing]++;
    stacks->last = (struct last_block){.address = 0};
}

/* What the first process of this session is called, that of the other one is called too. */
static uint32_t process_node(struct stacks *stacks, const struct image *image)
{
    const struct name *name = names_make(image->session->names, CATEGORY_PROCESSES, "", image->name,
                                         strlen(image->name), 0);
    if (!stacks->first_process)
        stacks->first_process = tree_child(stacks->tree, 0, name);
    if (stacks->comparing && !stacks->other_process)
        stacks->other_process = name;
    return stacks->other_process == name ? stacks->first_process
                                         : tree_child(stacks->tree, 0, name);
}

static void on_image(void *data, struct image *image)
{
    struct stacks *stacks = data;
    end_last(stacks);
    stacks->image = image;
    stacks->process = process_node(stacks, image);
    numbering_clear(&stacks->known);
    enum weight_blocks blocks = stacks->weights[0]->blocks;
    heap_blocks_free(stacks->blocks);
    stacks->blocks = NULL;
    if (blocks == BLOCKS_AT_END || blocks == BLOCKS_AT_PEAK)
        stacks->blocks = heap_blocks_at(image, blocks == BLOCKS_AT_PEAK, &stacks->problem);
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct stacks *stacks = data;
    (void)image;
    end_last(stacks);
    stacks->thread_start_ns = thread->start_ns;
    stacks->thread_ns = 0;
    stacks->left_out = 0;
}

/* Of a thread's time what no sample, call or function accounts for: it was ready but not running,
 * or waited in a way that is not seen. So the weights of a thread add up to its life. */
static void on_thread_end(void *data, uint64_t end_ns)
{
    struct stacks *stacks = data;
    uint64_t lived = end_ns > stacks->thread_start_ns ? end_ns - stacks->thread_start_ns : 0;
    if (!stacks->weights[0]->adds_up || stacks->left_out || lived <= stacks->thread_ns)
        return;
    uint32_t node = own_child(stacks, stacks->process, "[not running]");
    stacks->tree->nodes[node].self[stacks->comparing] += lived - stacks->thread_ns;
}

/* A release before the next allocation; but a realloc's, which is that next one, goes on with the
 * block. */
static void follow_last(struct stacks *stacks, const struct span *span, int passes)
{
    struct last_block *last = &stacks->last;
    if (stacks->image->header.memory_rate) /* the next allocation may not have been recorded */
        return;
    if (allocator_took(span)) {
        last->is_freed |= allocator_took(span) == last->address;
        return;
    }
    if (last->is_freed && allocator_left(span) == last->address)
        last->is_freed = 0;
    if (!allocator_gave(span))
        return;
    if (last->is_freed && span_field(span, FIELD_POINTER) == last->address)
        last->is_freed = 0;
    end_last(stacks);
    last->address = (uint64_t)span_result(span);
    last->node = passes ? span_node(stacks, span, FRAMES_NATIVE) : 0;
}

static uint64_t weigh(struct stacks *stacks, const struct weight *weight, const struct span *span)
{
    if (weight->get)
        return weight->get(stacks->image, span);
    return stacks->blocks && allocator_gave(span)
               ? heap_blocks_take(stacks->blocks, (uint64_t)span_result(span), span->tick)
               : 0;
}

static void on_span(void *data, const struct span *span)
{
    struct stacks *stacks = data;
    if (stacks->weights[0]->blocks == BLOCKS_TEMPORARY) {
        follow_last(stacks, span, 1);
        return;
    }
    stacks->has_samples |= span->kind == SPAN_SAMPLE && span->native;
    for (int i = 0; i < TREE_COLUMNS; i++) {
        const struct weight *weight = stacks->weights[i];
        uint64_t value = weight ? weigh(stacks, weight, span) : 0;
        if (!value)
            continue;
        stacks->thread_ns += value;
        uint32_t node = span_node(stacks, span, weight->frames); /* may move the nodes */
        tree_add(&stacks->tree->nodes[node].self[i + stacks->comparing], value);
    }
}

static void on_left_out(void *data, const struct span *span)
{
    struct stacks *stacks = data;
    stacks->left_out = 1;
    if (stacks->weights[0]->blocks == BLOCKS_TEMPORARY)
        follow_last(stacks, span, 0);
}

struct visitor stacks_visitor(struct stacks *stacks)
{
    return (struct visitor){.image = on_image,
                            .thread = on_thread,
                            .span = on_span,
                            .left_out = on_left_out,
                            .thread_end = on_thread_end,
                            .data = stacks};
}

/* Self time was weighed, and CPU time: there is one answer. */
static void choose_column(struct stacks *stacks)
{
    struct tree *tree = stacks->tree;
    if (stacks->has_samples)
        stacks->weights[0] = stacks->weights[1];
    stacks->weights[1] = NULL;
    for (uint32_t i = 0; i < tree->count; i++) {
        tree->nodes[i].self[0] = tree->nodes[i].self[stacks->has_samples];
        tree->nodes[i].self[1] = 0;
    }
}

int stacks_finish(struct stacks *stacks, struct problem *problem)
{
    end_last(stacks);
    if (stacks->weights[1])
        choose_column(stacks);
    tree_finish(stacks->tree);
    if (stacks->problem.text[0])
        return problem_set(problem, "%s", stacks->problem.text);
    return 0;
}

void stacks_compare(struct stacks *stacks)
{
    stacks->comparing = 1;
    tree_change_names(stacks->tree);
}

struct tree *stacks_tree(struct stacks *stacks)
{
    return stacks->tree;
}

const struct weight *stacks_weight(const struct stacks *stacks)
{
    return stacks->weights[0];
}
