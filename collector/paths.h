/* Absolute paths for those that a process of the session gave relative to a folder: the one that it
 * was in at that moment, or that of a descriptor. As far as can be told by looking at the text:
 * links are not followed, and what a thread changed that is read later is not known yet. */
#ifndef VT_COLLECTOR_PATHS_H
#define VT_COLLECTOR_PATHS_H

#include "collector/span.h"

enum { PATHS_MAX = 8192 };

struct paths;

struct paths *paths_new(void);
void paths_free(struct paths *paths);

/* The calls to come are of this image, which begins in the folder that it says. */
void paths_image(struct paths *paths, struct image *image);
/* Looks at a finished call: it may have changed the folder. */
void paths_follow(struct paths *paths, const struct span *span);

/* The path of the call's FIELD_PATH; returns its length, 0 when it has none. Not known how to go on
 * from (an unknown folder), or too long: as it was given. */
size_t paths_resolve(const struct paths *paths, const struct span *span, char path[PATHS_MAX]);

#endif
