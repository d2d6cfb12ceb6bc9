/* See paths.h. Threads are read one after the other: a change of folder is kept with its time. */
#include "collector/paths.h"

#include "collector/memory.h"

#include <string.h>

struct stay {
    uint64_t since_ns;
    char *folder; /* absolute */
};

struct paths {
    struct image *image;
    struct stay *stays; /* by time, but for changes by several threads */
    size_t count;
};

struct paths *paths_new(void)
{
    return need(calloc(1, sizeof(struct paths)));
}

static void forget(struct paths *paths)
{
    while (paths->count)
        free(paths->stays[--paths->count].folder);
}

void paths_free(struct paths *paths)
{
    forget(paths);
    free(paths->stays);
    free(paths);
}

static void stay(struct paths *paths, uint64_t since_ns, const char *folder, size_t length)
{
    if (length == 0 || folder[0] != '/')
        return;
    paths->stays = grow_array(paths->stays, paths->count, sizeof *paths->stays);
    paths->stays[paths->count++] = (struct stay){since_ns, need(strndup(folder, length))};
}

void paths_image(struct paths *paths, struct image *image)
{
    size_t length;
    const char *folder = arena_string(image->arena, image->header.directory, &length);
    forget(paths);
    paths->image = image;
    stay(paths, 0, folder, length);
}

static const char *folder_at(const struct paths *paths, uint64_t ns, size_t *length)
{
    const char *folder = "";
    for (size_t i = paths->count; i-- > 0 && !folder[0];)
        if (paths->stays[i].since_ns <= ns)
            folder = paths->stays[i].folder;
    *length = strlen(folder);
    return folder;
}

/* Appends the parts of a path: none for "" and ".", one less for "..". Returns the length. */
static size_t append(char *path, size_t length, const char *parts, size_t size)
{
    for (size_t at = 0, part; at < size; at += part + 1) {
        const char *end = memchr(parts + at, '/', size - at);
        part = end ? (size_t)(end - parts) - at : size - at;
        if (part == 0 || (part == 1 && parts[at] == '.'))
            continue;
        if (part == 2 && parts[at] == '.' && parts[at + 1] == '.') {
            while (length && path[--length] != '/')
                ;
            continue;
        }
        path[length++] = '/';
        memcpy(path + length, parts + at, part);
        length += part;
    }
    return length;
}

size_t paths_resolve(const struct paths *paths, const struct span *span, char path[PATHS_MAX])
{
    size_t length, base_length = 0;
    const char *given = image_text(paths->image, (uint32_t)span_field(span, FIELD_PATH), &length);
    const char *base = "";
    uint64_t fd = call_has(span->call, FIELD_FD) ? span_field(span, FIELD_FD) : 0;
    length = strnlen(given, length); /* only a damaged file has a path with a NUL in it */
    if (length && given[0] != '/')
        base = fd >> 32 ? image_text(paths->image, (uint32_t)(fd >> 32), &base_length)
                        : folder_at(paths, span->start_ns, &base_length);
    int is_known = length && (given[0] == '/' || (base_length && base[0] == '/'));
    if (!is_known || base_length + length + 4 > PATHS_MAX) {
        length = length < PATHS_MAX ? length : PATHS_MAX;
        memcpy(path, given, length);
        return length;
    }
    size_t size = append(path, append(path, 0, base, base_length), given, length);
    if (size == 0)
        path[size++] = '/';
    return size;
}

void paths_follow(struct paths *paths, const struct span *span)
{
    char path[PATHS_MAX];
    size_t length;
    if (span_result(span) != 0)
        return;
    if (strcmp(span->name->text, "chdir") == 0) {
        length = paths_resolve(paths, span, path);
        stay(paths, span->start_ns + span->duration_ns, path, length);
    } else if (strcmp(span->name->text, "fchdir") == 0) {
        const char *folder =
            image_text(paths->image, (uint32_t)(span_field(span, FIELD_FD) >> 32), &length);
        stay(paths, span->start_ns + span->duration_ns, folder, length);
    }
}
