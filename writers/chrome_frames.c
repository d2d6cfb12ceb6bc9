/* "stackFrames": see chrome.h. Equal stacks of all processes are the same entries. */
#include "collector/memory.h"
#include "writers/chrome.h"

enum { MAX_DEPTH = 4096 };

static uint32_t *place_of(const struct chrome_frames *frames, uint32_t parent, const char *text)
{
    uint64_t hash = ((uint64_t)parent << 40 ^ (uintptr_t)text) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash >> 32) & (frames->table_size - 1);
    for (uint32_t found; (found = frames->table[at]); at = (at + 1) & (frames->table_size - 1))
        if (frames->list[found].parent == parent && frames->list[found].text == text)
            break;
    return &frames->table[at];
}

static void grow(struct chrome_frames *frames)
{
    frames->room = frames->room ? 2 * frames->room : 512;
    frames->list = need(realloc(frames->list, frames->room * sizeof *frames->list));
    frames->count += !frames->count; /* 0 is none */
    frames->table_size = 2 * frames->room;
    free(frames->table);
    frames->table = need(calloc(frames->table_size, sizeof *frames->table));
    for (uint32_t i = 1; i < frames->count; i++)
        *place_of(frames, frames->list[i].parent, frames->list[i].text) = i;
}

static uint32_t frame_of(struct chrome_frames *frames, uint32_t parent, const char *text)
{
    if (frames->count == frames->room)
        grow(frames);
    uint32_t *place = place_of(frames, parent, text);
    if (!*place) {
        frames->list[frames->count] = (struct chrome_frame){parent, text};
        *place = frames->count++;
    }
    return *place;
}

uint32_t chrome_stack(struct writer *writer, uint32_t id, uint64_t tick)
{
    struct chrome *chrome = writer->state;
    const struct frame_text *texts;
    struct stack_entry *entry;
    uint32_t todo[MAX_DEPTH], count = 0, key = 0;
    for (; count < MAX_DEPTH &&
           (entry = json_stacks_entry(&chrome->stacks, writer->image, id, tick, &texts));
         id = entry->caller) {
        if ((key = entry->node))
            break;
        todo[count++] = id;
    }
    while (count--) {
        entry = json_stacks_entry(&chrome->stacks, writer->image, todo[count], tick, &texts);
        for (uint32_t i = entry->count; i-- > 0;)
            key = frame_of(&chrome->frames, key, texts[i].place);
        entry->node = key;
    }
    return key;
}

void chrome_put_frames(struct writer *writer)
{
    struct sink *sink = writer->sink;
    const struct chrome_frames *frames = &((struct chrome *)writer->state)->frames;
    if (frames->count == 0)
        return;
    sink_string(sink, ",\"stackFrames\":{");
    for (uint32_t i = 1; i < frames->count; i++) {
        sink_string(sink, i > 1 ? ",\n\"" : "\n\"");
        sink_number(sink, i);
        sink_string(sink, "\":{\"name\":");
        sink_string(sink, frames->list[i].text);
        if (frames->list[i].parent) {
            sink_string(sink, ",\"parent\":\"");
            sink_number(sink, frames->list[i].parent);
            sink_string(sink, "\"");
        }
        sink_string(sink, "}");
    }
    sink_string(sink, "\n}");
}
