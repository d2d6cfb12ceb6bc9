/* The address space: the rows of calls/maps.def. These are called from inside allocators and before
 * anything is ready; like everything here they neither allocate nor lock. */
#include "preload/wrap.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    WRAP(category, result, type, name, parameters, arguments, fields)
#include "preload/calls/maps.def"

/* The new address is there only with MREMAP_FIXED; it travels alike. */
EXPORT void *mremap(void *at, size_t old, size_t size, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    void *to = va_arg(arguments, void *);
    va_end(arguments);
    WRAPPED(MAPS, MAPPED, void *, mremap, (at, old, size, flags, to), F2(POINTER, at, BYTES, size))
}
