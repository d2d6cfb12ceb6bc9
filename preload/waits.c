/* Waiting for descriptors, time, signals, children and threads: the rows of calls/waits.def. */
#include "preload/signals.h"
#include "preload/wrap.h"
#include "runtime/sampler.h"

#include <sched.h>
#include <unistd.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    EXPORT type name parameters                                                                    \
    {                                                                                              \
        WAITED_##result(type, name, arguments, fields)                                             \
    }
#define WAITED_ERROR(type, name, arguments, ...)                                                   \
    WRAPPED(WAITS, ERROR, type, name, arguments, __VA_ARGS__)
#define WAITED_ANSWER(type, name, arguments, ...)                                                  \
    WRAPPED(WAITS, ANSWER, type, name, arguments, __VA_ARGS__)
#define WAITED_NUMBER(type, name, arguments, ...)                                                  \
    WRAPPED_BY(AGAIN, WAITS, NUMBER, type, name, arguments, __VA_ARGS__)

/* Makes the call again when what interrupted it was our handler, for a signal that the thread
 * believes to be blocked: once in a process, if ever. */
#define AGAIN(type, name, arguments)                                                               \
    type answer;                                                                                   \
    unsigned passed_on;                                                                            \
    do {                                                                                           \
        passed_on = sampler_self.passed_on;                                                        \
        answer = real.name arguments;                                                              \
    } while (answer == (type)-1 && errno == EINTR && passed_on != sampler_self.passed_on)
#include "preload/calls/waits.def"

#define AS_IT_IS signals_for_wait(mask, &copy)
#define MASKED(name, parameters, arguments, ...)                                                   \
    EXPORT int name parameters                                                                     \
    {                                                                                              \
        sigset_t copy;                                                                             \
        WAITED_NUMBER(int, name, arguments, __VA_ARGS__)                                           \
    }
MASKED(ppoll,
       (struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask),
       (fds, count, timeout, AS_IT_IS), F1(COUNT, count))
MASKED(__ppoll_chk,
       (struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
        size_t room),
       (fds, count, timeout, AS_IT_IS, room), F1(COUNT, count))
MASKED(pselect,
       (int count, fd_set *reads, fd_set *writes, fd_set *errors, const struct timespec *timeout,
        const sigset_t *mask),
       (count, reads, writes, errors, timeout, AS_IT_IS), F1(COUNT, count))
MASKED(epoll_pwait,
       (int fd, struct epoll_event *events, int count, int timeout, const sigset_t *mask),
       (fd, events, count, timeout, AS_IT_IS), F3(FD, fd, COUNT, count, TIMEOUT, timeout))
MASKED(epoll_pwait2,
       (int fd, struct epoll_event *events, int count, const struct timespec *timeout,
        const sigset_t *mask),
       (fd, events, count, timeout, AS_IT_IS), F2(FD, fd, COUNT, count))
MASKED(sigsuspend, (const sigset_t *mask), (AS_IT_IS), F0())

/* How the child ended is asked for in any case: the program may not want to know. */
#define WAIT(name, parameters, arguments, wanted, fields)                                          \
    EXPORT pid_t name parameters                                                                   \
    {                                                                                              \
        int mine = -1;                                                                             \
        uint64_t begun = process_captures(CATEGORY_WAITS)                                          \
                             ? call_begin(NUMBER_##name, (uint64_t)(int64_t)(wanted))              \
                             : 0;                                                                  \
        if (!status)                                                                               \
            status = &mine;                                                                        \
        pid_t answer = real.name arguments;                                                        \
        if (begun) {                                                                               \
            uint64_t word = RESULT_WORD_NUMBER(answer);                                            \
            int told = answer > 0 ? *status : -1;                                                  \
            call_end(NUMBER_##name, begun, word, fields);                                          \
        }                                                                                          \
        return answer;                                                                             \
    }
WAIT(wait, (int *status), (status), -1, F1(STATUS, told))
WAIT(waitpid, (pid_t pid, int *status, int options), (pid, status, options), pid,
     F2(PID, pid, STATUS, told))
WAIT(wait3, (int *status, int options, struct rusage *usage), (status, options, usage), -1,
     F1(STATUS, told))
WAIT(wait4, (pid_t pid, int *status, int options, struct rusage *usage),
     (pid, status, options, usage), pid, F2(PID, pid, STATUS, told))

/* waitid says it in its own words; `told` is in those of the others. */
static int status_of(const siginfo_t *info)
{
    switch (info->si_code) {
    case CLD_EXITED:
        return (info->si_status & 0xff) << 8;
    case CLD_KILLED:
        return info->si_status & 0x7f;
    case CLD_DUMPED:
        return (info->si_status & 0x7f) | 0x80;
    }
    return -1;
}

EXPORT int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    siginfo_t mine = {.si_pid = 0};
    uint64_t begun = process_captures(CATEGORY_WAITS) ? call_begin(NUMBER_waitid, id) : 0;
    if (!info)
        info = &mine;
    int answer = real.waitid(type, id, info, options);
    if (begun) {
        uint64_t word = RESULT_WORD_NUMBER(answer);
        int there = answer == 0 && info->si_pid;
        call_end(NUMBER_waitid, begun, word,
                 F2(PID, there ? info->si_pid : -1, STATUS, there ? status_of(info) : -1));
    }
    return answer;
}
