/* Functions that must not have a frame of ours around them: vfork and setjmp return twice, longjmp
 * never. Each calls a note-taker and then jumps to the real one with registers and stack as they
 * were.
 *
 * setjmp and longjmp are recorded (by the address of the jmp_buf) in processes with instrumented
 * functions: they tell the reader how many calls a longjmp ended. */
#include "preload/start.h"
#include "preload/wrap.h"
#include "tail_call.h"

#include <dlfcn.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/syscall.h>

static long fail(void)
{
    errno = ENOSYS;
    return -1;
}

static void *target(void **slot)
{
    if (!*slot)
        real_resolve();
    return *slot ? *slot : (void *)fail;
}

static void note(unsigned type, const void *buffer)
{
    if (process_captures(CATEGORY_FUNCTIONS) && process.live && process.live->instrumented)
        emit_record(type, clock_tick(), 0, (uint64_t[]){(uint64_t)(uintptr_t)buffer}, 1);
}

/* A fork's child that has done nothing yet takes its files now: in its own child it would be too
 * late, the memory would look like that one's. */
static void lending(void)
{
    thread_attach();
    thread_before_vfork();
}

static void vforking(void)
{
    if (process_captures(CATEGORY_PROCESSES))
        call_note(NUMBER_vfork, NULL, 0);
    lending();
}

#define BEFORE(name, what)                                                                         \
    __attribute__((used, visibility("hidden"))) void *before_##name(const void *argument,          \
                                                                    const void *second);           \
    void *before_##name(const void *argument, const void *second)                                  \
    {                                                                                              \
        (void)argument;                                                                            \
        (void)second;                                                                              \
        what;                                                                                      \
        return target(&real.name);                                                                 \
    }                                                                                              \
    TAIL_CALL(name, before_##name)

/* clone is no tail call, its child has a stack of its own; but one that borrows our memory while we
 * wait is a vfork (H38). Not recorded: what it makes is not always a process. */
EXPORT int clone(int (*body)(void *), void *stack, int flags, void *argument, ...)
{
    va_list rest;
    va_start(rest, argument);
    pid_t *parent_tid = va_arg(rest, pid_t *);
    void *tls = va_arg(rest, void *);
    pid_t *child_tid = va_arg(rest, pid_t *);
    va_end(rest);
    int (*really)(int (*)(void *), void *, int, void *, ...) = target(&real.clone);
    if (flags & CLONE_VFORK && flags & CLONE_VM)
        lending();
    return really(body, stack, flags, argument, parent_tid, tls, child_tid);
}

/* Libraries. The loader looks at its caller for RUNPATH and $ORIGIN (H56). */
static void loads(const char *path, int flags, uint32_t gap)
{
    if (gap || flags & RTLD_DEEPBIND)
        process_gap(gap | (flags & RTLD_DEEPBIND ? GAP_DEEPBIND : 0));
    if (path && process_captures(CATEGORY_PROCESSES) && thread_room())
        call_note(NUMBER_dlopen, F1(PATH, path));
}

/* System calls without a function of libc's: they are no events, but some have to be known. */
static void calls_directly(long number, long argument)
{
    switch (number) {
    case SYS_futex:
        if (process.live)
            __atomic_fetch_add(&process.live->raw_futexes, 1, __ATOMIC_RELAXED);
        break;
    case SYS_io_uring_setup:
        process_gap(GAP_IO_URING);
        break;
    case SYS_seccomp:
        if (argument == SECCOMP_SET_MODE_STRICT)
            process_leave();
        else if (argument == SECCOMP_SET_MODE_FILTER && process_seal())
            process_gap(GAP_SEALED);
        break;
#ifdef SYS_vfork
    case SYS_vfork:
        lending();
        break;
#endif
    case SYS_clone:
        if (argument & CLONE_VFORK && argument & CLONE_VM)
            lending();
        break;
    }
}

BEFORE(dlopen, loads(argument, (int)(intptr_t)second, 0))
BEFORE(dlmopen, loads(second, 0, GAP_NAMESPACE))
BEFORE(syscall, calls_directly((long)argument, (long)second))
BEFORE(vfork, vforking())
BEFORE(quick_exit, start_quick_exit((int)(intptr_t)argument))
BEFORE(setjmp, note(EVENT_SETJMP, argument))
BEFORE(_setjmp, note(EVENT_SETJMP, argument))
BEFORE(__sigsetjmp, note(EVENT_SETJMP, argument))
BEFORE(longjmp, note(EVENT_LONGJMP, argument))
BEFORE(_longjmp, note(EVENT_LONGJMP, argument))
BEFORE(siglongjmp, note(EVENT_LONGJMP, argument))
BEFORE(__longjmp_chk, note(EVENT_LONGJMP, argument))
