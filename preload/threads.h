/* Threads: what the constructor needs of threads.c. */
#ifndef VT_PRELOAD_THREADS_H
#define VT_PRELOAD_THREADS_H

/* Makes the key whose destructor notices the end of threads. Once, before main. */
void threads_prepare(void);

#endif
