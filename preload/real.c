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
#define MISSING_NUMBER(type)  (errno = ENOSYS, (type)-1)
#define MISSING_BYTES(type)   (errno = ENOSYS, (type)-1)
#define MISSING_FD(type)      (errno = ENOSYS, (type)-1)
#define MISSING_ERROR(type)   ENOSYS
#define MISSING_POINTER(type) (errno = ENOMEM, _Generic((type)0, int : ENOMEM, default : (type)0))
#define MISSING_NONE(type)    (type)0

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

struct row {
    const char *name;
    size_t slot; /* offset in struct real_calls */
    void *missing;
};

static const struct row rows[] = {
#define HAND(category, result, flags, type, name, parameters, arguments, fields)                   \
    {#name, offsetof(struct real_calls, name), (void *)missing_##name},
#include "preload/calls/all.def"
#undef HAND
#define TAIL(name) {#name, offsetof(struct real_calls, name), NULL},
    TAIL(vfork) TAIL(longjmp) TAIL(_longjmp) TAIL(siglongjmp) TAIL(__longjmp_chk) TAIL(setjmp)
        TAIL(_setjmp) TAIL(__sigsetjmp)};

/* Before glibc 2.36 RTLD_NEXT found the oldest version of a symbol, and the oldest condition
 * variables have another layout (H05). */
static void *look_up(const char *name)
{
    void *found = NULL;
    if (strncmp(name, "pthread_cond_", 13) == 0)
        found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
    return found ? found : dlsym(RTLD_NEXT, name);
}

int real_resolve(void)
{
    static _Atomic int state; /* 0 before, 1 during, 2 after */
    int before = 0;
    if (!atomic_compare_exchange_strong(&state, &before, 1))
        return before == 2;
    int saved = errno;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *found = look_up(rows[i].name);
        if (!found)
            found = rows[i].missing;
        memcpy((char *)&real + rows[i].slot, &found, sizeof found);
    }
    early_settle();
    errno = saved;
    atomic_store(&state, 2);
    return 1;
}
