/* See support.h. */
#include "tests/support.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[PATH_MAX];

/* Test programs lie in BUILD/tests; what they test in BUILD. */
static const char *build_folder(void)
{
    static char build[PATH_MAX];
    if (!build[0]) {
        ssize_t length = readlink("/proc/self/exe", build, sizeof build - 1);
        ck_assert_int_gt(length, 0);
        build[length] = '\0';
        for (int up = 0; up < 2; up++)
            *strrchr(build, '/') = '\0';
    }
    return build;
}

static const char *built(const char *name)
{
    static char paths[8][PATH_MAX + 256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", build_folder(), name);
    return path;
}

const char *built_library(void)
{
    return built("libvittetrace.so");
}

const char *built_command(void)
{
    return built("vitte-trace");
}

const char *built_program(const char *name)
{
    char relative[128];
    snprintf(relative, sizeof relative, "tests/%s", name);
    return built(relative);
}

void enter_folder(void)
{
    const char *base = getenv("TMPDIR");
    build_folder();
    snprintf(folder, sizeof folder, "%s/vitte-test-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

void leave_folder(void)
{
    char command[2 * PATH_MAX + 64];
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "chmod -R u+rwx '%s'; rm -rf '%s'", folder, folder);
    ck_assert_int_eq(system(command), 0);
}

static char *read_all(FILE *file, size_t *size)
{
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(1, *size + 1);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(fread(text, 1, *size, file), *size);
    fclose(file);
    return text;
}

static struct outcome run(const char *command, const char *preload)
{
    struct outcome outcome = {0};
    FILE *out = tmpfile(), *err = tmpfile();
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(err);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fileno(out), 1);
        dup2(fileno(err), 2);
        if (preload)
            setenv("LD_PRELOAD", preload, 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    ck_assert_int_gt(pid, 0);
    while (waitpid(pid, &outcome.status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    outcome.code =
        WIFEXITED(outcome.status) ? WEXITSTATUS(outcome.status) : 128 + WTERMSIG(outcome.status);
    outcome.out = read_all(out, &outcome.out_size);
    outcome.err = read_all(err, &outcome.err_size);
    return outcome;
}

#define FORMAT(text, format)                                                                       \
    char text[8192];                                                                               \
    va_list arguments;                                                                             \
    va_start(arguments, format);                                                                   \
    int length = vsnprintf(text, sizeof text, format, arguments);                                  \
    va_end(arguments);                                                                             \
    ck_assert_int_lt(length, (int)sizeof text)

struct outcome shell(const char *format, ...)
{
    FORMAT(command, format);
    return run(command, NULL);
}

struct outcome preloaded(const char *format, ...)
{
    FORMAT(command, format);
    char wrapped[8300];
    /* the shell itself stays untraced: the command is the root of its session */
    snprintf(wrapped, sizeof wrapped, "exec env LD_PRELOAD='%s' %s", built_library(), command);
    return run(wrapped, NULL);
}

struct outcome traced(const char *options, const char *format, ...)
{
    FORMAT(command, format);
    char wrapped[8500];
    snprintf(wrapped, sizeof wrapped, "exec '%s' run -q -o trace.ndjson %s -- %s", built_command(),
             options, command);
    return run(wrapped, NULL);
}

void outcome_free(struct outcome *outcome)
{
    free(outcome->out);
    free(outcome->err);
}

void run_ok(struct outcome run)
{
    ck_assert_msg(run.code == 0, "exit status %d: %s", run.code, run.err);
    outcome_free(&run);
}

json_t *load_json(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_ALLOW_NUL, &error);
    ck_assert_msg(json != NULL, "%s: line %d: %s", path, error.line, error.text);
    return json;
}

json_t *load_ndjson(const char *path)
{
    json_error_t error;
    json_t *events = json_array();
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    for (ssize_t length; (length = getline(&line, &room, file)) > 0;) {
        json_t *event = json_loadb(line, (size_t)length, JSON_ALLOW_NUL, &error);
        ck_assert_msg(event != NULL, "%s: %s: %s", path, error.text, line);
        json_array_append_new(events, event);
    }
    free(line);
    fclose(file);
    return events;
}

static int has(const json_t *event, const json_t *wanted)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
    {
        json_t *there = json_object_get(event, key);
        if (json_is_object(value) ? !has(there, value) : !json_equal(there, value))
            return 0;
    }
    return 1;
}

static json_t *pack(const char *format, va_list arguments)
{
    json_error_t error;
    json_t *wanted = json_vpack_ex(&error, 0, format, arguments);
    ck_assert_msg(wanted != NULL, "%s: %s", format, error.text);
    return wanted;
}

size_t count_events(const json_t *events, const char *format, ...)
{
    va_list arguments;
    size_t i, count = 0;
    json_t *event;
    va_start(arguments, format);
    json_t *wanted = pack(format, arguments);
    va_end(arguments);
    json_array_foreach(events, i, event) count += (size_t)has(event, wanted);
    json_decref(wanted);
    return count;
}

json_t *find_event(const json_t *events, const char *format, ...)
{
    va_list arguments;
    size_t i;
    json_t *event, *found = NULL;
    va_start(arguments, format);
    json_t *wanted = pack(format, arguments);
    va_end(arguments);
    json_array_foreach(events, i, event) if (!found && has(event, wanted)) found = event;
    json_decref(wanted);
    return found;
}

void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

long file_size(const char *name)
{
    struct stat info;
    return stat(name, &info) == 0 ? (long)info.st_size : -1;
}

/* Whatever ran us may ignore signals (nohup, a shell's background job), and programs inherit that.
 */
static void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
}

int run_suite(Suite *suite)
{
    reset_signals();
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
