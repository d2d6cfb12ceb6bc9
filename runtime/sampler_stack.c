/* See sampler_stack.h. */
#include "runtime/sampler_stack.h"

#include "base/sys.h"
#include "runtime/process.h"
#include "runtime/sampler.h"

#include <limits.h>
#include <stdatomic.h>

enum { WHOLE_BYTES = 64 << 10, GUARD_BYTES = LAYOUT_PAGE, NOTES_BYTES = 64 };

struct handler_stack {
    char guard[GUARD_BYTES]; /* nothing may touch it */
    char stack[WHOLE_BYTES - NOTES_BYTES];
    stack_t programs; /* while ours is in the kernel */
};
_Static_assert(sizeof(stack_t) <= NOTES_BYTES, "the program's stack has its place above ours");

/* SS_AUTODISARM of <linux/signal.h>, which does not go with libc's header. */
enum { AUTODISARM = INT_MIN };

static _Atomic int is_wanted; /* the program has, or had, a handler on alternative stacks */

/* The calling thread's, or NULL. A fork's child has its parent's in the kernel, too. */
static __thread struct handler_stack *mine __attribute__((tls_model("initial-exec")));

void sampler_stack_is_threads(size_t size)
{
    sampler_self.has_small_stack = size < WHOLE_BYTES;
}

static stack_t in_kernel(void)
{
    stack_t there = {.ss_flags = SS_DISABLE};
    SYS2(SYS_sigaltstack, NULL, &there);
    return there;
}

static int is_ours(const stack_t *there)
{
    return mine && there->ss_sp == mine->stack;
}

/* While something does, the kernel has none. */
static int runs_on_ours(void)
{
    char here;
    return mine && (uintptr_t)&here - (uintptr_t)mine->stack < sizeof mine->stack;
}

/* Whether a sample can be taken with this in the kernel. */
static int has_room(const stack_t *there)
{
    if (there->ss_flags & SS_DISABLE)
        return !sampler_self.has_small_stack;
    return there->ss_size >= SAMPLER_STACK;
}

static struct handler_stack *map_stack(void)
{
    struct handler_stack *made = sys_mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made && SYS3(SYS_mprotect, made, GUARD_BYTES, PROT_NONE) != 0) {
        sys_munmap(made, sizeof *made);
        made = NULL;
    }
    return made;
}

/* Puts ours where the program has `there`. A handler that runs on it may return to another one: it
 * is not the kernel's while it is in use. */
static int replace(struct thread *self, const stack_t *there)
{
    if (!mine && !self->handler_stack)
        self->handler_stack = map_stack();
    if (!mine)
        mine = self->handler_stack;
    if (!mine)
        return 0;
    stack_t ours = {.ss_sp = mine->stack, .ss_flags = AUTODISARM, .ss_size = sizeof mine->stack};
    mine->programs = *there;
    return SYS2(SYS_sigaltstack, &ours, NULL) == 0;
}

int sampler_stack_attach(struct thread *self)
{
    stack_t there = in_kernel();
    if (mine)
        self->handler_stack = mine;
    return (there.ss_flags & SS_DISABLE && !atomic_load(&is_wanted) && replace(self, &there)) ||
           has_room(&there);
}

void sampler_stack_hide(stack_t *there)
{
    int runs = there->ss_flags & SS_DISABLE && runs_on_ours();
    if (!runs && !is_ours(there))
        return;
    *there = mine->programs;
    if (runs && !(there->ss_flags & SS_DISABLE))
        there->ss_flags |= SS_ONSTACK;
}

int sampler_stack_is_in_use(void)
{
    return runs_on_ours() && !(mine->programs.ss_flags & (SS_DISABLE | AUTODISARM));
}

int sampler_stack_replaced(void)
{
    stack_t there = in_kernel();
    return (!is_ours(&there) && thread_self->slot && !atomic_load(&is_wanted) &&
            replace(thread_self, &there)) ||
           has_room(&there);
}

int sampler_stack_is_wanted(void)
{
    if (atomic_exchange(&is_wanted, 1) || !mine)
        return 1;
    stack_t there = in_kernel();
    if (is_ours(&there) && SYS2(SYS_sigaltstack, &mine->programs, NULL) == 0)
        there = mine->programs;
    return has_room(&there);
}

int sampler_stack_returns(ucontext_t *context)
{
    if (!atomic_load_explicit(&is_wanted, memory_order_relaxed) || !is_ours(&context->uc_stack))
        return 1;
    context->uc_stack = mine->programs;
    return has_room(&mine->programs);
}
