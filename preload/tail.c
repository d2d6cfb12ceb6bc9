/* Functions that must not have a frame of ours around them: vfork and setjmp return twice, longjmp
 * never. Each calls a note-taker and then jumps to the real one with registers and stack as they
 * were; vfork is the system call itself, so that something can be done behind it.
 *
 * setjmp and longjmp are recorded (by the address of the jmp_buf) in processes with instrumented
 * functions: they tell the reader how many calls a longjmp ended. */
#include "base/sys.h"
#include "preload/signals.h"
#include "preload/start.h"
#include "preload/wrap.h"
#include "runtime/sampler.h"
#include "runtime/unwind.h"
#include "tail_call.h"

#include <dlfcn.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
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

/* A call of libc's that is left by a longjmp is over, although it does not come back. */
static void jumps(const void *buffer)
{
    if (thread_self->slot)
        __atomic_store_n(&thread_self->slot->now.call, 0, __ATOMIC_RELEASE);
    signals_jump();
    note(EVENT_LONGJMP, buffer);
}

static void lending(void)
{
    thread_before_vfork();
    atomic_fetch_add(&process.lent, 1);
}

static void returned(void)
{
    atomic_fetch_sub(&process.lent, 1);
}

/* From the lending on no handler may run before the child does: its events would find that the
 * memory is ours and take the room back, and the child would have it too (H38). */
__attribute__((used, visibility("hidden"))) long vfork_begins(void);
long vfork_begins(void)
{
    if (process_captures(CATEGORY_PROCESSES))
        call_note(NUMBER_vfork, NULL, 0);
    long mask = (long)sys_signals_block();
    lending();
    return mask;
}

/* In the child and then in its parent. */
__attribute__((used, visibility("hidden"))) long vfork_returns(long result, long mask);
long vfork_returns(long result, long mask)
{
    if (result != 0)
        returned();
    sys_signals_restore((uint64_t)mask);
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

VFORK(vfork_begins, vfork_returns)

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

/* A clone's child that borrows our memory while we wait: begins with the signals that we had. */
struct borrower {
    int (*body)(void *);
    void *argument;
    uint64_t mask;
};

static int borrow(void *argument)
{
    const struct borrower *borrower = argument;
    sys_signals_restore(borrower->mask);
    return borrower->body(borrower->argument);
}

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
    if (!(flags & CLONE_VFORK) || !(flags & CLONE_VM) || !body)
        return really(body, stack, flags, argument, parent_tid, tls, child_tid);
    struct borrower borrower = {body, argument, sys_signals_block()};
    lending();
    /* thread-local storage that is not libc's is not ours either: such a child (a browser's, on its
     * way into a sandbox) and whoever runs beside it meanwhile is left alone */
    if (flags & CLONE_SETTLS)
        process_pause();
    int answer = really(borrow, stack, flags, &borrower, parent_tid, tls, child_tid);
    if (flags & CLONE_SETTLS)
        process_resume();
    returned();
    sys_signals_restore(borrower.mask);
    return answer;
}

/* Libraries. The loader looks at its caller for RUNPATH and $ORIGIN (H56). */
static void loads(const char *path, int flags, uint32_t gap)
{
    if (gap || flags & RTLD_DEEPBIND)
        process_gap(gap | (flags & RTLD_DEEPBIND ? GAP_DEEPBIND : 0));
    unwind_forget();
    if (path && process_captures(CATEGORY_PROCESSES) && thread_room())
        call_note(NUMBER_dlopen, F1(PATH, path));
}

/* What enters a seccomp sandbox, and not what asks whether there is such a thing: libseccomp does
 * that, with flags or without a filter, in every program that has it. */
static void seals(long operation, long flags, const void *filter)
{
    if (operation == SECCOMP_SET_MODE_STRICT && !flags && !filter)
        process_leave();
    else if (operation == SECCOMP_SET_MODE_FILTER && filter && process_seal())
        process_gap(GAP_SEALED);
}

/* System calls without a function of libc's: they are no events, but some have to be known. */
static void calls_directly(long number, long argument, long second, const void *third)
{
    switch (number) {
    case SYS_futex:
        if (process.live)
            __atomic_fetch_add(&process.live->raw_futexes, 1, __ATOMIC_RELAXED);
        break;
    case SYS_io_uring_setup:
        process_gap(GAP_IO_URING);
        /* the kernel lets a sample's signal end its waits, where work of its own waits for the
         * thread as the timer does */
        if (sampler_is_on() && !process_is_borrowed())
            sampler_give_up();
        break;
    case SYS_seccomp:
        seals(argument, second, third);
        break;
#ifdef SYS_vfork
    case SYS_vfork:
        thread_before_vfork();
        break;
#endif
    case SYS_clone:
        if (argument & CLONE_VFORK && argument & CLONE_VM)
            thread_before_vfork();
        break;
    }
}

/* All argument registers are as they were, so it may ask for more of them. */
__attribute__((used, visibility("hidden"))) void *before_syscall(long number, long first,
                                                                 long second, const void *third);
void *before_syscall(long number, long first, long second, const void *third)
{
    calls_directly(number, first, second, third);
    return target(&real.syscall);
}
TAIL_CALL(syscall, before_syscall)

BEFORE(dlopen, loads(argument, (int)(intptr_t)second, 0))
BEFORE(dlmopen, loads(second, 0, GAP_NAMESPACE))
BEFORE(dlclose, unwind_forget())
BEFORE(quick_exit, start_quick_exit((int)(intptr_t)argument))
BEFORE(setjmp, note(EVENT_SETJMP, argument))
BEFORE(_setjmp, note(EVENT_SETJMP, argument))
BEFORE(__sigsetjmp, note(EVENT_SETJMP, argument))
BEFORE(longjmp, jumps(argument))
BEFORE(_longjmp, jumps(argument))
BEFORE(siglongjmp, jumps(argument))
BEFORE(__longjmp_chk, jumps(argument))
