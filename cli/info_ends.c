/* What the threads of a process that did not come to their end were doing, or are doing. */
#include "cli/info.h"

#include "base/text.h"
#include "collector/memory.h"
#include "collector/stack_text.h"

static void on_image(void *data, struct image *image)
{
    struct ends *ends = data;
    ends->image = image;
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct ends *ends = data;
    (void)image;
    ends->thread = *thread;
    ends->told = 0;
    ends->last = NULL;
    ends->last_ns = thread->start_ns;
    ends->sampled = 0;
}

static const struct argument *argument_named(const struct argument *arguments, size_t count,
                                             const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (arguments[i].key_length == strlen(key) &&
            memcmp(arguments[i].key, key, arguments[i].key_length) == 0)
            return &arguments[i];
    return NULL;
}

/* "read(fd 5 = /var/x)", "pthread_mutex_lock(lock 0x55e0)": the call and its first argument. */
static void show_call(char *text, size_t size, const struct span *span,
                      const struct argument *arguments, size_t count)
{
    const struct argument *first = count ? &arguments[0] : NULL;
    const struct argument *path = argument_named(arguments, count, "path");
    struct text shown = text_on(text, size);
    text_string(&shown, span->name->text);
    if (!first || argument_named(first, 1, "unfinished"))
        return;
    text_string(&shown, "(");
    text_bytes(&shown, first->key, first->key_length);
    text_string(&shown, " ");
    if (first->type == ARGUMENT_STRING)
        text_bytes(&shown, first->string, first->string_length);
    else if (first->type == ARGUMENT_POINTER)
        text_string(&shown, "0x"), text_hex(&shown, (uint64_t)first->integer);
    else if (first->integer < 0)
        text_string(&shown, "-"), text_number(&shown, (uint64_t)-first->integer);
    else
        text_number(&shown, (uint64_t)first->integer);
    if (path && path != first) {
        text_string(&shown, " = ");
        text_bytes(&shown, path->string, path->string_length);
    }
    text_string(&shown, ")");
}

/* "b 812, taken in f": who has the lock that is waited for, as far as that is known, or "". */
static void show_holder(char *text, size_t size, const struct argument *arguments, size_t count)
{
    const struct argument *tid = argument_named(arguments, count, "holder_tid");
    const struct argument *name = argument_named(arguments, count, "holder");
    const struct argument *code = argument_named(arguments, count, "taken_in");
    struct text shown = text_on(text, size);
    if (name) {
        text_bytes(&shown, name->string, name->string_length);
        text_string(&shown, " ");
    }
    if (tid)
        text_number(&shown, (uint64_t)tid->integer);
    if (code) {
        text_string(&shown, tid ? ", taken in " : "taken in ");
        text_bytes(&shown, code->string, code->string_length);
    }
}

/* The thread's slot, which it has until it ends; or NULL. */
static const struct slot_header *slot_of(const struct ends *ends)
{
    for (uint32_t slot = 0; slot < ends->image->header.slots && slot < SLOT_COUNT; slot++) {
        const struct slot_header *header = image_slot(ends->image, slot);
        if (header && header->tid == ends->thread.tid && !header->ended)
            return header;
    }
    return NULL;
}

/* Who made the call that the thread is in, also in programs that are not instrumented; its function
 * is "" when that is not known. */
static struct source_frame caller_of(const struct ends *ends)
{
    struct source_frame callers[LINES_FRAMES] = {{.function = ""}};
    const struct slot_header *slot = slot_of(ends);
    if (slot && slot->now.call && slot->now.caller)
        image_lines(ends->image, slot->now.caller - 1, 0, callers);
    return callers[0];
}

/* The instrumented functions that the span is in, innermost first. */
static json_t *open_functions(const struct span *span)
{
    enum { SHOWN = 64 };
    json_t *list = json_array();
    for (size_t i = 0; i < span->depth && i < SHOWN; i++)
        json_array_append_new(list, json_text(span->stack[span->depth - 1 - i].name->text));
    if (span->depth > SHOWN)
        json_array_append_new(list, json_text("…"));
    return list;
}

static json_t *add_end(struct ends *ends, const char *doing, uint64_t since_ns)
{
    const struct image_summary *summary = ends->image->summary;
    json_t *end = json_pack("{s:I, s:I, s:I, s:o, s:o, s:I}", "pid", (json_int_t)summary->pid,
                            "image", (json_int_t)summary->image, "tid",
                            (json_int_t)ends->thread.tid, "name", json_text(ends->thread.name),
                            "doing", json_text(doing), "since_ns", (json_int_t)since_ns);
    json_array_append_new(ends->list, end);
    return end;
}

static void tell_span(struct ends *ends, const struct span *span)
{
    char text[512], holder[512], place[4096];
    struct argument arguments[MAX_ARGUMENTS];
    struct argument_scratch scratch;
    struct source_frame caller = {.function = ""};
    size_t count = span->call ? span_arguments(ends->image, span, arguments, &scratch) : 0;
    show_call(text, sizeof text, span, arguments, count);
    show_holder(holder, sizeof holder, arguments, count);
    if (span->call)
        caller = caller_of(ends);
    else if (span->depth)
        caller.function = span->stack[span->depth - 1].name->text;
    source_show(place, sizeof place, &caller, 0);
    json_t *end = add_end(ends, text, span->start_ns);
    if (holder[0])
        json_object_set_new(end, "held_by", json_text(holder));
    json_object_set_new(end, "called_from", json_text(caller.function));
    json_object_set_new(end, "called_at", json_text(place));
    if (span->native)
        json_object_set_new(end, "stack",
                            json_lines(stack_text(ends->image, span->native, span->tick)));
    else if (span->depth)
        json_object_set_new(end, "stack", open_functions(span));
}

static void on_span(void *data, const struct span *span)
{
    struct ends *ends = data;
    if (span->flags & SPAN_UNFINISHED) {
        if (!ends->told)
            tell_span(ends, span);
        ends->told = 1;
    } else if (span->kind == SPAN_SAMPLE) {
        ends->sampled = span->native;
        ends->sampled_tick = span->tick;
    } else if (!(span->flags & SPAN_ASIDE) && span->kind != SPAN_COUNTER) {
        ends->last = span->name;
        ends->last_ns = span->start_ns + (span->kind == SPAN_COMPLETE ? span->duration_ns : 0);
        ends->sampled = 0;
    }
}

/* In no call and no function that is traced, of a process that came to no end of its own. */
static void on_thread_end(void *data, uint64_t end_ns)
{
    struct ends *ends = data;
    (void)end_ns;
    if (ends->told || ends->image->header.status != PROCESS_RUNNING || !slot_of(ends))
        return;
    json_t *end = add_end(ends, "its own code", ends->last_ns);
    if (ends->last)
        json_object_set_new(end, "after", json_text(ends->last->text));
    if (ends->sampled)
        json_object_set_new(end, "stack",
                            json_lines(stack_text(ends->image, ends->sampled, ends->sampled_tick)));
}

struct visitor ends_visitor(struct ends *ends)
{
    return (struct visitor){.image = on_image,
                            .thread = on_thread,
                            .span = on_span,
                            .thread_end = on_thread_end,
                            .data = ends};
}

json_t *ends_of(const struct ends *ends, const struct image *image, uint64_t end_ns, int is_known)
{
    json_t *list = json_array(), *end;
    size_t i;
    json_array_foreach(ends->list, i, end)
    {
        uint64_t since = (uint64_t)json_integer_value(json_object_get(end, "since_ns"));
        if (json_integer_value(json_object_get(end, "pid")) != image->summary->pid ||
            json_integer_value(json_object_get(end, "image")) != image->summary->image)
            continue;
        json_object_set_new(end, "for_ns",
                            json_integer((json_int_t)(end_ns > since ? end_ns - since : 0)));
        if (!is_known)
            json_object_set_new(end, "at_least", json_true());
        json_array_append(list, end);
    }
    return list;
}
