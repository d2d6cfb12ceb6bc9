/* Names of descriptors: see descriptors.h. */
#include "preload/descriptors.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/definitions.h"
#include "runtime/process.h"

#include <dirent.h>
#include <string.h>

uint32_t descriptor_names[DESCRIPTORS];

void descriptor_forget(unsigned first, unsigned last)
{
    for (unsigned fd = first; fd <= last && fd < DESCRIPTORS; fd++)
        if (descriptor_names[fd]) /* do not touch pages that hold nothing */
            descriptor_names[fd] = 0;
}

void descriptor_learn(int fd)
{
    char path[32], name[512];
    if (fd < 0)
        return;
    if (process.sealed) {
        descriptor_set(fd, 0);
        return;
    }
    struct text text = text_on(path, sizeof path);
    text_string(&text, "/proc/self/fd/");
    text_number(&text, (uint64_t)fd);
    long length = sys_readlink(path, name, sizeof name);
    int is_whole = length > 0 && length < (long)sizeof name;
    descriptor_set(fd, is_whole ? definitions_string(name, (size_t)length) : 0);
}

void descriptor_opened(int fd, const char *path)
{
    if (fd < 0 || !path)
        return;
    if (path[0] != '/') /* the kernel knows relative to what */
        descriptor_learn(fd);
    if (path[0] == '/' || !descriptor_name(fd))
        descriptor_set(fd, definitions_string(path, strlen(path)));
}

void descriptors_inherit(void)
{
    char entries[2048] __attribute__((aligned(8)));
    long folder = sys_open_high("/proc/self/fd", O_RDONLY | O_DIRECTORY, 0), size;
    while (folder >= 0 && (size = SYS3(SYS_getdents64, folder, entries, sizeof entries)) > 0)
        for (long at = 0; at < size;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            const char *name = entry->d_name;
            int fd = (int)text_read_number(&name);
            if (entry->d_name[0] != '.' && fd != folder)
                descriptor_learn(fd);
            at += entry->d_reclen;
        }
    if (folder >= 0)
        sys_close(folder);
}
