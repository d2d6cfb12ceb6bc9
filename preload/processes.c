/* Processes: the rows of calls/processes.def and their variadic relatives. The exec wrappers may
 * run in a vfork's child, on its parent's memory: there they record nothing and use the stack
 * alone. */
#include "base/sys.h"
#include "preload/environment.h"
#include "preload/locks.h"
#include "preload/start.h"
#include "preload/wrap.h"
#include "runtime/sampler_mask.h"

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    WRAP(category, result, type, name, parameters, arguments, fields)
#define NOTE(category, name, fields)
#include "preload/calls/processes.def"

#include <alloca.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static ALWAYS_INLINE pid_t forked(enum call_number number, pid_t (*fork_really)(void))
{
    uint64_t begun = process_captures(CATEGORY_PROCESSES) ? call_begin(number, 0) : 0;
    pid_t pid = fork_really();
    if (pid == 0) {
        if (process_captures(CATEGORY_LOCKS))
            locks_forked();
        thread_attach(); /* from its first moment: code that a handler interrupted holds our struct
                          */
    } else if (begun) {
        call_end(number, begun, RESULT_WORD_NUMBER(pid), NULL, 0);
    }
    return pid;
}

EXPORT pid_t fork(void)
{
    return forked(NUMBER_fork, real.fork);
}

EXPORT pid_t _Fork(void)
{
    return forked(NUMBER__Fork, real._Fork);
}

/* What an exec that may come back has to know: whether it is ours to record, and the mask. */
struct exec {
    int ours;
    uint64_t mask;
};

static struct exec exec_begins(const char *path, char *const *arguments)
{
    struct exec exec = {.mask = sampler_mask_hand_on()};
    if (atomic_load(&process.state) == PROCESS_OFF || process_is_borrowed())
        return exec;
    if (process_captures(CATEGORY_PROCESSES) && thread_room())
        call_note(NUMBER_exec, F2(PATH, path, ARGUMENTS, arguments));
    process_end(PROCESS_EXEC, 0);
    exec.ours = 1;
    return exec;
}

/* An exec that came back, with the fields of its row. */
#define EXEC_FAILED(name, ...)                                                                     \
    sampler_mask_take_back(exec.mask);                                                             \
    if (exec.ours) {                                                                               \
        uint64_t word = ERROR_WORD;                                                                \
        process_end(PROCESS_RUNNING, 0);                                                           \
        if (process_captures(CATEGORY_PROCESSES) && thread_room())                                 \
            call_end(NUMBER_##name, begun, word, __VA_ARGS__);                                     \
    }                                                                                              \
    return -1;

/* `environment` as the child should have it, on the caller's stack; one that cannot be any is left
 * to the kernel. */
#define CHILD_ENVIRONMENT(program, environment)                                                    \
    (environment && !is_plausible(environment)                                                     \
         ? environment                                                                             \
         : environment_for(program, environment, alloca(environment_room(environment))))

EXPORT int execve(const char *path, char *const *arguments, char *const *environment)
{
    char *const *given = CHILD_ENVIRONMENT(environment_program(AT_FDCWD, path), environment);
    uint64_t begun = clock_tick();
    struct exec exec = exec_begins(path, arguments);
    real.execve(path, arguments, given);
    EXEC_FAILED(execve, F1(PATH, path))
}

EXPORT int execvpe(const char *path, char *const *arguments, char *const *environment)
{
    char *const *given = CHILD_ENVIRONMENT(environment_program_searched(path), environment);
    uint64_t begun = clock_tick();
    struct exec exec = exec_begins(path, arguments);
    real.execvpe(path, arguments, given);
    EXEC_FAILED(execvpe, F1(PATH, path))
}

EXPORT int execv(const char *path, char *const *arguments)
{
    return execve(path, arguments, environ);
}

EXPORT int execvp(const char *path, char *const *arguments)
{
    return execvpe(path, arguments, environ);
}

/* What it calls itself; the kernel, not we, answers a NULL. */
static const char *first_of(char *const *arguments)
{
    return is_plausible(arguments) ? arguments[0] : NULL;
}

EXPORT int fexecve(int fd, char *const *arguments, char *const *environment)
{
    char *const *given = CHILD_ENVIRONMENT(environment_program(fd, ""), environment);
    uint64_t begun = clock_tick();
    struct exec exec = exec_begins(first_of(arguments), arguments);
    real.fexecve(fd, arguments, given);
    EXEC_FAILED(fexecve, F1(FD, fd))
}

EXPORT int execveat(int folder, const char *path, char *const *arguments, char *const *environment,
                    int flags)
{
    char *const *given = CHILD_ENVIRONMENT(environment_program(folder, path), environment);
    uint64_t begun = clock_tick();
    struct exec exec = exec_begins(path, arguments);
    real.execveat(folder, path, arguments, given, flags);
    EXEC_FAILED(execveat, F2(FD, folder, PATH, path))
}

/* The arguments of execl and its kin as an array on the caller's stack; `rest` is left behind the
 * closing NULL, where execle has its environment. */
#define COLLECT(first, rest, list)                                                                 \
    size_t count = 1;                                                                              \
    va_list counting;                                                                              \
    va_start(counting, first);                                                                     \
    while (va_arg(counting, char *))                                                               \
        count++;                                                                                   \
    va_end(counting);                                                                              \
    const char **list = alloca((count + 1) * sizeof *list);                                        \
    va_list rest;                                                                                  \
    va_start(rest, first);                                                                         \
    list[0] = first;                                                                               \
    for (size_t i = 1; i <= count; i++)                                                            \
        list[i] = va_arg(rest, char *);

EXPORT int execl(const char *path, const char *first, ...)
{
    COLLECT(first, rest, list)
    va_end(rest);
    return execve(path, (char *const *)list, environ);
}

EXPORT int execlp(const char *path, const char *first, ...)
{
    COLLECT(first, rest, list)
    va_end(rest);
    return execvpe(path, (char *const *)list, environ);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    COLLECT(first, rest, list)
    char *const *environment = va_arg(rest, char *const *);
    va_end(rest);
    return execve(path, (char *const *)list, environment);
}

typedef int spawn_function(pid_t *, const char *, const posix_spawn_file_actions_t *,
                           const posix_spawnattr_t *, char *const *, char *const *);

static ALWAYS_INLINE int spawned(enum call_number number, spawn_function *spawn, pid_t *pid,
                                 const char *path, const posix_spawn_file_actions_t *actions,
                                 const posix_spawnattr_t *attributes, char *const *arguments,
                                 char *const *environment)
{
    pid_t child = 0;
    uint64_t begun = process_captures(CATEGORY_PROCESSES) ? call_begin(number, 0) : 0;
    uint64_t mask = sampler_mask_hand_on();
    int failed = spawn(&child, path, actions, attributes, arguments, environment);
    sampler_mask_take_back(mask);
    if (pid && !failed)
        *pid = child;
    if (begun)
        call_end(number, begun, (uint64_t)failed, F3(PATH, path, ARGUMENTS, arguments, PID, child));
    return failed;
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const *arguments,
                       char *const *environment)
{
    return spawned(NUMBER_posix_spawn, real.posix_spawn, pid, path, actions, attributes, arguments,
                   CHILD_ENVIRONMENT(environment_program(AT_FDCWD, path), environment));
}

EXPORT int posix_spawnp(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const *arguments,
                        char *const *environment)
{
    return spawned(NUMBER_posix_spawnp, real.posix_spawnp, pid, path, actions, attributes,
                   arguments, CHILD_ENVIRONMENT(environment_program_searched(path), environment));
}

#define HANDING_ON(type, name, arguments)                                                          \
    uint64_t mask = sampler_mask_hand_on();                                                        \
    type answer = real.name arguments;                                                             \
    sampler_mask_take_back(mask)

EXPORT int system(const char *command)
{
    WRAPPED_BY(HANDING_ON, PROCESSES, NUMBER, int, system, (command), F1(COMMAND, command));
}

/* A process that gives up its rights takes its files in the session along. */
#define BECOME(name, parameters, arguments, fields)                                                \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        uint64_t begun =                                                                           \
            process_captures(CATEGORY_PROCESSES) ? call_begin(NUMBER_##name, user) : 0;            \
        if (user != 0 && user != (uid_t)-1)                                                        \
            process_give(user);                                                                    \
        int answer = real.name arguments;                                                          \
        if (begun)                                                                                 \
            call_end(NUMBER_##name, begun, RESULT_WORD_NUMBER(answer), fields);                    \
        return answer;                                                                             \
    }
BECOME(setuid, (uid_t user), (user), F1(NUMBER, user))
BECOME(seteuid, (uid_t user), (user), F1(NUMBER, user))
BECOME(setreuid, (uid_t real_user, uid_t user), (real_user, user), F1(NUMBER, user))
BECOME(setresuid, (uid_t real_user, uid_t user, uid_t saved), (real_user, user, saved),
       F1(NUMBER, user))

static void exits(int status)
{
    if (atomic_load(&process.state) == PROCESS_OFF || process_is_borrowed())
        return;
    if (process_captures(CATEGORY_PROCESSES))
        call_note(NUMBER_exit, (uint64_t[]){(uint64_t)status}, 1);
    start_finish(status);
}

EXPORT void _exit(int status)
{
    exits(status);
    real._exit(status);
    SYS1(SYS_exit_group, status); /* there was no _exit (H07) */
    __builtin_unreachable();
}

EXPORT void _Exit(int status)
{
    exits(status);
    real._Exit(status);
    SYS1(SYS_exit_group, status);
    __builtin_unreachable();
}
