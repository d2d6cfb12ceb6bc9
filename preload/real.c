/* Looking up the real functions: see calls.h. */
#include "preload/calls.h"
#include "preload/early.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wunused-parameter" /* a stub takes what its row takes */

/* What a call answers whose function does not exist. */
#define MISSING_NUMBER(type) (errno = ENOSYS, (type)-1)
#define MISSING_BYTES(type)                                                                        \
    (errno = ENOSYS, _Generic((type)0, char * : (type)0, default : (type)-1))
#define MISSING_LINE(type)    MISSING_NUMBER(type)
#define MISSING_FD(type)      (errno = ENOSYS, _Generic((type)0, int : -1, default : (type)0))
#define MISSING_ERROR(type)   ENOSYS
#define MISSING_POINTER(type) (errno = ENOMEM, _Generic((type)0, int : ENOMEM, default : (type)0))
#define MISSING_NONE(type)    (type)0
#define MISSING_FRESH(type)   MISSING_NUMBER(type)
#define MISSING_OBJECT(type)  (errno = ENOSYS, (type)0)
#define MISSING_ENTRY(type)   MISSING_OBJECT(type)
#define MISSING_SIGNAL(type)  MISSING_NUMBER(type)
#define MISSING_ANSWER(type)  (type) - 1
#define MISSING_BARRIER(type) ENOSYS
#define MISSING_MAPPED(type)  (errno = ENOSYS, (type)-1)

/* Per row: missing_NAME, and first_NAME, which a slot holds until the lookup. During the lookup
 * itself only the allocator can be reached; it is served from the early arena. */
#define STUBS(result, type, name, parameters, arguments, early)                                    \
    static type missing_##name parameters                                                          \
    {                                                                                              \
        return MISSING_##result(type);                                                             \
    }                                                                                              \
    static type first_##name parameters                                                            \
    {                                                                                              \
        return real_resolve() ? real.name arguments : early arguments;                             \
    }
#define HAND(category, result, flags, type, name, parameters, arguments, fields)                   \
    STUBS(result, type, name, parameters, arguments, missing_##name)
#define CALL HAND
#undef ALLOCATOR
#define ALLOCATOR(result, flags, type, name, parameters, arguments, fields)                        \
    STUBS(result, type, name, parameters, arguments, early_##name)
#define NOTE(category, name, fields)
#define SPAN NOTE
#include "preload/calls/all.def"
#undef HAND
#undef ALLOCATOR
#define ALLOCATOR(result, flags, type, name, parameters, arguments, fields)                        \
    HAND(MEMORY, result, flags, type, name, parameters, arguments, fields)

struct real_calls real = {
#define HAND(category, result, flags, type, name, parameters, arguments, fields)                   \
    .name = first_##name,
#include "preload/calls/all.def"
#undef HAND
};

/* Stand in for a trylock that is not there. */
static int spin_is_busy(pthread_spinlock_t *lock)
{
    return EBUSY;
}
static int semaphore_is_busy(sem_t *semaphore)
{
    return -1;
}

struct row {
    const char *name;
    size_t slot; /* offset in struct real_calls */
    void *missing;
};

static const struct row rows[] = {
#define TAIL(name) {#name, offsetof(struct real_calls, name), NULL},
    TAIL(vfork) TAIL(clone) TAIL(quick_exit) TAIL(longjmp) TAIL(_longjmp) TAIL(siglongjmp)
        TAIL(__longjmp_chk) TAIL(setjmp) TAIL(_setjmp) TAIL(__sigsetjmp) TAIL(dlopen) TAIL(dlmopen)
            TAIL(syscall){"pthread_spin_trylock", offsetof(struct real_calls, pthread_spin_trylock),
                          (void *)spin_is_busy},
    {"sem_trywait", offsetof(struct real_calls, sem_trywait), (void *)semaphore_is_busy},
#define HAND(category, result, flags, type, name, parameters, arguments, fields)                   \
    {#name, offsetof(struct real_calls, name), (void *)missing_##name},
#include "preload/calls/all.def"
#undef HAND
};

static int in_same_module(void *one, void *other)
{
    Dl_info first, second;
    return dladdr(one, &first) && dladdr(other, &second) && first.dli_fbase == second.dli_fbase;
}

static void fill(const struct row *row, void *found)
{
    memcpy((char *)&real + row->slot, &found, sizeof found);
}

/* Before glibc 2.36 RTLD_NEXT found the oldest version of a symbol, and the oldest condition
 * variables have another layout (H05). Another preload's definition has no version (H08). */
static void look_for_newer(const struct row *row)
{
    void *found, *newer = NULL;
    if (strcmp(row->name, "pthread_cond_wait") == 0 ||
        strcmp(row->name, "pthread_cond_timedwait") == 0)
        newer = dlvsym(RTLD_NEXT, row->name, "GLIBC_2.3.2");
    memcpy(&found, (char *)&real + row->slot, sizeof found);
    if (newer && in_same_module(found, newer))
        fill(row, newer);
}

int real_resolve(void)
{
    static _Atomic int state; /* 0 before, 1 during, 2 after */
    int before = 0;
    if (!atomic_compare_exchange_strong(&state, &before, 1))
        return before == 2;
    int saved = errno;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *found = dlsym(RTLD_NEXT, rows[i].name);
        fill(&rows[i], found ? found : rows[i].missing);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        look_for_newer(&rows[i]);
    real.reallocarray_is_libc = in_same_module((void *)real.reallocarray, (void *)__errno_location);
    real.has_free_sized = real.free_sized != missing_free_sized;
    real.has_free_aligned_sized = real.free_aligned_sized != missing_free_aligned_sized;
    errno = saved;
    atomic_store(&state, 2);
    return 1;
}
