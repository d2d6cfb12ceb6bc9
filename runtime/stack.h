/* Stacks as definitions: walks the calling thread's, and gives each different one an id.
 *
 * What a thread remembers of its last walk (unwind.h) is memory of its own, made when it first
 * needs it. A handler that interrupts a walk finds it taken and uses another one, or does without
 * a stack; it may also suspend the walk, and go on with another stack (coroutines that a timer
 * switches), or leave it by a longjmp. Which of these it was is found out by whoever needs the
 * memory next: see stack.c. */
#ifndef VT_RUNTIME_STACK_H
#define VT_RUNTIME_STACK_H

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* Id of the stack of the function that called into this library; 0: could not be told. Only from
 * functions that are compiled with a frame pointer. */
uint32_t stack_here(void);

/* Id of the stack that a signal interrupted. */
uint32_t stack_interrupted(const ucontext_t *context);

/* The calling thread's stack is the process's first one: of a thread that pthread_create made with
 * a stack of this size. What is not known to be a thread's stack is read with more care, more
 * slowly. */
void stack_is_first(void);
void stack_is_threads(size_t size);

/* What VITTE_TRACE_UNWIND says, or NULL. */
void stack_find_by(const char *how);

/* The slot has another thread now, or will have none: forgets what was remembered. */
struct thread;
void stack_forget(struct thread *thread);

/* Before the process is sealed: the calling thread's memory for walks, which cannot be had later.
 */
void stack_seal(void);

#endif
