/* See file_sums.h. */
#include "collector/file_sums.h"

#include "collector/memory.h"
#include "collector/numbering.h"
#include "collector/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTORS = 4096 }; /* whose places are followed */

struct file_sums {
    struct image *image;
    size_t image_number; /* from 1 */
    struct paths *paths;
    struct file_sum *all;
    size_t count;
    struct numbering files; /* by the number of the path's name, and pid */
    unsigned char at_start[DESCRIPTORS];
};

struct file_sums *file_sums_new(void)
{
    struct file_sums *sums = need(calloc(1, sizeof *sums));
    sums->paths = paths_new();
    return sums;
}

void file_sums_free(struct file_sums *sums)
{
    numbering_free(&sums->files);
    paths_free(sums->paths);
    free(sums->all);
    free(sums);
}

void file_sums_image(struct file_sums *sums, struct image *image)
{
    sums->image = image;
    sums->image_number++;
    paths_image(sums->paths, image);
    memset(sums->at_start, 0, sizeof sums->at_start);
}

/* Valid until the next one is made. */
static struct file_sum *sum_of(struct file_sums *sums, const char *path, size_t length,
                               uint32_t pid)
{
    const struct name *name =
        names_make(sums->image->session->names, CATEGORY_IO, "", path, length, 0);
    uint64_t key = (uint64_t)name->number << 32 | pid;
    size_t number = numbering_of(&sums->files, key);
    if (number > sums->count) {
        sums->all = grow_array(sums->all, sums->count, sizeof *sums->all);
        sums->all[sums->count++] = (struct file_sum){.path = name->text, .pid = pid};
    }
    return &sums->all[number - 1];
}

/* A descriptor by what it is, a field's word. */
static struct file_sum *descriptor_sum(struct file_sums *sums, uint64_t word)
{
    char number[96];
    size_t length;
    const char *path = image_text(sums->image, (uint32_t)(word >> 32), &length);
    if (length)
        return sum_of(sums, path, length, 0);
    uint32_t pid = sums->image->summary->pid;
    length = (size_t)snprintf(number, sizeof number, "fd %d of %u %.60s", (int)(uint32_t)word, pid,
                              sums->image->name);
    return sum_of(sums, number, length, pid);
}

/* What the call is of. The file that an open opened is known better than from what it was asked
 * for. */
static struct file_sum *file_of(struct file_sums *sums, const struct span *span)
{
    char path[PATHS_MAX];
    size_t length;
    int64_t result = span_result(span);
    uint64_t opened = result >= 0 ? span_opened(span) : 0;
    int has_path = call_has(span->call, FIELD_PATH) && span_field(span, FIELD_PATH);
    if (has_path && opened >> 32)
        return descriptor_sum(sums, opened);
    if (has_path && (length = paths_resolve(sums->paths, span, path)) > 0)
        return sum_of(sums, path, length, 0);
    if (call_has(span->call, FIELD_FD))
        return descriptor_sum(sums, span_field(span, FIELD_FD));
    if (opened >> 32)
        return descriptor_sum(sums, opened);
    length = (size_t)snprintf(path, sizeof path, "%.200s()", span->name->text);
    return sum_of(sums, path, length, 0);
}

/* Of the calls that move bytes, those that go to the kernel each time: stdio's gather. */
static int is_unbuffered(const char *call)
{
    static const char *const names[] = {"read", "write", "pread", "pwrite", "send", "recv"};
    call += strncmp(call, "__", 2) == 0 ? 2 : 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(call, names[i], strlen(names[i])) == 0)
            return 1;
    return 0;
}

static int is_sync(const char *call)
{
    static const char *const names[] = {"fsync", "fdatasync", "sync_file_range", "syncfs"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(call, names[i]) == 0)
            return 1;
    return 0;
}

/* What is read there is made at that moment, whatever was read before. */
static int is_fresh(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0 ||
           strncmp(path, "/sys/", 5) == 0;
}

/* fdopen and the like: a stream for a descriptor that there is. */
static int is_same_descriptor(const struct span *span, int64_t result)
{
    return call_has(span->call, FIELD_FD) && (int32_t)span_field(span, FIELD_FD) == result;
}

/* Whether the call reads from the file's start. Follows where descriptors stand: at the start when
 * they were opened or set there; where others left it, nobody knows. */
static int begins_to_read(struct file_sums *sums, const struct span *span, int64_t result)
{
    const struct definition_call *call = &span->call->definition;
    unsigned char nothing = 0, *at_start = &nothing;
    uint64_t fd = call->result == RESULT_FD ? (uint64_t)result : span_field(span, FIELD_FD);
    if ((uint32_t)fd < DESCRIPTORS)
        at_start = &sums->at_start[(uint32_t)fd];
    if (result < 0)
        return 0;
    if (call->result == RESULT_FD && !is_same_descriptor(span, result))
        *at_start = call_has(span->call, FIELD_PATH) != 0;
    else if (strncmp(span->name->text, "lseek", strlen("lseek")) == 0)
        *at_start = result == 0;
    if (call->result != RESULT_BYTES || result == 0)
        return 0;
    if (call_has(span->call, FIELD_OFFSET))
        return !(call->flags & CALL_SENDS) && span_field(span, FIELD_OFFSET) == 0;
    int begins = *at_start && !(call->flags & CALL_SENDS);
    *at_start = 0;
    return begins;
}

static void add_moved(struct file_sums *sums, const struct span *span, size_t file, uint64_t bytes)
{
    int sends = (span->call->definition.flags & CALL_SENDS) != 0;
    *(sends ? &sums->all[file].written_bytes : &sums->all[file].read_bytes) += bytes;
    sums->all[file].small += bytes < FILE_SMALL && is_unbuffered(span->name->text);
    if (call_has(span->call, FIELD_TARGET_FD))
        descriptor_sum(sums, span_field(span, FIELD_TARGET_FD))->written_bytes += bytes;
}

void file_sums_add(struct file_sums *sums, const struct span *span)
{
    int64_t result = span_result(span);
    struct file_sum *file = file_of(sums, span);
    if (begins_to_read(sums, span, result) && !is_fresh(file->path)) {
        file->rereads += file->reader == sums->image_number;
        file->reader = sums->image_number;
    }
    file->calls++;
    file->failed += result < 0;
    file->total_ns += span->duration_ns;
    if (span->duration_ns > file->slowest_ns)
        file->slowest_ns = span->duration_ns;
    file->opens += span->call->definition.result == RESULT_FD && result >= 0 &&
                   !is_same_descriptor(span, result);
    if (is_sync(span->name->text)) {
        file->syncs++;
        file->sync_ns += span->duration_ns;
    }
    if (span->call->definition.result == RESULT_BYTES && result > 0)
        add_moved(sums, span, (size_t)(file - sums->all), (uint64_t)result);
    paths_follow(sums->paths, span);
}

void file_sums_follow(struct file_sums *sums, const struct span *span)
{
    begins_to_read(sums, span, span_result(span));
    paths_follow(sums->paths, span);
}

struct file_sum *file_sums_all(struct file_sums *sums, size_t *count)
{
    *count = sums->count;
    return sums->all;
}
