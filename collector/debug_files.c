/* See debug_files.h. */
#include "collector/debug_files.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define DEBUG_FOLDER "/usr/lib/debug"

/* What is looked for. */
struct search {
    bool (*open)(struct elf_image *image, const char *path);
    struct build_id id; /* decides when there is one, the checksum otherwise */
    uint32_t crc;
    debug_file_take *take;
    void *data;
};

static bool offer(const struct search *search, const char *path)
{
    struct elf_image image = {.elf = NULL};
    if (!search->open(&image, path))
        return false;
    bool right = search->id.size ? build_id_equal(elf_image_build_id(&image), search->id)
                                 : elf_image_checksum(&image) == search->crc;
    bool taken = right && search->take(search->data, &image, path);
    elf_image_close(&image);
    return taken;
}

static bool find_by_build_id(const struct search *search)
{
    char path[sizeof DEBUG_FOLDER "/.build-id//.debug" + 2 * BUILD_ID_MAX];
    struct build_id id = search->id;
    if (id.size < 2 || id.size > BUILD_ID_MAX)
        return false;
    int length = snprintf(path, sizeof path, DEBUG_FOLDER "/.build-id/%02x/", id.bytes[0]);
    for (size_t i = 1; i < id.size; i++)
        length += snprintf(path + length, sizeof path - (size_t)length, "%02x", id.bytes[i]);
    snprintf(path + length, sizeof path - (size_t)length, ".debug");
    return offer(search, path);
}

/* `formats` are of a folder and a name; the folder is that of the file at `path`. */
static bool find_beside(const struct search *search, const char *path, const char *name,
                        const char *const *formats, size_t count)
{
    char *real = realpath(path, NULL), candidate[PATH_MAX];
    bool taken = false;
    if (!real)
        return false;
    const char *folder = dirname(real);
    for (size_t i = 0; !taken && i < count; i++)
        if (snprintf(candidate, sizeof candidate, formats[i], folder, name) < PATH_MAX)
            taken = offer(search, candidate);
    free(real);
    return taken;
}

bool debug_file_find(const struct traced_file *file, debug_file_take *take, void *data)
{
    static const char *const formats[] = {"%s/%s", "%s/.debug/%s", DEBUG_FOLDER "%s/%s"};
    struct search search = {elf_image_open, file->id, 0, take, data};
    if (find_by_build_id(&search))
        return true;
    const char *name = elf_image_debug_link(&file->image, &search.crc);
    return name && find_beside(&search, file->path, name, formats, 3);
}

bool debug_file_shared(const char *path, const char *link, struct build_id id,
                       debug_file_take *take, void *data)
{
    static const char *const relative[] = {"%s/%s"};
    struct search search = {elf_image_open_shared, id, 0, take, data};
    if (id.size == 0)
        return false;
    if (link[0] == '/' ? offer(&search, link) : find_beside(&search, path, link, relative, 1))
        return true;
    return find_by_build_id(&search);
}

void traced_file_open(struct traced_file *file, const char *path, struct build_id id)
{
    *file = (struct traced_file){.path = path, .state = TRACED_MISSING, .id = id};
    if (!elf_image_open(&file->image, path))
        return;
    struct build_id own = elf_image_build_id(&file->image);
    file->state = TRACED_SAME;
    if (id.size == 0) {
        file->id = own;
    } else if (!build_id_equal(own, id)) {
        file->state = TRACED_CHANGED;
        elf_image_close(&file->image);
    }
}

void traced_file_close(struct traced_file *file)
{
    elf_image_close(&file->image);
}
