/* The constructor and the end: joins the session named in the environment or, as the first process
 * of a tree, begins one; at the end says so, and the root writes the trace. */
#include "preload/start.h"

#include "base/sys.h"
#include "base/text.h"
#include "preload/calls.h"
#include "preload/descriptors.h"
#include "preload/environment.h"
#include "preload/locks.h"
#include "preload/memory_samples.h"
#include "preload/threads.h"
#include "preload/wrap.h"
#include "runtime/clock.h"
#include "runtime/export.h"
#include "runtime/modules.h"
#include "runtime/options.h"
#include "runtime/process.h"
#include "runtime/sampler.h"
#include "runtime/session.h"
#include "runtime/stack.h"
#include "runtime/unwind.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

extern int __cxa_at_quick_exit(void (*function)(void *), void *dso);

static struct {
    struct session_ticket ticket;
    char out[PATH_MAX];
    char program[PATH_MAX];
    char format[16];
    int announces; /* the environment does not name the session yet */
} start;

/* The vitte-trace command: beside the library, or in ../bin of where it is installed. */
static void find_program(const char *library)
{
    static const char *const places[] = {"/vitte-trace", "/../bin/vitte-trace",
                                         "/../../bin/vitte-trace"};
    const char *slash = strrchr(library, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof places[0]; i++) {
        struct text path = text_on(start.program, sizeof start.program);
        text_bytes(&path, library, (size_t)(slash - library));
        text_string(&path, places[i]);
        if (!text_overflowed(&path) && SYS4(SYS_faccessat, AT_FDCWD, start.program, X_OK, 0) == 0)
            return;
    }
}

static long find_out(const char *wanted)
{
    struct text path = text_on(start.out, sizeof start.out);
    if (!wanted || wanted[0] != '/') {
        long length = sys_getcwd(start.out, sizeof start.out);
        if (length < 0)
            return length;
        path.length = strlen(start.out);
        text_string(&path, "/");
    }
    text_string(&path, wanted && wanted[0] ? wanted : "vitte-trace.json");
    return text_overflowed(&path) ? -ENAMETOOLONG : 0;
}

/* vitte-trace-PID.vtrace beside the trace to come. */
static long name_folder(long pid, unsigned attempt)
{
    const char *slash = strrchr(start.out, '/');
    struct text path = text_on(start.ticket.folder, sizeof start.ticket.folder);
    text_bytes(&path, start.out, (size_t)(slash - start.out));
    text_string(&path, "/vitte-trace-");
    text_number(&path, (uint64_t)pid);
    if (attempt) {
        text_string(&path, "-");
        text_number(&path, attempt);
    }
    text_string(&path, ".vtrace");
    return text_overflowed(&path) ? -ENAMETOOLONG : 0;
}

static long create_session(char *const *environment)
{
    char command[8192];
    long pid = sys_getpid(), failed = find_out(option_value(environment, OPTION_OUT));
    if (failed)
        return failed;
    long fd = sys_open_high("/proc/self/cmdline", O_RDONLY, 0);
    long length = fd < 0 ? 0 : sys_read(fd, command, sizeof command);
    if (fd >= 0)
        sys_close(fd);
    struct session_config config = {
        .folder = start.ticket.folder,
        .out = start.out,
        .format = option_value(environment, OPTION_FORMAT),
        .events = option_value(environment, OPTION_EVENTS),
        .stacks = option_value(environment, OPTION_STACKS),
        .sample = option_value(environment, OPTION_SAMPLE),
        .command = command,
        .command_size = length > 0 ? (size_t)length : 0,
        .traceparent = environment_value(environment, "TRACEPARENT"),
        .root_pid = (uint32_t)pid,
    };
    failed = -EEXIST;
    for (unsigned attempt = 0; failed == -EEXIST && attempt < 1000; attempt++) {
        failed = name_folder(pid, attempt);
        if (!failed)
            failed = session_create(&config);
    }
    start.ticket.root_pid = (uint32_t)pid;
    start.ticket.root_namespace = session_pid_namespace();
    start.ticket.clock_in_nsec = clock_in_nsec;
    return failed;
}

/* Finds or makes the session. 1: this process began it. */
static long join_session(char *const *environment)
{
    const char *ticket = option_value(environment, OPTION_SESSION);
    if (ticket && session_ticket_read(&start.ticket, ticket) == 0) {
        clock_in_nsec = start.ticket.clock_in_nsec;
        return 0; /* where the trace goes is in the manifest: this folder may be another one */
    }
    long failed = create_session(environment);
    return failed ? failed : 1;
}

static int is_root(void)
{
    if (start.ticket.root_pid != process.pid || process_memory() != MEMORY_OWN)
        return 0;
    uint64_t here = session_pid_namespace();
    return !here || !start.ticket.root_namespace || here == start.ticket.root_namespace;
}

void start_finish(int status)
{
    static _Atomic int finished;
    if (atomic_load(&process.state) == PROCESS_OFF || process_memory() != MEMORY_OWN)
        return;
    int saved = errno;
    process_end(PROCESS_EXITED, status & 0xff); /* as wait() will say */
    if (!process.sealed && is_root() && !atomic_exchange(&finished, 1)) {
        process_stop();
        export_request.exiting = 1;
        export_request.environment = environ;
        export_run(&export_request);
    }
    errno = saved;
}

static void at_exit(int status, void *unused)
{
    (void)unused;
    start_finish(status);
}

static int quick_status; /* of quick_exit, which does not tell its handlers */

void start_quick_exit(int status)
{
    quick_status = status;
}

static void at_quick_exit_last(void *unused)
{
    (void)unused;
    start_finish(quick_status);
}

static uint64_t ticks_of_usec(uint64_t usec)
{
    uint64_t nsec;
    if (__builtin_mul_overflow(usec, 1000, &nsec))
        nsec = UINT64_MAX;
    return clock_ticks_since(process.live->start, nsec);
}

static void prepare_capture(char *const *environment)
{
    const char *after = option_value(environment, OPTION_STACK_AFTER);
    int only_uninstrumented;
    uint32_t hz =
        sample_parse(option_value(environment, OPTION_SAMPLE), &only_uninstrumented, NULL);
    process.stacks = stacks_parse(option_value(environment, OPTION_STACKS), NULL);
    process.stack_after = ticks_of_usec(after ? text_read_number(&after) : STACK_AFTER_USEC);
    uint32_t depth = stack_depth_parse(option_value(environment, OPTION_STACK_DEPTH));
    process.stack_depth = depth ? depth : UNWIND_USUAL;
    stack_find_by(option_value(environment, OPTION_UNWIND));
    uint32_t rate = bytes_parse(option_value(environment, OPTION_MEMORY_SAMPLE));
    if (rate && memory_samples_begin(rate) == 0)
        process.live->memory_rate = rate;
    stack_is_first();
    if (hz && process_captures(CATEGORY_SAMPLES))
        sampler_begin(hz, only_uninstrumented);
}

static void begin(char *const *environment)
{
    char ticket[PATH_MAX + 32];
    const char *library = modules_own_path();
    const char *keep = option_value(environment, OPTION_KEEP);
    const char *no_environment = option_value(environment, OPTION_EXEC_ENV);
    long joined = join_session(environment);
    if (joined < 0 || session_ticket_write(&start.ticket, ticket, sizeof ticket) != 0)
        return;
    if (process_begin(start.ticket.folder, call_table, CALL_NUMBERS) != 0) {
        if (joined == 1)
            session_undo(start.ticket.folder);
        return;
    }
    process.captured = categories_parse(option_value(environment, OPTION_EVENTS), NULL);
    if (!options_make_sense(environment))
        process_gap(GAP_OPTIONS);
    prepare_capture(environment);
    /* a copy: programs write titles over their environment */
    struct text format = text_on(start.format, sizeof start.format);
    const char *wanted = option_value(environment, OPTION_FORMAT);
    text_string(&format, wanted ? wanted : "");
    if (process_captures(CATEGORY_MEMORY) && !real_malloc_is_ours())
        process_gap(GAP_OWN_MALLOC);
    find_program(library);
    export_request = (struct export_request){
        .clone = real.clone,
        .program = start.program,
        .folder = start.ticket.folder,
        .out = start.out[0] ? start.out : NULL,
        .format = start.format[0] ? start.format : NULL,
        .out_is_users = option_value(environment, OPTION_OUT) != NULL,
        .remove = !(keep && keep[0] == '1'),
    };
    export_note_stderr();
    environment_prepare(library, ticket, environment, no_environment && no_environment[0] == '0');
    start.announces = joined == 1;
    modules_record_all();
    threads_prepare();
    const char *locks = option_value(environment, OPTION_LOCKS);
    locks_prepare(locks && strcmp(locks, "all") == 0);
    if (process_captures(CATEGORY_IO))
        descriptors_inherit();
    /* the first to be registered is the last to run (H46) */
    on_exit(at_exit, NULL);
    __cxa_at_quick_exit(at_quick_exit_last, NULL);
    thread_attach();
}

/* The sanitizers' runtimes. Their wrappers of libc must not be called before they have begun, which
 * those in a program itself do behind our constructor (H48). */
extern char __asan_init[] __attribute__((weak));
extern char __tsan_init[] __attribute__((weak));
extern char __msan_init[] __attribute__((weak));

static int is_sanitized(void)
{
    return __asan_init || __tsan_init || __msan_init;
}

/* gcc's runtime wants to be the first library, and says so and ends the program. It works as well
 * behind us. A program's own function of this name goes before ours. */
EXPORT const char *__asan_default_options(void);
EXPORT const char *__asan_default_options(void)
{
    return "verify_asan_link_order=0";
}

static void start_now(char **environment)
{
    static int started;
    if (started)
        return;
    started = 1;
    real_resolve();
    begin(environment);
}

__attribute__((constructor)) static void start_process(int argc, char **argv, char **environment)
{
    int saved = errno;
    char **there = environ;
    (void)argc;
    (void)argv;
    if (is_sanitized())
        return;
    if (!there) /* an allocator that begins with our lookups reads its options (H03) */
        environ = environment;
    real_resolve();
    environ = there; /* libc sets it later */
    start_now(environment);
    errno = saved;
}

/* Called by the _init of every library that crti.o is linked into, so also by those that dlopen
 * brings: the way to hear of them without standing between dlopen and its caller (H56). The first
 * calls come behind libc's own start, which is behind ours (-z initfirst) and sets environ. */
EXPORT void __gmon_start__(void)
{
    if (is_sanitized() && environ) {
        int saved = errno;
        start_now(environ);
        errno = saved;
    }
    if (start.announces && environ) {
        start.announces = 0;
        environment_announce();
    }
    if (atomic_load(&process.state) == PROCESS_ON && thread_attach()) {
        unwind_forget();
        modules_record_at(__builtin_return_address(0));
    }
}
