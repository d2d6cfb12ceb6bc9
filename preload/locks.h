/* Locks, from the constructor's side. */
#ifndef VT_PRELOAD_LOCKS_H
#define VT_PRELOAD_LOCKS_H

/* Once, before other threads: whether every lock that was held is recorded, or those that somebody
 * waited for. */
void locks_prepare(int record_all);

/* In a fork's child. */
void locks_forked(void);

#endif
