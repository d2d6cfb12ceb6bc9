/* Starting a command under the preload and waiting for it, so that nobody notices who started it.
 */
#include "cli/cli.h"

#include "collector/endings.h"
#include "collector/program.h"
#include "runtime/clock.h"
#include "runtime/options.h"
#include "runtime/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t child_pid;

/* libvittetrace.so: beside this program, or in the lib folder next to its bin folder. */
static int find_library(char *library, size_t size)
{
    static const char *const places[] = {"libvittetrace.so", "../lib/libvittetrace.so",
                                         "../lib64/libvittetrace.so"};
    char self[PATH_MAX], candidate[2 * PATH_MAX], resolved[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return -1;
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof places[0]; i++) {
        snprintf(candidate, sizeof candidate, "%.*s/%s", (int)(slash - self), self, places[i]);
        if (realpath(candidate, resolved) && access(resolved, R_OK) == 0) {
            snprintf(library, size, "%s", resolved);
            return 0;
        }
    }
    return fail(-1, "cannot find libvittetrace.so beside %s or in its ../lib; install it there",
                self);
}

/* ld.so splits LD_PRELOAD at spaces and colons (H40): such a path is reached through a link. */
static int make_path_safe(char *library, size_t size, char *link_folder)
{
    link_folder[0] = '\0';
    if (!strpbrk(library, " :"))
        return 0;
    char link[PATH_MAX];
    strcpy(link_folder, "/tmp/vitte-trace-XXXXXX");
    if (!mkdtemp(link_folder))
        return fail(-1,
                    "cannot make a link to %s in /tmp: %s; its path has a space or a colon, which "
                    "LD_PRELOAD cannot hold",
                    library, strerror(errno));
    snprintf(link, sizeof link, "%s/libvittetrace.so", link_folder);
    if (symlink(library, link) != 0)
        return fail(-1, "cannot make the link %s: %s", link, strerror(errno));
    snprintf(library, size, "%s", link);
    return 0;
}

/* Says beforehand what a preload cannot see (H40, H41): the trace would be empty without a word. */
static void warn_about(const char *name)
{
    char path[PATH_MAX];
    program_find(name, path, sizeof path);
    const char *why = path[0] ? program_untraceable(path) : NULL;
    if (why)
        fail(0, "%s %s; only dynamic programs that it starts will be in the trace", path, why);
}

static void set_up_environment(const struct capture *capture, const char *library)
{
    char value[2 * PATH_MAX], ticket_text[PATH_MAX + 32];
    const char *before = getenv("LD_PRELOAD");
    struct session_ticket ticket = {.root_pid = 0, .clock_in_nsec = clock_in_nsec};
    snprintf(ticket.folder, sizeof ticket.folder, "%s", capture->folder);
    session_ticket_write(&ticket, ticket_text, sizeof ticket_text);
    snprintf(value, sizeof value, "%s%s%s", library, before && before[0] ? ":" : "",
             before ? before : "");
    setenv("LD_PRELOAD", value, 1);
    setenv(option_variables[OPTION_SESSION], ticket_text, 1);
    for (int i = 0; i < OPTION_COUNT; i++)
        if (capture->settings[i])
            setenv(option_variables[i], capture->settings[i], 1);
}

static const char *setting(const struct capture *capture, enum capture_option option)
{
    return capture->settings[option] ? capture->settings[option] : getenv(option_variables[option]);
}

static int make_session(const struct capture *capture)
{
    char command[128 << 10];
    size_t size = 0;
    for (char **argument = capture->command; *argument; argument++) {
        size_t length = strlen(*argument) + 1;
        if (length > sizeof command - size)
            break;
        memcpy(command + size, *argument, length);
        size += length;
    }
    struct session_config config = {.folder = capture->folder,
                                    .out = capture->out,
                                    .format = capture->format,
                                    .events = setting(capture, OPTION_EVENTS),
                                    .stacks = setting(capture, OPTION_STACKS),
                                    .sample = setting(capture, OPTION_SAMPLE),
                                    .command = command,
                                    .command_size = size,
                                    .traceparent = getenv("TRACEPARENT"),
                                    .root_pid = (uint32_t)getpid()};
    long failed = session_create(&config);
    if (failed == -EEXIST)
        return fail(-1, "%s exists already; remove it, or name another session with -o",
                    capture->folder);
    if (failed)
        return fail(-1, "cannot make the session folder %s: %s; name another place with -o",
                    capture->folder, strerror((int)-failed));
    return 0;
}

static void forward(int signal)
{
    if (child_pid > 0)
        kill(child_pid, signal);
}

/* Ctrl-C and Ctrl-\ reach the command from the terminal itself; what is sent to us alone is passed
 * on. The command gets the dispositions that we were started with. */
static const struct {
    int signal;
    void (*handler)(int);
} handled[] = {{SIGINT, SIG_IGN},
               {SIGQUIT, SIG_IGN},
               {SIGTERM, forward},
               {SIGHUP, forward},
               {SIGCHLD, SIG_DFL}}; /* ignored, it would take the command's status away */
enum { HANDLED = sizeof handled / sizeof handled[0] };
static struct sigaction inherited[HANDLED];

static void set_signals(void)
{
    for (size_t i = 0; i < HANDLED; i++) {
        struct sigaction action = {.sa_handler = handled[i].handler};
        sigaction(handled[i].signal, &action, &inherited[i]);
    }
}

static void restore_signals(void)
{
    for (size_t i = 0; i < HANDLED; i++)
        sigaction(handled[i].signal, &inherited[i], NULL);
}

/* Signals wait until it is known to whom they are passed on. */
static pid_t start(const struct capture *capture, const char *library, int *exec_errno)
{
    int channel[2];
    sigset_t ours, before;
    if (pipe2(channel, O_CLOEXEC) != 0)
        return -1;
    sigemptyset(&ours);
    for (size_t i = 0; i < HANDLED; i++)
        sigaddset(&ours, handled[i].signal);
    sigprocmask(SIG_BLOCK, &ours, &before);
    pid_t pid = fork();
    if (pid == 0) {
        restore_signals();
        sigprocmask(SIG_SETMASK, &before, NULL);
        set_up_environment(capture, library);
        execvp(capture->command[0], capture->command);
        int error = errno;
        if (write(channel[1], &error, sizeof error) < 0)
            _exit(127);
        _exit(127);
    }
    child_pid = pid;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(channel[1]);
    ssize_t got;
    do
        got = read(channel[0], exec_errno, sizeof *exec_errno);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof *exec_errno)
        *exec_errno = 0;
    close(channel[0]);
    return pid;
}

int capture_run(const struct capture *capture, int *exit_status, uint64_t *wall_ns)
{
    char library[PATH_MAX], link_folder[32];
    struct timespec before, after;
    int status = 0, exec_errno = 0;
    *exit_status = EXIT_FAILED;
    if (find_library(library, sizeof library) != 0 ||
        make_path_safe(library, sizeof library, link_folder) != 0 || make_session(capture) != 0)
        return -1;
    warn_about(capture->command[0]);
    set_signals();
    clock_gettime(CLOCK_MONOTONIC, &before);
    pid_t pid = start(capture, library, &exec_errno);
    if (pid < 0) {
        remove_session(capture->folder);
        return fail(-1, "cannot start a process: %s", strerror(errno));
    }
    pid_t reaped;
    while ((reaped = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    child_pid = 0;
    if (reaped == pid)
        endings_write_command(capture->folder, (uint32_t)pid, status, clock_read_pair());
    clock_gettime(CLOCK_MONOTONIC, &after);
    *wall_ns = (uint64_t)(after.tv_sec - before.tv_sec) * 1000000000u + (uint64_t)after.tv_nsec -
               (uint64_t)before.tv_nsec;
    if (link_folder[0]) {
        unlink(library);
        rmdir(link_folder);
    }
    if (exec_errno) {
        *exit_status = exec_errno == ENOENT ? 127 : 126;
        remove_session(capture->folder);
        return fail(-1, "cannot run %s: %s", capture->command[0], strerror(exec_errno));
    }
    return status;
}

void end_like(int wait_status)
{
    if (WIFSIGNALED(wait_status)) {
        struct rlimit no_core = {0, 0};
        sigset_t one;
        setrlimit(RLIMIT_CORE, &no_core);
        signal(WTERMSIG(wait_status), SIG_DFL);
        sigemptyset(&one);
        sigaddset(&one, WTERMSIG(wait_status));
        sigprocmask(SIG_UNBLOCK, &one, NULL);
        raise(WTERMSIG(wait_status));
    }
    exit(WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status));
}
