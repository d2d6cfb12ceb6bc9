/* Alternative stacks for handlers: what the kernel says of the program's arguments is what the
 * program is told, and ours, which samples are taken on, is put back behind it. */
#include "base/sys.h"
#include "preload/signals.h"
#include "preload/wrap.h"
#include "runtime/sampler.h"
#include "runtime/sampler_stack.h"

EXPORT int sigaltstack(const stack_t *stack, stack_t *before)
{
    int is_sampled = stack && sampler_is_on() && !process_is_borrowed() && thread_attach();
    if (stack && sampler_stack_is_in_use()) {
        errno = EPERM;
        return -1;
    }
    uint64_t mask = is_sampled ? sys_signals_block() : 0;
    int answer = real.sigaltstack(stack, before);
    if (answer == 0 && before)
        sampler_stack_hide(before);
    if (answer == 0 && is_sampled && !sampler_stack_replaced())
        sampler_leave_thread();
    if (is_sampled)
        sys_signals_restore(mask);
    return answer;
}
