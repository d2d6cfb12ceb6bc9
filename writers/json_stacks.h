/* Native stacks as JSON, each frame's text made once: what the formats that are JSON share. An
 * inlined function is a frame like any other. */
#ifndef VT_WRITERS_JSON_STACKS_H
#define VT_WRITERS_JSON_STACKS_H

#include "collector/image.h"
#include "collector/numbering.h"
#include "collector/pool.h"
#include "writers/sink.h"

/* JSON strings with their quotes; the same text is the same pointer. */
struct frame_text {
    const char *function; /* "parse" */
    const char *place;    /* "parse (parser.c:12)", or as above where no line is known */
};

struct stack_entry {
    uint32_t caller; /* its id, 0: none */
    uint32_t first, count;
    uint32_t node; /* the writer's own, 0 when the entry is new */
};

/* All zeros: nothing known yet. */
struct json_stacks {
    struct pool pool;
    struct frame_text *texts;
    uint32_t text_count;
    struct numbering known;      /* ids of stacks */
    struct stack_entry *entries; /* theirs */
};

void json_stacks_free(struct json_stacks *stacks);
/* Ids are an image's: forgets those of the one before. */
void json_stacks_new_image(struct json_stacks *stacks);

/* The innermost frame of a stack and what is inlined in it: `count` texts, innermost first. NULL
 * for an id that is none. Both pointers are valid until the next call. */
struct stack_entry *json_stacks_entry(struct json_stacks *stacks, struct image *image, uint32_t id,
                                      uint64_t tick, const struct frame_text **texts);

/* The text, of at most 4096 bytes, as a JSON string with its quotes; lives as long as `stacks`. */
const char *json_stacks_keep(struct json_stacks *stacks, const char *text);

/* ["inner (file.c:12)","outer (file.c:40)"]; a last element "…" says that there were more. */
void json_stacks_write(struct json_stacks *stacks, struct sink *sink, struct image *image,
                       uint32_t id, uint64_t tick);

#endif
