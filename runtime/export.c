/* The exporter as a child that nobody notices: a clone without an exit signal, sharing our memory
 * until it execs, so neither SIGCHLD handlers nor wait() loops of the program see it. See export.h.
 */
#include "runtime/export.h"

#include "base/sys.h"
#include "runtime/options.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

struct export_request export_request;
static struct stat first_stderr; /* zeros: there was none */

static struct stat stderr_now(void)
{
    struct stat now = {0};
    if (SYS4(SYS_newfstatat, 2, "", &now, AT_EMPTY_PATH) != 0)
        now = (struct stat){0};
    return now;
}

void export_note_stderr(void)
{
    first_stderr = stderr_now();
}

enum { MAX_ENVIRONMENT = 4096, STACK_BYTES = 64 << 10 };

struct launch {
    const struct export_request *request;
    uint64_t signals; /* the mask that the program had */
    const char *arguments[12];
    const char *environment[MAX_ENVIRONMENT];
    _Alignas(64) char stack[STACK_BYTES];
};

static int is_ours(const char *entry)
{
    const char *session = option_variables[OPTION_SESSION];
    return strncmp(entry, "LD_PRELOAD=", 11) == 0 || strncmp(entry, session, strlen(session)) == 0;
}

static void prepare(struct launch *launch)
{
    const struct export_request *request = launch->request;
    const char **argument = launch->arguments;
    *argument++ = request->program;
    *argument++ = "export";
    *argument++ = request->folder;
    if (request->out) {
        *argument++ = "-o";
        *argument++ = request->out;
    } else {
        *argument++ = "--as-planned";
    }
    if (request->format) {
        *argument++ = "-f";
        *argument++ = request->format;
    }
    *argument++ = request->remove ? "--remove" : "--quiet";
    size_t kept = 0;
    for (char *const *entry = request->environment; entry && *entry; entry++)
        if (!is_ours(*entry) && kept < MAX_ENVIRONMENT - 1)
            launch->environment[kept++] = *entry;
}

/* Runs on its own stack in our memory: nothing but system calls. A failed exec says so on stderr,
 * because the user would otherwise look for a trace that is not there. */
static int child(void *data)
{
    struct launch *launch = data;
    struct stat now = stderr_now();
    if (!now.st_ino || now.st_ino != first_stderr.st_ino || now.st_dev != first_stderr.st_dev) {
        sys_close(2); /* in our table alone */
        long null = sys_open("/dev/null", O_RDWR, 0);
        if (null >= 0 && null != 2)
            SYS3(SYS_dup3, null, 2, 0);
    }
    sys_signals_restore(launch->signals);
    SYS3(SYS_execve, launch->request->program, launch->arguments, launch->environment);
    static const char message[] =
        "vitte-trace: cannot start the exporter; convert the session with `vitte-trace export ";
    sys_write(2, message, sizeof message - 1);
    sys_write(2, launch->request->folder, strlen(launch->request->folder));
    sys_write(2, "`\n", 2);
    SYS1(SYS_exit, 127);
    return 0;
}

long export_run(const struct export_request *request)
{
    struct launch *launch =
        sys_mmap(NULL, sizeof *launch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!launch)
        return -ENOMEM;
    launch->request = request;
    prepare(launch);
    launch->signals = sys_signals_block();
    int status = 0;
    /* glibc's clone, for its stack switch; it does not run the atfork handlers */
    long pid = request->clone(child, launch->stack + STACK_BYTES, CLONE_VM | CLONE_VFORK, launch);
    if (!request->exiting)
        sys_signals_restore(launch->signals);
    long waited = pid < 0 ? -EAGAIN : -EINTR;
    while (waited == -EINTR)
        waited = SYS4(SYS_wait4, pid, &status, __WALL, 0);
    if (request->exiting)
        sys_signals_restore(launch->signals);
    sys_munmap(launch, sizeof *launch);
    if (waited < 0)
        return waited;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
}
