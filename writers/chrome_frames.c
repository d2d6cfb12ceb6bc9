/* "stackFrames": see chrome.h. Equal stacks of all processes are the same entries. */
#include "collector/memory.h"
#include "writers/chrome.h"

static uint32_t frame_of(struct chrome_frames *frames, uint32_t parent, const char *text)
{
    uint64_t number = numbering_of(&frames->texts, (uintptr_t)text);
    uint32_t frame = numbering_of(&frames->numbers, number << 32 | parent);
    if (frame > frames->count) {
        frames->list = grow_array(frames->list, frames->count, sizeof *frames->list);
        frames->list[frames->count++] = (struct chrome_frame){parent, text};
    }
    return frame;
}

uint32_t chrome_stack(struct writer *writer, uint32_t id, uint64_t tick)
{
    struct chrome *chrome = writer->state;
    const struct frame_text *texts;
    struct stack_entry *entry;
    uint32_t todo[STACK_FRAMES_MOST], count = 0, key = 0;
    for (; count < STACK_FRAMES_MOST &&
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
    for (uint32_t i = 0; i < frames->count; i++) {
        const struct chrome_frame *frame = &frames->list[i];
        sink_string(sink, i ? ",\n\"" : "\n\"");
        sink_number(sink, i + 1);
        sink_string(sink, "\":{\"name\":");
        sink_string(sink, frame->text);
        if (frame->parent) {
            sink_string(sink, ",\"parent\":\"");
            sink_number(sink, frame->parent);
            sink_string(sink, "\"");
        }
        sink_string(sink, "}");
    }
    sink_string(sink, "\n}");
}
