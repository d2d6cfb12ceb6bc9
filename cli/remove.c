/* Deleting a session. */
#include "cli/cli.h"

#include <dirent.h>
#include <limits.h>
#include <unistd.h>

/* Only files that a session consists of: a folder that somebody put more into is kept. */
void remove_session(const char *folder)
{
    char path[PATH_MAX];
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        size_t length = strlen(entry->d_name);
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || length < 2)
            continue;
        if (strcmp(dot, ".live") == 0 || strcmp(dot, ".defs") == 0 || strcmp(dot, ".blocks") == 0 ||
            strcmp(entry->d_name, "session.json") == 0 ||
            strcmp(entry->d_name, "ending.json") == 0) {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            unlink(path);
        }
    }
    if (entries)
        closedir(entries);
    rmdir(folder);
}
