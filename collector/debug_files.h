/* The files that tell about a traced ELF file: the file itself, and its separate debug file.
 *
 * A file whose build-id is not the one that was traced is not used: what it says would be about
 * somebody else's code. A debug file is looked for by build-id under /usr/lib/debug/.build-id/,
 * then by .gnu_debuglink beside the file, in .debug/ and under /usr/lib/debug/. One found by the
 * traced build-id is used even when the file itself is gone or has changed; a linked one must have
 * the file's build-id or, when that has none, the link's checksum. Nothing is asked of a network.
 */
#ifndef VT_COLLECTOR_DEBUG_FILES_H
#define VT_COLLECTOR_DEBUG_FILES_H

#include "collector/elf_image.h"

enum traced_state {
    TRACED_SAME,    /* or there was no build-id to compare */
    TRACED_CHANGED, /* the file on disk is another build */
    TRACED_MISSING, /* no such file, or not an ELF program or library */
};

struct traced_file {
    const char *path;
    enum traced_state state;
    struct elf_image image; /* the file's; only with TRACED_SAME */
    struct build_id id;     /* the traced one; when that is not known, the file's own */
};

/* `path` and `id` are borrowed. What `id` was given as may be empty: not compared. */
void traced_file_open(struct traced_file *file, const char *path, struct build_id id);
/* The image too, unless somebody took it over (and set its `elf` to NULL). */
void traced_file_close(struct traced_file *file);

/* Looks whether the image is of use. True: it was taken over, and its `elf` set to NULL. */
typedef bool debug_file_take(void *data, struct elf_image *image, const char *path);

/* Offers the debug files of `file` that are there and right, best first, until one is taken. */
bool debug_file_find(const struct traced_file *file, debug_file_take *take, void *data);
/* The same for the file that a debug file names to share what many have in common (dwz): `link` as
 * in .gnu_debugaltlink of the file at `path`. */
bool debug_file_shared(const char *path, const char *link, struct build_id id,
                       debug_file_take *take, void *data);

#endif
