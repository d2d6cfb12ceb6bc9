/* The two buffers of a thread: one is the open block, which the thread writes and a reader may look
 * at; when it is full it is appended to the thread's file, and the other one is opened.
 *
 * Called with signals blocked, by the thread whose block it is. */
#ifndef VT_RUNTIME_BLOCK_H
#define VT_RUNTIME_BLOCK_H

#include "runtime/thread.h"

/* Makes buffer[open] the open block. Its old contents, if any, are in the blocks file by now. */
void block_open(struct thread *self);

/* Lets the thread write up to the end of what exists of its open block. */
void block_set_ends(struct thread *self);

/* Makes the whole of a buffer exist. 0 or negative errno. */
long block_reserve(struct thread *self, uint32_t which);

/* Appends the open block to the file, opens the next one. */
void block_flush(struct thread *self);

/* In a sandbox: the second buffer takes over while the first stays as it is, for the reader; then
 * no more. Makes no system call. The thread, or NULL; then `events` are lost, and counted. */
struct thread *block_sealed_room(struct thread *self, int events);

#endif
