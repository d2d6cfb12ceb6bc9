/* The rows of calls/ *.def, as numbers, as slots for the real functions, and as the description
 * that a trace carries. A row is everything a call needs: see the .def files for the columns.
 *
 * execv, execl, execlp, execle, execvp and vfork have no rows: they end in one that has. */
#ifndef VT_PRELOAD_CALLS_H
#define VT_PRELOAD_CALLS_H

#include "runtime/definitions.h"

#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/types.h>

/* glibc has macros for these two, where it optimises. */
#undef fread_unlocked
#undef fwrite_unlocked

/* Fields of a row: pairs of a field kind and an expression. */
#define ALLOCATOR(result, flags, type, name, parameters, arguments, fields)                        \
    HAND(MEMORY, result, flags, type, name, parameters, arguments, fields)

#define ALLOCATES(name, parameters, arguments, bytes)                                              \
    ALLOCATOR(POINTER, 0, void *, name, parameters, arguments, F1(BYTES, bytes))

enum call_number {
#define HAND(category, result, flags, type, name, parameters, arguments, fields) NUMBER_##name,
#define CALL                                                                     HAND
#define NOTE(category, name, fields)                                             NUMBER_##name,
#include "preload/calls/all.def"
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
#include "preload/calls/all.def"
#undef NOTE
#undef CALL
#undef HAND
    void *vfork, *clone, *quick_exit, *longjmp, *_longjmp, *siglongjmp, *__longjmp_chk, *setjmp,
        *_setjmp, *__sigsetjmp;
    int (*pthread_mutex_trylock)(pthread_mutex_t *mutex); /* not wrapped, only called */
    int reallocarray_is_libc, has_free_sized, has_free_aligned_sized;
};

extern struct real_calls real __attribute__((visibility("hidden")));
extern const struct definition_call call_table[CALL_NUMBERS] __attribute__((visibility("hidden")));

/* Looks every real function up, once, in one pass (H02). 1 when they are there, 0 when the caller
 * is inside that very pass: the lookup itself allocates. */
int real_resolve(void) __attribute__((cold));

#endif
