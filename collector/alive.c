/* See alive.h. */
#include "collector/alive.h"

#include "runtime/options.h"

#include <jansson.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *open_proc(long pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    return fopen(path, "re");
}

static unsigned long long start_ticks(long pid)
{
    char line[1024] = "";
    unsigned long long ticks = 0;
    FILE *file = open_proc(pid, "stat");
    if (file) {
        size_t length = fread(line, 1, sizeof line - 1, file);
        line[length] = '\0';
        fclose(file);
    }
    char *at =
        strrchr(line, ')'); /* behind the name, which may hold anything; starttime is field 22 */
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at)
        ticks = strtoull(at, NULL, 10);
    return ticks;
}

/* Whether a part of the file, between delimiters, holds `before` and, right behind it or later,
 * `text`. Closes the file, which may be NULL. */
static int holds(FILE *file, int delimiter, const char *before, const char *text)
{
    char *part = NULL;
    size_t room = 0;
    int found = 0;
    while (file && !found && getdelim(&part, &room, delimiter, file) > 0) {
        const char *at = strstr(part, before);
        found = at && strstr(at, text);
    }
    free(part);
    if (file)
        fclose(file);
    return found;
}

struct look {
    char folder[PATH_MAX], resolved[PATH_MAX];
    /* When the session began, in the units of starttime in /proc/PID/stat. That counts time asleep
     * too, so only the root, which may be what a shell became by an exec, is older. */
    unsigned long long since;
    long root;
    size_t gone; /* processes that ended since they were listed */
};

static void read_beginning(struct look *look, const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/session.json", folder);
    json_t *manifest = json_load_file(path, 0, NULL);
    json_int_t start = json_integer_value(json_object_get(manifest, "start_monotonic_ns"));
    look->root = (long)json_integer_value(json_object_get(manifest, "root_pid"));
    if (start > 0)
        look->since = (unsigned long long)start / (1000000000u / (unsigned)sysconf(_SC_CLK_TCK));
    json_decref(manifest);
}

/* A process without memory has ended, but may have made another one before. */
static int belongs(struct look *look, long pid)
{
    unsigned long long start = start_ticks(pid);
    /* our parent may be the root itself, which waits for us with nothing more to say */
    if (pid == getpid() || pid == getppid() || (start && start < look->since && pid != look->root))
        return 0;
    if (!start || !holds(open_proc(pid, "maps"), '\n', "", "")) {
        look->gone++;
        return 0;
    }
    return holds(open_proc(pid, "maps"), '\n', look->resolved, ".live") ||
           holds(open_proc(pid, "environ"), '\0', option_variables[OPTION_SESSION], look->folder);
}

static int find_one(struct look *look)
{
    DIR *processes = opendir("/proc");
    int found = 0;
    look->gone = 0;
    for (struct dirent *entry; processes && !found && (entry = readdir(processes));) {
        long pid = strtol(entry->d_name, NULL, 10);
        found = pid > 0 && belongs(look, pid);
    }
    if (processes)
        closedir(processes);
    return found;
}

int session_goes_on(const char *folder)
{
    struct look look = {.since = 0};
    size_t gone_before, looks = 0;
    snprintf(look.folder, sizeof look.folder, "%s", folder);
    if (!realpath(folder, look.resolved))
        return 0;
    read_beginning(&look, folder);
    /* who ended while we looked may have left a child that was not yet in the list */
    do {
        gone_before = look.gone;
        if (find_one(&look))
            return 1;
    } while (look.gone != gone_before && ++looks < 20);
    return 0;
}

enum alive image_lives(const char *folder, uint32_t pid, uint32_t image)
{
    char resolved[PATH_MAX], live[48];
    snprintf(live, sizeof live, "/%u-%u.live", pid, image);
    if (!realpath(folder, resolved))
        return ALIVE_NO;
    FILE *maps = open_proc((long)pid, "maps");
    if (!maps) /* of an undumpable one, or another user's: refused */
        return errno == ENOENT || errno == ESRCH ? ALIVE_NO : ALIVE_PERHAPS;
    return holds(maps, '\n', resolved, live) ? ALIVE_YES : ALIVE_NO;
}
