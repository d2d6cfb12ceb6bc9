/* See endings.h. */
#include "collector/endings.h"

#include "collector/memory.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void endings_free(struct endings *endings)
{
    free(endings->list);
}

void endings_add(struct endings *endings, struct ending ending)
{
    if (endings->are_all)
        return;
    endings->list = grow_array(endings->list, endings->count, sizeof *endings->list);
    endings->list[endings->count++] = ending;
}

static int is_better(const struct ending *ending, uint32_t pid, uint64_t start_ns,
                     const struct ending *found)
{
    return ending->pid == pid && ending->ns >= start_ns && (!found || ending->ns < found->ns);
}

const struct ending *endings_find(const struct endings *endings, uint32_t pid, uint64_t start_ns)
{
    const struct ending *found = NULL;
    for (size_t i = 0; i < endings->count; i++)
        if (is_better(&endings->list[i], pid, start_ns, found))
            found = &endings->list[i];
    if (endings->has_command && is_better(&endings->command, pid, start_ns, found))
        found = &endings->command;
    return found;
}

static int path_of(char *path, const char *folder)
{
    return snprintf(path, PATH_MAX, "%s/ending.json", folder) < PATH_MAX;
}

void endings_write_command(const char *folder, uint32_t pid, int status, struct clock_pair now)
{
    char path[PATH_MAX];
    json_t *json = json_pack("{s:I, s:i, s:I, s:I}", "pid", (json_int_t)pid, "wait_status", status,
                             "tick", (json_int_t)now.tick, "monotonic_ns", (json_int_t)now.nsec);
    /* whoever may write into the folder may have put something there, a link or a pipe */
    int fd = path_of(path, folder)
                 ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                 : -1;
    if (fd >= 0 && json_dumpfd(json, fd, JSON_INDENT(2)) != 0)
        unlink(path);
    if (fd >= 0)
        close(fd);
    json_decref(json);
}

/* A file of whoever owns the session: in a folder of root's others may put theirs. */
static json_t *load(const char *path, const char *folder)
{
    struct stat file, owner;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    json_t *json = NULL;
    if (fd >= 0 && fstat(fd, &file) == 0 && stat(folder, &owner) == 0 && S_ISREG(file.st_mode) &&
        file.st_uid == owner.st_uid)
        json = json_loadfd(fd, 0, NULL);
    if (fd >= 0)
        close(fd);
    return json;
}

void endings_read_command(struct endings *endings, const char *folder)
{
    char path[PATH_MAX];
    json_int_t pid, tick, nsec;
    json_t *json = path_of(path, folder) ? load(path, folder) : NULL;
    endings->has_command =
        json_unpack(json, "{s:I, s:i, s:I, s:I}", "pid", &pid, "wait_status",
                    &endings->command.status, "tick", &tick, "monotonic_ns", &nsec) == 0 &&
        pid > 0 && pid <= INT_MAX && tick > 0 && nsec > 0;
    if (endings->has_command) {
        endings->command.pid = (uint32_t)pid;
        endings->command.tick = (uint64_t)tick;
        endings->command_nsec = (uint64_t)nsec;
    }
    json_decref(json);
}
