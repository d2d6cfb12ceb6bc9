// Throws through a library's frames while stacks are found by libunwind, and says whose unwinder
// the exception went through. The library is loaded later, as plugins are.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

static int thrower(int value)
{
    void *volatile block = malloc(size_t(value));
    free(block);
    throw value;
}

int main(int, char **argv)
{
    int caught = 0;
    for (int i = 1; i <= 50; i++) {
        void *library = dlopen(argv[1], RTLD_NOW);
        auto work = reinterpret_cast<int (*)(int (*)(int), int)>(dlsym(library, "plugin_work"));
        try {
            work(thrower, i);
        } catch (int value) {
            caught += value == i;
        }
        dlclose(library);
    }
    Dl_info whose;
    void *raise = dlsym(RTLD_DEFAULT, "_Unwind_RaiseException");
    std::printf("caught %d\n", caught);
    std::printf("libgcc %d\n", dladdr(raise, &whose) && std::strstr(whose.dli_fname, "libgcc"));
    return 0;
}
