/* See program.h. The file is read by hand: it may be any file, and of any class. */
#include "collector/program.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Whether the kernel marks the program as secure, for which the loader ignores LD_PRELOAD. */
static int is_privileged(const char *path)
{
    struct stat info;
    struct statvfs system;
    char capability[64];
    unsigned setgid = S_ISGID | S_IXGRP; /* without the x it is no setgid program */
    if (stat(path, &info) != 0 || (statvfs(path, &system) == 0 && system.f_flag & ST_NOSUID))
        return 0;
    return (info.st_mode & S_ISUID && info.st_uid != getuid()) ||
           ((info.st_mode & setgid) == setgid && info.st_gid != getgid()) ||
           (geteuid() != 0 &&
            getxattr(path, "security.capability", capability, sizeof capability) > 0);
}

static int read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
    return pread(fd, buffer, size, (off_t)offset) == (ssize_t)size;
}

/* Of a 64-bit ELF file: 1 when it names no loader. */
static int is_static(int fd, const Elf64_Ehdr *header)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        if (!read_at(fd, &segment, sizeof segment,
                     header->e_phoff + (uint64_t)i * header->e_phentsize) ||
            segment.p_type == PT_INTERP)
            return 0;
    }
    return 1;
}

const char *program_untraceable(const char *path)
{
    Elf64_Ehdr header;
    const char *why = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int is_elf = fd >= 0 && read_at(fd, &header, sizeof header, 0) &&
                 memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;
    if (is_privileged(path))
        why = "is setuid or setgid, or has capabilities: the loader leaves the tracer out of it";
    else if (is_elf && header.e_ident[EI_CLASS] != ELFCLASS64)
        why = "is a 32-bit program: it cannot load the tracer";
    else if (is_elf && is_static(fd, &header))
        why = "is statically linked: it cannot load the tracer";
    if (fd >= 0)
        close(fd);
    return why;
}

void program_find(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s", name);
    if (strchr(name, '/'))
        return;
    const char *search = getenv("PATH");
    for (const char *at = search ? search : "/bin:/usr/bin"; *at;) {
        size_t length = strcspn(at, ":");
        snprintf(path, size, "%.*s%s%s", (int)length, at, length ? "/" : "", name);
        if (access(path, X_OK) == 0)
            return;
        at += length + (at[length] == ':');
    }
    path[0] = '\0';
}
