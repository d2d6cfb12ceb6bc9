/* See json_stacks.h. */
#include "writers/json_stacks.h"

#include "base/text.h"
#include "collector/memory.h"

#include <stdio.h>

enum { SHOWN_BYTES = 4096 };

void json_stacks_free(struct json_stacks *stacks)
{
    pool_free(&stacks->pool);
    free(stacks->texts);
    free(stacks->entries);
}

void json_stacks_new_image(struct json_stacks *stacks)
{
    if (stacks->count)
        memset(stacks->entries, 0, stacks->size * sizeof *stacks->entries);
    stacks->count = stacks->text_count = 0;
}

static struct stack_entry *place_of(const struct json_stacks *stacks, uint32_t id)
{
    uint32_t at = id * UINT32_C(2654435769) >> 7 & (stacks->size - 1);
    while (stacks->entries[at].id && stacks->entries[at].id != id)
        at = (at + 1) & (stacks->size - 1);
    return &stacks->entries[at];
}

static void grow(struct json_stacks *stacks)
{
    struct stack_entry *old = stacks->entries;
    uint32_t size = stacks->size;
    stacks->size = size ? 2 * size : 1024;
    stacks->entries = need(calloc(stacks->size, sizeof *stacks->entries));
    for (uint32_t i = 0; i < size; i++)
        if (old[i].id)
            *place_of(stacks, old[i].id) = old[i];
    free(old);
}

const char *json_stacks_keep(struct json_stacks *stacks, const char *text)
{
    char quoted[6 * SHOWN_BYTES + 3];
    struct text json = text_on(quoted, sizeof quoted);
    size_t length = strlen(text);
    text_json(&json, text, length < SHOWN_BYTES ? length : SHOWN_BYTES);
    return pool_keep(&stacks->pool, quoted);
}

static void add_text(struct json_stacks *stacks, const struct source_frame *frame)
{
    char place[SHOWN_BYTES / 2], shown[SHOWN_BYTES];
    source_show(place, sizeof place, frame, 0);
    snprintf(shown, sizeof shown, "%s (%s)", frame->function, place);
    stacks->texts = grow_array(stacks->texts, stacks->text_count, sizeof *stacks->texts);
    stacks->texts[stacks->text_count++] =
        (struct frame_text){json_stacks_keep(stacks, frame->function),
                            json_stacks_keep(stacks, place[0] ? shown : frame->function)};
}

struct stack_entry *json_stacks_entry(struct json_stacks *stacks, struct image *image, uint32_t id,
                                      uint64_t tick, const struct frame_text **texts)
{
    struct image_frame frame;
    struct source_frame lines[LINES_FRAMES];
    if (stacks->count * 2 >= stacks->size)
        grow(stacks);
    struct stack_entry *entry = id ? place_of(stacks, id) : NULL;
    if (entry && !entry->id) {
        if (!image_frame(image, id, tick, &frame))
            return NULL;
        size_t count = image_lines(image, frame.address, tick, lines);
        *entry =
            (struct stack_entry){.id = id, .caller = frame.caller, .first = stacks->text_count};
        stacks->count++;
        for (size_t i = 0; i < count; i++)
            add_text(stacks, &lines[i]);
        if (frame.is_cut)
            add_text(stacks, &(struct source_frame){.function = "…"});
        entry->count = stacks->text_count - entry->first;
    }
    if (entry)
        *texts = stacks->texts + entry->first;
    return entry;
}

void json_stacks_write(struct json_stacks *stacks, struct sink *sink, struct image *image,
                       uint32_t id, uint64_t tick)
{
    const struct frame_text *texts;
    const struct stack_entry *entry;
    int more = 0;
    sink_string(sink, "[");
    for (; (entry = json_stacks_entry(stacks, image, id, tick, &texts)); id = entry->caller)
        for (uint32_t i = 0; i < entry->count; i++, more = 1) {
            sink_string(sink, more ? "," : "");
            sink_string(sink, texts[i].place);
        }
    sink_string(sink, "]");
}
