/* See stack_text.h. */
#include "collector/stack_text.h"

#include "collector/memory.h"
#include "collector/pool.h"

#include <string.h>

static void put_frame(FILE *text, struct image *image, const struct image_frame *frame,
                      uint64_t tick, const char *end)
{
    struct source_frame sources[LINES_FRAMES];
    char place[512];
    size_t count = image_lines(image, frame->address, tick, sources);
    for (size_t i = 0; i < count; i++) {
        source_show(place, sizeof place, &sources[i], 2);
        fprintf(text, "%s%s%s%s%s", end, sources[i].function, place[0] ? " (" : "", place,
                place[0] ? ")" : "");
        end = "\n";
    }
}

const char *stack_text(struct image *image, uint32_t stack, uint64_t tick)
{
    struct image_frame frame = {.caller = stack};
    char *bytes = NULL;
    size_t size = 0;
    FILE *text = need(open_memstream(&bytes, &size));
    const char *end = "";
    while (image_caller(image, tick, &frame)) {
        put_frame(text, image, &frame, tick, end);
        end = "\n";
    }
    if (!end[0])
        fputs(STACK_TEXT_NONE, text);
    else if (frame.is_cut)
        fputs("\n" STACK_TEXT_CUT, text);
    fclose(text);
    const char *kept = pool_keep(&image->session->texts, bytes);
    free(bytes);
    return kept;
}
