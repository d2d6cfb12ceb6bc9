/* Creating and handing on a session: see session.h. Used in the traced root process, so no libc
 * state and no allocation; the manifest is put together in a bounded buffer. */
#include "runtime/session.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

enum { MANIFEST_BYTES = 256 << 10 };

static void json_field(struct text *text, const char *name, const char *value)
{
    text_string(text, ",\n  ");
    text_json(text, name, strlen(name));
    text_string(text, ": ");
    if (value)
        text_json(text, value, strlen(value));
    else
        text_string(text, "null");
}

static void json_number(struct text *text, const char *name, uint64_t value)
{
    text_string(text, ",\n  ");
    text_json(text, name, strlen(name));
    text_string(text, ": ");
    text_number(text, value);
}

static void json_command(struct text *text, const char *command, size_t size)
{
    text_string(text, ",\n  \"command\": [");
    for (size_t at = 0; at < size;) {
        size_t length = strnlen(command + at, size - at);
        text_string(text, at ? ", " : "");
        text_json(text, command + at, length);
        at += length + 1;
    }
    text_string(text, "]");
}

/* First line of a small file of the kernel's. */
static void read_line(const char *path, char *buffer, size_t size)
{
    long fd = sys_open_high(path, O_RDONLY, 0);
    long length = fd < 0 ? 0 : sys_read(fd, buffer, size - 1);
    if (fd >= 0)
        sys_close(fd);
    buffer[length > 0 ? length : 0] = '\0';
    buffer[strcspn(buffer, "\n")] = '\0';
}

static void json_host(struct text *text)
{
    struct utsname host = {.sysname = ""};
    char boot[64];
    SYS1(SYS_uname, &host);
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    json_field(text, "host", host.nodename);
    json_field(text, "kernel", host.release);
    json_field(text, "machine", host.machine);
    json_field(text, "boot_id", boot);
}

static void write_manifest(struct text *text, const struct session_config *config)
{
    char directory[PATH_MAX] = "";
    struct timespec wall = {0, 0};
    struct clock_pair now = clock_read_pair();
    sys_clock_gettime(CLOCK_REALTIME, &wall);
    sys_getcwd(directory, sizeof directory);
    text_string(text, "{\n  \"vitte_trace_session\": ");
    text_number(text, LAYOUT_VERSION);
    json_number(text, "root_pid", config->root_pid);
    json_command(text, config->command, config->command_size);
    json_field(text, "directory", directory);
    json_field(text, "out", config->out);
    json_field(text, "format", config->format);
    json_field(text, "events", config->events);
    json_field(text, "stacks", config->stacks);
    json_field(text, "sample", config->sample);
    json_field(text, "traceparent", config->traceparent);
    json_host(text);
    json_field(text, "clock", clock_in_nsec ? "monotonic" : "cycles");
    json_number(text, "start_tick", now.tick);
    json_number(text, "start_monotonic_ns", now.nsec);
    json_number(text, "start_realtime_ns",
                (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec);
    text_string(text, "\n}\n");
}

static long store(const char *path, const struct text *text)
{
    long fd = sys_open_high(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return fd;
    long failed = sys_write_all(fd, text->data, text->length);
    sys_close(fd);
    return failed;
}

/* Others can add files, not see, open or remove those that are not theirs. */
enum { SHARED_FOLDER = 01733 };

long session_create(const struct session_config *config)
{
    char path[PATH_MAX];
    struct text name = text_on(path, sizeof path);
    text_string(&name, config->folder);
    text_string(&name, "/session.json");
    if (text_overflowed(&name))
        return -ENAMETOOLONG;
    long failed = sys_mkdir(config->folder, 0700);
    if (failed)
        return failed;
    if (SYS0(SYS_geteuid) == 0) /* processes may become other users', and add their files */
        SYS4(SYS_fchmodat, AT_FDCWD, config->folder, SHARED_FOLDER, 0);
    clock_in_nsec = !arch_ticks_reliable();
    char *memory =
        sys_mmap(NULL, MANIFEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!memory)
        return -ENOMEM;
    struct text text = text_on(memory, MANIFEST_BYTES);
    write_manifest(&text, config);
    if (text_overflowed(&text)) { /* a command line of more than 200 KB: name the program alone */
        struct session_config shorter = *config;
        shorter.command_size = strnlen(config->command, 4096);
        text = text_on(memory, MANIFEST_BYTES);
        write_manifest(&text, &shorter);
    }
    failed = store(path, &text);
    sys_munmap(memory, MANIFEST_BYTES);
    if (failed) {
        session_undo(config->folder);
    }
    return failed;
}

long session_ticket_write(const struct session_ticket *ticket, char *buffer, size_t size)
{
    struct text text = text_on(buffer, size);
    text_string(&text, ticket->clock_in_nsec ? "n" : "t");
    text_number(&text, ticket->root_pid);
    text_string(&text, "@");
    text_number(&text, ticket->root_namespace);
    text_string(&text, ":");
    text_string(&text, ticket->folder);
    return text_overflowed(&text) ? -ENAMETOOLONG : 0;
}

long session_ticket_read(struct session_ticket *ticket, const char *value)
{
    uint64_t pid, name_space = 0;
    const char *at = value + 1;
    if (value[0] != 't' && value[0] != 'n')
        return -EINVAL;
    pid = text_read_number(&at);
    if (*at == '@') {
        at++;
        name_space = text_read_number(&at);
    }
    if (at == value + 1 || at[0] != ':' || at[1] != '/' || strlen(at + 1) >= PATH_MAX)
        return -EINVAL;
    ticket->root_pid = (uint32_t)pid;
    ticket->root_namespace = name_space;
    ticket->clock_in_nsec = value[0] == 'n';
    strcpy(ticket->folder, at + 1);
    return 0;
}

uint64_t session_pid_namespace(void)
{
    struct stat info = {0};
    long failed = SYS4(SYS_newfstatat, AT_FDCWD, "/proc/self/ns/pid", &info, 0);
    return failed ? 0 : info.st_ino;
}

void session_undo(const char *folder)
{
    char live[32];
    struct text own = text_on(live, sizeof live);
    text_number(&own, (uint64_t)sys_getpid());
    text_string(&own, "-0.live");
    const char *const files[] = {"session.json", live};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[PATH_MAX];
        struct text name = text_on(path, sizeof path);
        text_string(&name, folder);
        text_string(&name, "/");
        text_string(&name, files[i]);
        if (!text_overflowed(&name))
            sys_unlink(path);
    }
    SYS3(SYS_unlinkat, AT_FDCWD, folder, AT_REMOVEDIR);
}
