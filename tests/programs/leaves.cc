/* Threads that go on allocating and freeing while they end: in destructors of thread_local objects,
 * in those of keys made after anybody else's, round after round, and in what libc itself frees last
 * of all (messages of strerror and dlerror). With the library `counting` behind the tracer, says
 * how many calls came by there. */
#include "book.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <pthread.h>

extern "C" long counting_passed(const char *name) __attribute__((weak));

namespace
{

enum { THREADS = 20, KEYS = 3, SIZE = 777 };

pthread_key_t keys[KEYS];
long made, released, rounds;

void *take()
{
    __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);
    return opaque(malloc(SIZE));
}

void give(void *block)
{
    __atomic_fetch_add(&released, 1, __ATOMIC_RELAXED);
    free(block);
}

/* Comes back until the last round that POSIX promises. */
void last_words(void *value)
{
    static thread_local int round;
    __atomic_fetch_add(&rounds, 1, __ATOMIC_RELAXED);
    give(value);
    if (++round < KEYS * 3)
        pthread_setspecific(keys[round % KEYS], take());
}

struct local {
    void *block = take();
    ~local()
    {
        give(block);
        give(take());
    }
};

void *live(void *argument)
{
    static thread_local local object;
    give(object.block);
    object.block = take();
    for (pthread_key_t key : keys)
        pthread_setspecific(key, take());
    give(take());
    if (strlen(strerror(9999)) == 0 || dlsym(RTLD_DEFAULT, "there is no such symbol"))
        abort();
    if (argument)
        pthread_exit(argument);
    return nullptr;
}

} // namespace

int main()
{
    long before = counting_passed ? counting_passed("free") : 0;
    for (pthread_key_t &key : keys)
        pthread_key_create(&key, last_words);
    for (int i = 0; i < THREADS / 2; i++) {
        pthread_t pair[2];
        for (int k = 0; k < 2; k++)
            if (pthread_create(&pair[k], nullptr, live, k ? &pair : nullptr))
                abort();
        for (pthread_t thread : pair)
            pthread_join(thread, nullptr);
    }
    book("threads %d\nsize %d\nmade %ld\nreleased %ld\nrounds %ld\n", THREADS, SIZE, made, released,
         rounds);
    if (counting_passed)
        book("passed_free %ld\n", counting_passed("free") - before);
    return 0;
}
