/* Files by name and folders: the rows of calls/files.def. */
#include "preload/wrap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    WRAP(category, result, type, name, parameters, arguments, fields)
#include "preload/calls/files.def"

/* The path is a template, and is the name behind the call. */
#define MAKE(name, parameters, arguments)                                                          \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_##name, 0) : 0;         \
        int answer = real.name arguments;                                                          \
        if (begun) {                                                                               \
            descriptor_opened(answer, path);                                                       \
            uint64_t word = RESULT_WORD_FD(answer);                                                \
            call_end(NUMBER_##name, begun, word, F1(PATH, path));                                  \
        }                                                                                          \
        return answer;                                                                             \
    }
MAKE(mkstemp, (char *path), (path))
MAKE(mkstemp64, (char *path), (path))
MAKE(mkostemp, (char *path, int flags), (path, flags))
MAKE(mkostemp64, (char *path, int flags), (path, flags))
MAKE(mkstemps, (char *path, int suffix), (path, suffix))
MAKE(mkstemps64, (char *path, int suffix), (path, suffix))
MAKE(mkostemps, (char *path, int suffix, int flags), (path, suffix, flags))
MAKE(mkostemps64, (char *path, int suffix, int flags), (path, suffix, flags))

EXPORT char *mkdtemp(char *path)
{
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_mkdtemp, 0) : 0;
    char *made = real.mkdtemp(path);
    if (begun) {
        uint64_t word = RESULT_WORD_OBJECT(made);
        call_end(NUMBER_mkdtemp, begun, word, F1(PATH, path));
    }
    return made;
}

static int folder_descriptor(DIR *folder)
{
    int saved = errno;
    int fd = dirfd(folder);
    errno = saved;
    return fd;
}

EXPORT DIR *opendir(const char *path)
{
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_opendir, 0) : 0;
    DIR *folder = real.opendir(path);
    if (begun) {
        int fd = folder ? folder_descriptor(folder) : -1;
        descriptor_opened(fd, path);
        uint64_t word = folder ? descriptor_field(fd) : ERROR_WORD;
        call_end(NUMBER_opendir, begun, word, F1(PATH, path));
    }
    return folder;
}

EXPORT DIR *fdopendir(int fd)
{
    uint64_t field = descriptor_field(fd);
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_fdopendir, field) : 0;
    DIR *folder = real.fdopendir(fd);
    if (begun)
        call_end(NUMBER_fdopendir, begun, folder ? (uint64_t)fd : ERROR_WORD, &field, 1);
    return folder;
}

EXPORT int closedir(DIR *folder)
{
    int fd = is_plausible(folder) ? folder_descriptor(folder) : -1;
    uint64_t field = descriptor_field(fd);
    uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_closedir, field) : 0;
    if (begun)
        descriptor_set(fd, 0); /* before the descriptor is somebody else's */
    int answer = real.closedir(folder);
    if (begun)
        call_end(NUMBER_closedir, begun, RESULT_WORD_NUMBER(answer), &field, 1);
    return answer;
}

/* NULL is the end, unless errno has changed. The entry's name is not kept: a large folder would
 * fill the definitions. */
#define READ_FOLDER(name, type)                                                                    \
    EXPORT struct type *name(DIR *folder)                                                          \
    {                                                                                              \
        int before = errno;                                                                        \
        uint64_t field = descriptor_field(folder_descriptor(folder));                              \
        uint64_t begun = process_captures(CATEGORY_IO) ? call_begin(NUMBER_##name, field) : 0;     \
        struct type *entry = real.name(folder);                                                    \
        if (begun)                                                                                 \
            call_end(NUMBER_##name, begun, entry || errno == before ? entry != NULL : ERROR_WORD,  \
                     &field, 1);                                                                   \
        return entry;                                                                              \
    }
READ_FOLDER(readdir, dirent)
READ_FOLDER(readdir64, dirent64)
