/* Loads instrumented libraries, calls them, unloads them, and loads others: where the old one was,
 * and elsewhere. late_library FIRST.so SECOND.so: both have first_NAME … as functions, at the same
 * offsets. The journal is printed as elsewhere (journal.h), and on stderr "reused" when an address
 * had two owners. */
#define _GNU_SOURCE
#include "../journal.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

typedef void entry(void (*enter)(const char *name), void (*leave)(void));

static __attribute__((no_instrument_function)) void enter(const char *name)
{
    journal_enter(strdup(name)); /* the library will not stay */
}

static __attribute__((no_instrument_function)) void leave(void)
{
    journal_depth = journal_depth - 1;
}

/* Where the library's function was. */
NOINLINE uintptr_t load_and_call(const char *path, int unload)
{
    CALL();
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    entry *function = library ? (entry *)(uintptr_t)dlsym(library, "library_entry") : NULL;
    if (!function) {
        fprintf(stderr, "%s\n", dlerror());
        exit(3);
    }
    function(enter, leave);
    if (unload)
        dlclose(library);
    return (uintptr_t)function;
}

/* Takes the place that the next library would have got. */
NOINLINE void block(uintptr_t address)
{
    CALL();
    void *page = (void *)(address & ~(uintptr_t)4095);
    if (mmap(page, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
        MAP_FAILED)
        exit(4);
}

int main(int argc, char **argv)
{
    CALL();
    if (argc != 3)
        return 2;
    uintptr_t first = load_and_call(argv[1], 1), second = load_and_call(argv[2], 1);
    uintptr_t again = load_and_call(argv[1], 1);
    if (first == second && second == again)
        fputs("reused\n", stderr);
    block(again);
    if (load_and_call(argv[2], 1) == again)
        return 5;
    load_and_call(argv[1], 0);
    load_and_call(argv[2], 0);
    return journal_print();
}
