/* longjmp in every way: over one frame and many, again and again to one buffer, through nested and
 * recursive setjmps, to a buffer that was set anew at another depth, out of a signal handler. */
#define _GNU_SOURCE
#include "../journal.h"

#include <setjmp.h>
#include <signal.h>

static jmp_buf shared;
static sigjmp_buf handler_buffer;

NOINLINE void leaf(void)
{
    CALL();
}

NOINLINE void jump_at(int depth, jmp_buf to)
{
    CALL();
    if (depth == 0)
        longjmp(to, 1);
    jump_at(depth - 1, to);
}

NOINLINE void over_many_frames(void)
{
    CALL();
    jmp_buf buffer;
    if (setjmp(buffer) == 0)
        jump_at(10, buffer);
    HERE();
    leaf();
}

NOINLINE void again_and_again(void)
{
    CALL();
    volatile int times = 0;
    jmp_buf buffer;
    setjmp(buffer);
    HERE();
    leaf();
    if (times++ < 5)
        jump_at(times, buffer);
    leaf();
}

/* Every level has a buffer of its own; the innermost jumps to the one `up` levels above it. */
NOINLINE void recursive(int depth, int up, jmp_buf *buffers)
{
    CALL();
    if (depth == 0)
        longjmp(buffers[up - 1], 1);
    if (setjmp(buffers[depth - 1]) == 0)
        recursive(depth - 1, up, buffers);
    HERE();
    leaf();
}

NOINLINE void nested(void)
{
    CALL();
    jmp_buf buffers[200];
    static const int ups[] = {1, 2, 5, 63, 64, 65, 100, 200};
    for (unsigned i = 0; i < sizeof ups / sizeof ups[0]; i++) {
        recursive(200, ups[i], buffers);
        leaf();
    }
}

NOINLINE void set_and_return(int depth)
{
    CALL();
    if (depth > 0) {
        set_and_return(depth - 1);
        return;
    }
    if (setjmp(shared) != 0)
        abort(); /* nobody jumps to a function that has returned */
    leaf();
}

NOINLINE void set_anew_elsewhere(void)
{
    CALL();
    set_and_return(3);
    if (setjmp(shared) == 0)
        jump_at(2, shared);
    HERE();
    leaf();
    set_and_return(0);
    if (_setjmp(shared) == 0)
        jump_at(1, shared);
    HERE();
    leaf();
}

static void handler(int signal)
{
    CALL();
    (void)signal;
    leaf();
    siglongjmp(handler_buffer, 1);
}

NOINLINE void raises(void)
{
    CALL();
    raise(SIGUSR1);
}

NOINLINE void out_of_a_handler(void)
{
    CALL();
    signal(SIGUSR1, handler);
    for (volatile int times = 0; times < 3; times++) {
        if (sigsetjmp(handler_buffer, 1) == 0)
            raises();
        HERE();
        leaf();
    }
}

int main(void)
{
    CALL();
    jmp_buf first;
    if (setjmp(first) == 0)
        jump_at(0, first);
    HERE();
    leaf();
    over_many_frames();
    leaf();
    again_and_again();
    leaf();
    nested();
    leaf();
    set_anew_elsewhere();
    leaf();
    out_of_a_handler();
    leaf();
    return journal_print();
}
