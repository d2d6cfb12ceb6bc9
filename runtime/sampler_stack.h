/* The stack that samples are taken on. Threads and coroutines may have stacks with no room for a
 * handler that they do not know of, so each sampled thread has an alternative one of ours, unseen.
 *
 * The kernel knows one for each thread, and handlers of the program's that want such a stack must
 * have the program's. Until there is such a handler, ours is in the kernel and the program's is
 * remembered: nothing ever ran on it, and it may be unmapped or used for something else by now. As
 * soon as the program installs such a handler, its stacks are in use and take their places: the
 * calling thread's at once, those of others with their next sample, until when its handlers there
 * have ours. From then on samples are taken where its handlers are, and in threads that it gave no
 * alternative stack on their own, if that has room.
 *
 * What the kernel has is asked for, not remembered: there are programs that set it by system calls
 * of their own, and the end of each handler sets what there was before it. */
#ifndef VT_RUNTIME_SAMPLER_STACK_H
#define VT_RUNTIME_SAMPLER_STACK_H

#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

struct thread;

/* The calling thread is one that was made with a stack of so many bytes. */
void sampler_stack_is_threads(size_t size);

/* The calling thread, which has just attached to `self`, gets a stack. Whether it has one that it
 * can be sampled on. */
int sampler_stack_attach(struct thread *self);

/* Makes of what the kernel says what the program would be told without us. */
void sampler_stack_hide(stack_t *there);

/* Whether the program's stack, which cannot be changed then, would be the one that the calling
 * thread runs on, if it did not run on ours. */
int sampler_stack_is_in_use(void);

/* The program has changed what the kernel has for the calling thread: ours takes its place while no
 * handler needs it. With signals blocked. Whether the thread can be sampled. */
int sampler_stack_replaced(void);

/* The program is about to have a handler on alternative stacks. Whether the calling thread can be
 * sampled. */
int sampler_stack_is_wanted(void);

/* In the sampler's handler: the thread returns to the stack of the program's if that is wanted.
 * Whether it can be sampled again. */
int sampler_stack_returns(ucontext_t *context);

#endif
