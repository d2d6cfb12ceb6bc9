/* The rows of calls/ *.def, as numbers, as slots for the real functions, and as the description
 * that a trace carries. A row is everything a call needs: see the .def files for the columns.
 *
 * execv, execl, execlp, execle, execvp and vfork have no rows: they end in one that has; nor have
 * printf and its variadic kin. */
#ifndef VT_PRELOAD_CALLS_H
#define VT_PRELOAD_CALLS_H

#include "runtime/definitions.h"

#include <dirent.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <utime.h>

/* Fields of a row: pairs of a field kind and an expression. A STREAM is a descriptor. */
enum { FIELD_STREAM = FIELD_FD };

/* Results that are only made in another way. */
enum {
    RESULT_FRESH = RESULT_FD,
    RESULT_OBJECT = RESULT_NUMBER,
    RESULT_ENTRY = RESULT_NUMBER,
    RESULT_SIGNAL = RESULT_NUMBER,
    RESULT_LINE = RESULT_BYTES,
    RESULT_BARRIER = RESULT_ANSWER
};

#define ALLOCATOR(result, flags, type, name, parameters, arguments, fields)                        \
    HAND(MEMORY, result, flags, type, name, parameters, arguments, fields)

#define ALLOCATES(name, parameters, arguments, bytes)                                              \
    ALLOCATOR(POINTER, 0, void *, name, parameters, arguments, F1(BYTES, bytes))

enum call_number {
#define HAND(category, result, flags, type, name, parameters, arguments, fields) NUMBER_##name,
#define CALL                                                                     HAND
#define NOTE(category, name, fields)                                             NUMBER_##name,
#define SPAN                                                                     NOTE
#include "preload/calls/all.def"
#undef SPAN
#undef NOTE
#undef CALL
#undef HAND
    CALL_NUMBERS
};

/* The next definition of every function in the lookup order after ours. Never NULL: before the
 * lookup a slot holds a function that does the lookup, and for a symbol that does not exist one
 * that fails with ENOSYS (H07). */
struct real_calls {
#define HAND(category, result, flags, type, name, parameters, arguments, fields)                   \
    type(*name) parameters;
#define CALL HAND
#define NOTE(category, name, fields)
#define SPAN NOTE
#include "preload/calls/all.def"
#undef SPAN
#undef NOTE
#undef CALL
#undef HAND
    void *clone, *quick_exit, *longjmp, *_longjmp, *siglongjmp, *__longjmp_chk, *setjmp, *_setjmp,
        *__sigsetjmp, *dlclose, *dlopen, *dlmopen, *syscall;
    /* not wrapped, only called */
    int (*sem_trywait)(sem_t *semaphore);
    int reallocarray_is_libc, has_free_sized, has_free_aligned_sized;
};

extern struct real_calls real __attribute__((visibility("hidden")));
extern const struct definition_call call_table[CALL_NUMBERS] __attribute__((visibility("hidden")));

/* Looks every real function up, once, in one pass (H02). 1 when they are there, 0 when the caller
 * is inside that very pass: the lookup itself allocates. */
int real_resolve(void) __attribute__((cold));

/* The few that are looked up when they are first called: before that, has_free_sized says no. */
void real_resolve_young(void) __attribute__((cold));

/* Whether the malloc that the program calls is the one of this library (H50). */
int real_malloc_is_ours(void) __attribute__((cold));

#endif
