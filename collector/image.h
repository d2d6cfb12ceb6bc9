/* One process image, opened for reading: its live file, definitions, modules, threads and call
 * table. */
#ifndef VT_COLLECTOR_IMAGE_H
#define VT_COLLECTOR_IMAGE_H

#include "collector/arena.h"
#include "collector/session.h"

#include <string.h>

struct image_module {
    uint64_t low, high, bias;
    uint64_t tick; /* loaded, or first seen */
    struct module_file *file;
    uint8_t build_id[32];
    size_t build_id_size;
};

struct image_thread {
    uint32_t index, tid;
    uint32_t parent; /* reference of the creating thread: index + 1, or 0 */
    uint64_t tick;   /* when it was first seen */
    uint64_t handle;
    char *name;
};

struct image_call {
    struct definition_call definition;
    const struct name *name;
};

static inline int call_has(const struct image_call *call, enum call_field field)
{
    return memchr(call->definition.fields, (int)field, call->definition.field_count) != NULL;
}

struct image {
    struct session *session;
    const struct image_summary *summary;
    struct live_header header; /* as it is now */
    const char *live;          /* the mapped live file */
    size_t live_size;
    int live_fd;
    struct arena *arena;
    struct image_module *modules;
    size_t module_count;
    int modules_overlap;          /* an address had two owners, one after the other */
    struct image_thread *threads; /* by index */
    size_t thread_count;
    struct image_call *calls; /* by number */
    size_t call_count;
    char *name; /* what it was called: last component of its argv[0] */
    struct {
        uint64_t key;
        const struct name *name;
    } functions[4096], sites[256]; /* direct-mapped caches */
};

/* Opens session->images[number]. NULL and a problem; with session->keep_going, NULL without one
 * means that the image is damaged and was counted. */
struct image *image_open(struct session *session, size_t number, struct problem *problem);
void image_close(struct image *image);

const struct name *image_find_function(struct image *image, uint64_t address, uint64_t tick);
const struct name *image_find_site(struct image *image, uint64_t inline_value);

/* The name of the function at an address. */
static inline const struct name *image_function(struct image *image, uint64_t address,
                                                uint64_t tick)
{
    size_t at = (size_t)(address >> 2 ^ address >> 14) % 4096;
    return image->functions[at].key == address ? image->functions[at].name
                                               : image_find_function(image, address, tick);
}
/* The name of a scope, instant or counter. */
static inline const struct name *image_site(struct image *image, uint64_t inline_value)
{
    size_t at = (size_t)(inline_value / 8) % 256;
    return image->sites[at].key == inline_value ? image->sites[at].name
                                                : image_find_site(image, inline_value);
}
/* The call that an event type stands for; NULL when the table has no such call. */
const struct image_call *image_call(const struct image *image, unsigned type);

const struct image_thread *image_thread(const struct image *image, uint32_t index);

/* A frame of a stack. */
struct image_frame {
    const struct name *name; /* of the function */
    uint64_t address;        /* of the call, or of the instruction: in the function */
    uint32_t caller;         /* id of the stack around it, 0 when there is none */
    int is_cut;              /* there were more frames around it */
    unsigned depth;          /* image_caller's own */
};

/* The innermost frame of a stack; 0 for an id that is none. */
int image_frame(struct image *image, uint32_t stack, uint64_t tick, struct image_frame *frame);
/* The frame's caller in its place; 0 if there is none, or more than any stack has. Begin with
 * {.caller = stack}, all else zero. */
int image_caller(struct image *image, uint64_t tick, struct image_frame *frame);

/* The functions that the compiler put at an address, innermost first, as lines_at has them; without
 * debug information just the one that the address is in, its line not known. Returns how many: at
 * least one. Strings live as long as the session. */
size_t image_lines(struct image *image, uint64_t address, uint64_t tick,
                   struct source_frame frames[LINES_FRAMES]);

/* What the id of a string or an address says: the string, or the address in words. Not
 * NUL-terminated; `length` 0 for an id that is none. */
const char *image_text(const struct image *image, uint32_t id, size_t *length);

/* The image's command line, its arguments separated by NULs; `length` 0 when not known. */
const char *image_command(const struct image *image, size_t *length);

/* When the image ended: what it said itself, or who waited for it; of one that runs, when the
 * session was opened; else the last thing that its live file tells. */
uint64_t image_end_tick(const struct image *image);

/* A slot in the live file, or NULL when there was no room for it. */
const struct slot_header *image_slot(const struct image *image, uint32_t slot);

#endif
