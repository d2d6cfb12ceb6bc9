/* What the parts of the stress program share: its books.
 *
 * Every process image has a page of numbers in a shared file, so what a child did before it ended
 * in whatever way is there. Functions that are not PLAIN are instrumented, and each of those counts
 * itself. */
#ifndef VT_TESTS_STRESS_H
#define VT_TESTS_STRESS_H

#include <errno.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLAIN    __attribute__((no_instrument_function))
#define NOINLINE __attribute__((noinline))

/* Instrumented functions: number, and name in the trace. */
#define STRESS_FUNCTIONS(X)                                                                        \
    X(main, "main")                                                                                \
    X(node, "node")                                                                                \
    X(leaf, "leaf")                                                                                \
    X(jump_down, "jump_down")                                                                      \
    X(jump_back, "jump_back")                                                                      \
    X(memory_malloc, "memory_malloc")                                                              \
    X(memory_calloc, "memory_calloc")                                                              \
    X(memory_aligned, "memory_aligned")                                                            \
    X(memory_realloc, "memory_realloc")                                                            \
    X(memory_free, "memory_free")                                                                  \
    X(io_read, "io_read")                                                                          \
    X(io_write, "io_write")                                                                        \
    X(queue_put, "queue_put")                                                                      \
    X(queue_take, "queue_take")                                                                    \
    X(table_write, "table_write")                                                                  \
    X(table_read, "table_read")                                                                    \
    X(token_pass, "token_pass")                                                                    \
    X(short_thread, "short_thread")                                                                \
    X(clean_up, "clean_up")                                                                        \
    X(last_words, "last_words")                                                                    \
    X(on_timer, "on_timer")                                                                        \
    X(in_handler, "in_handler")                                                                    \
    X(throw_from, "throw_from(int)")                                                               \
    X(guard, "guard::~guard()")                                                                    \
    X(catch_it, "catch_it")                                                                        \
    X(a_begin, "a_begin")                                                                          \
    X(a_work, "a_work")                                                                            \
    X(a_end, "a_end")                                                                              \
    X(b_begin, "b_begin")                                                                          \
    X(b_work, "b_work")                                                                            \
    X(b_end, "b_end")                                                                              \
    X(in_child, "in_child")                                                                        \
    X(spin, "spin")                                                                                \
    X(in_vfork, "in_vfork")

/* Calls of libc, and the bytes that they moved or asked for. Of the allocator's calls only those
 * that memory_… make are booked, libc makes more. */
#define STRESS_CALLS(X)                                                                            \
    X(read)                                                                                        \
    X(write)                                                                                       \
    X(pread)                                                                                       \
    X(pwrite)                                                                                      \
    X(open)                                                                                        \
    X(close)                                                                                       \
    X(malloc)                                                                                      \
    X(calloc)                                                                                      \
    X(aligned_alloc)                                                                               \
    X(realloc)                                                                                     \
    X(free)                                                                                        \
    X(pthread_create)                                                                              \
    X(pthread_join)                                                                                \
    X(pthread_cond_wait)                                                                           \
    X(pthread_cond_timedwait)                                                                      \
    X(fork)                                                                                        \
    X(_Fork)                                                                                       \
    X(posix_spawn)                                                                                 \
    X(vfork)                                                                                       \
    X(closefrom)                                                                                   \
    X(close_range)                                                                                 \
    X(dup)

enum stress_number {
#define FUNCTION(name, traced) FUNCTION_##name,
    STRESS_FUNCTIONS(FUNCTION)
#undef FUNCTION
#define CALL(name) CALL_##name, BYTES_##name,
        STRESS_CALLS(CALL)
#undef CALL
            STRESS_THREADS,
    STRESS_NUMBERS
};

PLAIN void stress_book(int number, uint64_t count);
PLAIN void stress_failed(const char *file, int line, const char *what);

#define BOOK(name) stress_book(FUNCTION_##name, 1)
#define DONE(call, bytes)                                                                          \
    do {                                                                                           \
        int errno_ = errno;                                                                        \
        stress_book(CALL_##call, 1);                                                               \
        stress_book(BYTES_##call, (uint64_t)(bytes));                                              \
        errno = errno_;                                                                            \
    } while (0)
#define MUST(what) ((what) ? (void)0 : stress_failed(__FILE__, __LINE__, #what))

/* exceptions.cc: throws from `depth` calls deep; whether it was caught where it should be, with the
 * destructors run. */
int catch_it(int depth);

#ifdef __cplusplus
}
#endif

#endif
