// Sixteen threads that load and unload a library, throw and catch, fork, and allocate, for so many
// seconds, while they are sampled: sample_storm LIBRARY SECONDS. Every function but main is called
// by one other only, which is what tests/check_samples.c compares samples with. Prints what was
// done; ends by SIGABRT when something did not come out right.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define APART        __attribute__((noinline, noclone)) static
#define NO_TAIL_CALL __asm__ volatile("")

namespace
{

const char *library;
double until;
std::atomic<long> loads, throws, forks, allocations;

double now()
{
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

} // namespace

extern "C" {

APART void spin_in_plugin()
{
    for (volatile int i = 0; i < 20000; i = i + 1)
        ;
}

APART int from_plugin(int value)
{
    void *volatile block = malloc(size_t(value));
    free(block);
    spin_in_plugin();
    NO_TAIL_CALL;
    return value + 1;
}

APART void act_load()
{
    void *handle = dlopen(library, RTLD_NOW);
    if (!handle)
        abort();
    auto work = reinterpret_cast<int (*)(int (*)(int), int)>(dlsym(handle, "plugin_work"));
    if (work(from_plugin, 41) != 42)
        abort();
    dlclose(handle);
    loads++;
}

APART void throw_deepest(int value)
{
    for (volatile int i = 0; i < 5000; i = i + 1)
        ;
    throw value;
}

APART void throw_deeper(int value)
{
    char room[200];
    memset(room, value, sizeof room);
    throw_deepest(value + room[100]);
    NO_TAIL_CALL;
}

APART void throw_deep(int value)
{
    char *room = static_cast<char *>(__builtin_alloca(size_t(value) * 16 + 16));
    room[0] = char(value);
    throw_deeper(room[0]);
    NO_TAIL_CALL;
}

APART void act_throw()
{
    for (int i = 0; i < 20; i++)
        try {
            throw_deep(i);
            abort();
        } catch (int value) {
            if (value != 2 * i)
                abort();
            throws++;
        }
}

APART void in_child()
{
    for (volatile int i = 0; i < 100000; i = i + 1)
        ;
    void *volatile block = malloc(100);
    free(block);
    _exit(7);
}

APART void act_fork()
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        in_child();
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 7)
        abort();
    forks++;
}

APART void allocate_some(void **blocks, int count)
{
    for (int i = 0; i < count; i++)
        blocks[i] = malloc(size_t(i) * 8 + 1);
    for (int i = 0; i < count; i++)
        free(blocks[i]);
    allocations += count;
    NO_TAIL_CALL;
}

APART void act_allocate()
{
    void *blocks[500];
    for (int i = 0; i < 10; i++)
        allocate_some(blocks, 500);
}

APART void *storm(void *which)
{
    static void (*const acts[])() = {act_load, act_throw, act_fork, act_allocate};
    for (long i = reinterpret_cast<long>(which); now() < until; i++)
        acts[i % 4]();
    return nullptr;
}
}

int main(int argc, char **argv)
{
    pthread_t threads[16];
    library = argv[1];
    until = now() + (argc > 2 ? atof(argv[2]) : 5);
    for (long i = 0; i < 16; i++)
        pthread_create(&threads[i], nullptr, storm, reinterpret_cast<void *>(i));
    for (int i = 0; i < 16; i++)
        pthread_join(threads[i], nullptr);
    printf("loads %ld\nthrows %ld\nforks %ld\nallocations %ld\n", loads.load(), throws.load(),
           forks.load(), allocations.load());
    return 0;
}
