/* Reading a definitions arena (runtime/definitions.h), with the arenas of the images it was forked
 * from behind it. Every id is checked: a damaged file gives empty strings and no crash. */
#ifndef VT_COLLECTOR_ARENA_H
#define VT_COLLECTOR_ARENA_H

#include "collector/problem.h"
#include "runtime/definitions.h"

struct arena;

/* Opens FOLDER/PID-IMAGE.defs. NULL and a problem when it is missing or damaged. */
struct arena *arena_open(const char *folder, uint32_t pid, uint32_t image, struct problem *problem);
void arena_close(struct arena *arena);

/* The bytes of a string; not NUL-terminated; `length` 0 for an id that is none. Valid until close.
 */
const char *arena_string(const struct arena *arena, uint32_t id, size_t *length);

/* The payload of an entry of the kind, at least `size` bytes; NULL for an id that is none. */
const void *arena_entry(const struct arena *arena, uint32_t id, enum definition_kind kind,
                        size_t size);

/* Calls `visit` for every entry of the image, oldest first, its ancestors' (up to the fork) before
 * its own; `inherited` says which. */
typedef void arena_visit(void *data, enum definition_kind kind, uint32_t id, const void *payload,
                         size_t size, int inherited);
void arena_walk(const struct arena *arena, arena_visit *visit, void *data);

#endif
