/* See json_stacks.h. */
#include "writers/json_stacks.h"

#include "base/text.h"
#include "collector/memory.h"

#include <stdio.h>

enum { SHOWN_BYTES = 4096 };

void json_stacks_free(struct json_stacks *stacks)
{
    pool_free(&stacks->pool);
    numbering_free(&stacks->known);
    free(stacks->texts);
    free(stacks->entries);
}

void json_stacks_new_image(struct json_stacks *stacks)
{
    numbering_clear(&stacks->known);
    stacks->text_count = 0;
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

static void add_entry(struct json_stacks *stacks, struct image *image,
                      const struct image_frame *frame, uint32_t id, uint64_t tick)
{
    struct source_frame lines[LINES_FRAMES];
    size_t count = image_lines(image, frame->address, tick, lines);
    uint32_t first = stacks->text_count, known = stacks->known.count;
    for (size_t i = 0; i < count; i++)
        add_text(stacks, &lines[i]);
    if (frame->is_cut)
        add_text(stacks, &(struct source_frame){.function = "…"});
    stacks->entries = grow_array(stacks->entries, known, sizeof *stacks->entries);
    stacks->entries[numbering_of(&stacks->known, id) - 1] = (struct stack_entry){
        .caller = frame->caller, .first = first, .count = stacks->text_count - first};
}

struct stack_entry *json_stacks_entry(struct json_stacks *stacks, struct image *image, uint32_t id,
                                      uint64_t tick, const struct frame_text **texts)
{
    struct image_frame frame;
    uint32_t number = numbering_find(&stacks->known, id);
    if (!number) {
        if (!image_frame(image, id, tick, &frame))
            return NULL;
        add_entry(stacks, image, &frame, id, tick);
        number = stacks->known.count;
    }
    struct stack_entry *entry = &stacks->entries[number - 1];
    *texts = stacks->texts + entry->first;
    return entry;
}

void json_stacks_write(struct json_stacks *stacks, struct sink *sink, struct image *image,
                       uint32_t id, uint64_t tick)
{
    const struct frame_text *texts;
    const struct stack_entry *entry;
    int more = 0, left = STACK_FRAMES_MOST;
    sink_string(sink, "[");
    for (; left-- && (entry = json_stacks_entry(stacks, image, id, tick, &texts));
         id = entry->caller)
        for (uint32_t i = 0; i < entry->count; i++, more = 1) {
            sink_string(sink, more ? "," : "");
            sink_string(sink, texts[i].place);
        }
    sink_string(sink, "]");
}
