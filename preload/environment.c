/* Environments of children: see environment.h. No allocation: runs between vfork and exec too, so
 * it writes to its caller's stack alone. */
#include "preload/environment.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/options.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static const char PRELOAD[] = "LD_PRELOAD=";

static char library[PATH_MAX];
/* "NAME=value" of every option of ours that was set when the process started, the ticket included
 */
static char entries[2 * PATH_MAX];
static const char *ours[OPTION_COUNT];
static size_t ours_count;
static int keep_out;

static void remember(struct text *text, enum capture_option option, const char *value)
{
    const char *entry = text->data + text->length;
    text_string(text, option_variables[option]);
    text_string(text, "=");
    text_string(text, value);
    if (!text_overflowed(text))
        ours[ours_count++] = entry;
    text_bytes(text, "", 1);
}

void environment_prepare(const char *path, const char *ticket, char *const *environment, int out)
{
    struct text text = text_on(entries, sizeof entries);
    struct text copy = text_on(library, sizeof library);
    text_string(&copy, path);
    keep_out = out || text_overflowed(&copy) || !path[0];
    remember(&text, OPTION_SESSION, ticket);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *value = option_value(environment, (enum capture_option)i);
        if (value && i != OPTION_SESSION)
            remember(&text, (enum capture_option)i, value);
    }
}

static size_t count(char *const *environment)
{
    size_t entries_there = 0;
    while (environment && environment[entries_there])
        entries_there++;
    return entries_there;
}

size_t environment_room(char *const *environment)
{
    const char *preload = environment_value(environment, "LD_PRELOAD");
    return (count(environment) + OPTION_COUNT + 2) * sizeof(char *) + sizeof PRELOAD +
           strlen(library) + 1 + (preload ? strlen(preload) : 0) + 1;
}

/* Where our library stands in a list of libraries (colons or spaces between them), or NULL. */
static const char *find_library(const char *list)
{
    size_t length = strlen(library);
    for (const char *at = list; at && (at = strstr(at, library)); at += length)
        if ((at == list || at[-1] == ':' || at[-1] == ' ') &&
            (at[length] == '\0' || at[length] == ':' || at[length] == ' '))
            return at;
    return NULL;
}

long environment_program(int folder, const char *path)
{
    if (keep_out || !ours_count)
        return -1;
    long fd = SYS4(SYS_openat, folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    return fd == -ENOENT && !path[0] ? sys_fcntl(folder, F_DUPFD_CLOEXEC, 3) : fd;
}

long environment_program_searched(const char *name)
{
    char path[PATH_MAX];
    const char *folders = environment_value(environ, "PATH");
    if (!name || strchr(name, '/'))
        return environment_program(AT_FDCWD, name ? name : "?");
    for (const char *at = folders ? folders : "/bin:/usr/bin"; *at;) {
        size_t length = strcspn(at, ":");
        struct text text = text_on(path, sizeof path);
        text_bytes(&text, at, length);
        text_string(&text, length ? "/" : "");
        text_string(&text, name);
        if (!text_overflowed(&text) && SYS4(SYS_faccessat, AT_FDCWD, path, X_OK, 0) == 0)
            return environment_program(AT_FDCWD, path);
        at += length + (at[length] == ':');
    }
    return -1;
}

/* A program of the other ELF class would be told by its loader, on its stderr, that our library is
 * of the wrong kind. Closes fd. */
static int is_foreign(long fd)
{
    unsigned char ident[EI_NIDENT] = {0};
    if (fd < 0)
        return 0;
    long length = SYS4(SYS_pread64, fd, ident, sizeof ident, 0);
    sys_close(fd);
    return length == (long)sizeof ident && memcmp(ident, ELFMAG, SELFMAG) == 0 &&
           ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
}

/* "LD_PRELOAD=" with our library first, or without it. */
static char *preload_entry(char *at, const char *list, int foreign)
{
    struct text text =
        text_on(at, sizeof PRELOAD + strlen(library) + 1 + (list ? strlen(list) : 0) + 1);
    const char *found = list ? find_library(list) : NULL;
    text_string(&text, PRELOAD);
    if (!foreign && !found) {
        text_string(&text, library);
        text_string(&text, list && list[0] ? ":" : "");
    }
    if (foreign && found) {
        text_bytes(&text, list, (size_t)(found - list));
        found += strlen(library);
        text_string(&text, found + (*found != '\0'));
    } else if (list) {
        text_string(&text, list);
    }
    return at;
}

char *const *environment_for(long program, char *const *environment, void *room)
{
    int foreign = is_foreign(program);
    if (keep_out || !ours_count)
        return environment;
    const char *preload = environment_value(environment, "LD_PRELOAD");
    int there = preload && find_library(preload) != NULL;
    if (there != foreign && option_value(environment, OPTION_SESSION))
        return environment;
    const char **copy = room;
    size_t kept = 0;
    for (char *const *entry = environment; entry && *entry; entry++)
        if (strncmp(*entry, PRELOAD, sizeof PRELOAD - 1) != 0)
            copy[kept++] = *entry;
    for (size_t i = 0; i < ours_count; i++) {
        char name[64];
        size_t length = strcspn(ours[i], "=");
        struct text text = text_on(name, sizeof name);
        text_bytes(&text, ours[i], length);
        if (!environment_value(environment, name))
            copy[kept++] = ours[i];
    }
    char *strings = (char *)(copy + count(environment) + OPTION_COUNT + 2);
    if (preload_entry(strings, preload, foreign)[sizeof PRELOAD - 1])
        copy[kept++] = strings;
    copy[kept] = NULL;
    return (char *const *)copy;
}

void environment_announce(void)
{
    size_t entries_there = count(environ);
    char **copy = sys_mmap(NULL, (entries_there + 2) * sizeof *copy, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!copy || !ours_count)
        return;
    copy[0] = entries; /* the ticket. First: setproctitle measures by the last one, the kernel's */
    memcpy(copy + 1, environ, entries_there * sizeof *copy);
    environ = copy;
}
