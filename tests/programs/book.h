/* book("calls %d\n", calls): a line of what the program did, on standard output, by calls that no
 * tracer of libc calls sees and without an allocation. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void book(const char *format, ...) __attribute__((format(printf, 1, 2), unused));

static void book(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (long done = 0, wrote = 1; done < length && wrote > 0; done += wrote)
        wrote = syscall(SYS_write, 1, line + done, length - done);
}

/* The same block; but the compiler does not know that, and cannot leave the allocation out. */
static inline void *opaque(void *block)
{
    __asm__ volatile("" : "+r"(block));
    return block;
}
