/* What the process's file descriptors are: the absolute path each was opened with, or the name that
 * the kernel has for it, or its peer's address, as the id of a string or an address. Filled in at
 * the start for those that were inherited and by every call that makes one, forgotten at close; a
 * fork's child has its parent's. Concurrent use of one descriptor is the program's own race. */
#ifndef VT_PRELOAD_DESCRIPTORS_H
#define VT_PRELOAD_DESCRIPTORS_H

#include <stdint.h>

enum { DESCRIPTORS = 4096 };
extern uint32_t descriptor_names[DESCRIPTORS] __attribute__((visibility("hidden")));

static inline uint32_t descriptor_name(int fd)
{
    return (unsigned)fd < DESCRIPTORS ? descriptor_names[fd] : 0;
}

/* The word of a FIELD_FD. */
static inline uint64_t descriptor_field(int fd)
{
    return (uint64_t)descriptor_name(fd) << 32 | (uint32_t)fd;
}

static inline void descriptor_set(int fd, uint32_t name)
{
    if ((unsigned)fd < DESCRIPTORS)
        descriptor_names[fd] = name;
}

/* After an open; fd may be negative. Of a relative path the kernel is asked what it is. */
void descriptor_opened(int fd, const char *path);

/* The kernel's name for a descriptor: "pipe:[123]", "socket:[123]", "anon_inode:[eventpoll]", a
 * path.
 */
void descriptor_learn(int fd);

/* Those that the process has been started with. */
void descriptors_inherit(void);

/* Before descriptors first … last are closed. */
void descriptor_forget(unsigned first, unsigned last);

#endif
