/* Looking up the real functions: see calls.h. */
#include "preload/calls.h"
#include "preload/early.h"
#include "runtime/thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
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
    TAIL(clone) TAIL(quick_exit) TAIL(longjmp) TAIL(_longjmp) TAIL(siglongjmp) TAIL(__longjmp_chk)
        TAIL(setjmp) TAIL(_setjmp) TAIL(__sigsetjmp) TAIL(dlclose) TAIL(dlopen) TAIL(dlmopen)
            TAIL(syscall){"sem_trywait", offsetof(struct real_calls, sem_trywait),
                          (void *)semaphore_is_busy},
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

/* Before glibc 2.36 RTLD_NEXT found the oldest version of a symbol, and the oldest condition
 * variables have another layout (H05). Another preload's definition has no version (H08). */
static void look_for_newer(const char *name, size_t slot)
{
    void *found, *newer = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
    memcpy(&found, (char *)&real + slot, sizeof found);
    if (newer && in_same_module(found, newer))
        memcpy((char *)&real + slot, &newer, sizeof newer);
}

/* Names that no glibc before 2.43 has: a failed lookup allocates, and the program's allocator may
 * not be ready for that so early (ThreadSanitizer's is not). Looked up when they are called. */
static int is_young(const struct row *row)
{
    return row->slot == offsetof(struct real_calls, free_sized) ||
           row->slot == offsetof(struct real_calls, free_aligned_sized);
}

static void look_up(const struct row *row)
{
    void *found = dlsym(RTLD_NEXT, row->name);
    if (!found)
        found = row->missing;
    memcpy((char *)&real + row->slot, &found, sizeof found);
}

void real_resolve_young(void)
{
    static _Atomic int begun;
    if (atomic_exchange(&begun, 1))
        return;
    int saved = errno;
    uint64_t paused = thread_pause(); /* what a failed lookup allocates is not the program's */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (is_young(&rows[i]))
            look_up(&rows[i]);
    real.has_free_sized = real.free_sized != missing_free_sized;
    real.has_free_aligned_sized = real.free_aligned_sized != missing_free_aligned_sized;
    thread_resume(paused);
    errno = saved;
}

int real_resolve(void)
{
    static _Atomic int state; /* 0 before, 1 during, 2 after */
    int before = 0;
    if (!atomic_compare_exchange_strong(&state, &before, 1))
        return before == 2;
    int saved = errno;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!is_young(&rows[i]))
            look_up(&rows[i]);
    look_for_newer("pthread_cond_wait", offsetof(struct real_calls, pthread_cond_wait));
    look_for_newer("pthread_cond_timedwait", offsetof(struct real_calls, pthread_cond_timedwait));
    real.reallocarray_is_libc = in_same_module((void *)real.reallocarray, (void *)__errno_location);
    errno = saved;
    atomic_store(&state, 2);
    return 1;
}

/* Only a definition counts: a program that is not position-independent may have a stub of its own
 * for the address of ours, which is nobody's definition. */
int real_malloc_is_ours(void)
{
    Dl_info there;
    const ElfW(Sym) *symbol = NULL;
    void *found = dlsym(RTLD_DEFAULT, "malloc");
    return !found || in_same_module(found, (void *)real_malloc_is_ours) ||
           !dladdr1(found, &there, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
           symbol->st_shndx == SHN_UNDEF;
}
