/* The beginning and the end of a traced process. */
#ifndef VT_PRELOAD_START_H
#define VT_PRELOAD_START_H

/* The process is about to end with `status`; the root also exports the session. Does nothing in a
 * vfork's child. errno is kept. */
void start_finish(int status);

/* quick_exit was called. */
void start_quick_exit(int status);

#endif
