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
static void show_call(char *text, size_t size, struct image *image, const struct span *span)
{
    struct argument arguments[MAX_ARGUMENTS];
    struct argument_scratch scratch;
    size_t count = span->call ? span_arguments(image, span, arguments, &scratch) : 0;
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

/* Who made the call that the thread is in, also in programs that are not instrumented; its function
 * is "" when that is not known. */
static struct source_frame caller_of(struct image *image, uint32_t tid)
{
    struct source_frame callers[LINES_FRAMES] = {{.function = ""}};
    for (uint32_t slot = 0; slot < image->header.slots && slot < SLOT_COUNT; slot++) {
        const struct slot_header *header = image_slot(image, slot);
        if (!header || header->tid != tid || !header->now.call || !header->now.caller)
            continue;
        image_lines(image, header->now.caller - 1, 0, callers);
        break;
    }
    return callers[0];
}

static void on_span(void *data, const struct span *span)
{
    struct ends *ends = data;
    char text[512], place[4096];
    struct source_frame caller = {.function = ""};
    if (!(span->flags & SPAN_UNFINISHED) || ends->told)
        return;
    ends->told = 1;
    show_call(text, sizeof text, ends->image, span);
    if (span->call)
        caller = caller_of(ends->image, ends->thread.tid);
    else if (span->depth)
        caller.function = span->stack[span->depth - 1].name->text;
    source_show(place, sizeof place, &caller, 0);
    const struct image_summary *summary = ends->image->summary;
    json_t *end = json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I}", "pid",
                            (json_int_t)summary->pid, "image", (json_int_t)summary->image, "tid",
                            (json_int_t)ends->thread.tid, "name", json_text(ends->thread.name),
                            "doing", json_text(text), "called_from", json_text(caller.function),
                            "called_at", json_text(place), "since_ns", (json_int_t)span->start_ns);
    if (span->native)
        json_object_set_new(end, "stack",
                            json_lines(stack_text(ends->image, span->native, span->tick)));
    json_array_append_new(ends->list, end);
}

struct visitor ends_visitor(struct ends *ends)
{
    return (struct visitor){.image = on_image, .thread = on_thread, .span = on_span, .data = ends};
}

json_t *ends_of(const struct ends *ends, const struct image *image, uint64_t end_ns)
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
        json_array_append(list, end);
    }
    return list;
}
