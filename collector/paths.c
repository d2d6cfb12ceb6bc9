/* See paths.h. Threads are read one after the other: a change of folder is kept with its time. */
#include "collector/paths.h"

#include "collector/memory.h"

#include <fcntl.h>
#include <string.h>

enum { STAYS_MAX = 1 << 16 }; /* of one image; from then on nothing is known */

struct stay {
    uint64_t since_ns;
    const char *folder; /* absolute; lives as long as the session */
};

struct paths {
    struct image *image;
    struct stay *stays; /* by time */
    size_t count;
};

struct paths *paths_new(void)
{
    return need(calloc(1, sizeof(struct paths)));
}

void paths_free(struct paths *paths)
{
    free(paths->stays);
    free(paths);
}

/* How many stays began by then. */
static size_t begun_by(const struct paths *paths, uint64_t ns)
{
    size_t low = 0, high = paths->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (paths->stays[middle].since_ns <= ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void stay(struct paths *paths, uint64_t since_ns, const char *folder, size_t length)
{
    if (length == 0 || folder[0] != '/' || paths->count > STAYS_MAX)
        return;
    size_t at = begun_by(paths, since_ns);
    const char *text =
        paths->count < STAYS_MAX
            ? names_make(paths->image->session->names, CATEGORY_IO, "", folder, length, 0)->text
            : "";
    if (at && paths->stays[at - 1].folder == text)
        return;
    paths->stays = grow_array(paths->stays, paths->count, sizeof *paths->stays);
    memmove(paths->stays + at + 1, paths->stays + at, (paths->count++ - at) * sizeof *paths->stays);
    paths->stays[at] = (struct stay){since_ns, text};
}

void paths_image(struct paths *paths, struct image *image)
{
    size_t length;
    const char *folder = arena_string(image->arena, image->header.directory, &length);
    paths->count = 0;
    paths->image = image;
    stay(paths, 0, folder, length);
}

/* Where the span's path begins, or "". */
static const char *base_of(const struct paths *paths, const struct span *span, size_t *length)
{
    uint64_t fd = span_field(span, FIELD_FD);
    int is_here = !call_has(span->call, FIELD_FD) || (int32_t)fd == AT_FDCWD;
    size_t begun = is_here ? begun_by(paths, span->start_ns) : 0;
    const char *base = begun ? paths->stays[begun - 1].folder : "";
    *length = strlen(base);
    return is_here ? base : image_text(paths->image, (uint32_t)(fd >> 32), length);
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
    length = strnlen(given, length); /* only a damaged file has a path with a NUL in it */
    if (length && given[0] != '/')
        base = base_of(paths, span, &base_length);
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
