// Every entry point of the allocator, by its name and by what C++ makes of it. Prints a line for
// each call, "call NAME SIZE RESULT" or "release NAME BLOCK", as a tracer should see them. With the
// library `strict` loaded, looks whether every block is one of its, and how often each function
// came by there.
#include "book.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <malloc.h>
#include <new>

extern "C" {
int strict_owns(const void *block) __attribute__((weak));
long strict_calls(const char *name) __attribute__((weak));
void *reallocarray(void *, size_t, size_t) noexcept;
int mallctl(const char *, void *, size_t *, void *, size_t) __attribute__((weak));
}

namespace
{

int foreign, wrong, next_size = 100;

void *made(const char *name, size_t size, void *block)
{
    book("call %s %zu 0x%zx\n", name, size, (size_t)block);
    if (!block)
        return nullptr;
    if (strict_owns)
        foreign += !strict_owns(block) || malloc_usable_size(block) != size;
    wrong += malloc_usable_size(block) < size;
    memset(block, 0x5a, size);
    return block;
}

void release(const char *name, void *block)
{
    book("release %s 0x%zx\n", name, (size_t)block);
}

void give(void *block)
{
    release("free", block);
    free(block);
}

// A size that no other call has.
size_t fresh()
{
    return (size_t)(next_size += 16);
}

const char *text(size_t length)
{
    static char bytes[4096];
    memset(bytes, 'x', length);
    bytes[length] = '\0';
    return bytes;
}

void plain()
{
    size_t size = fresh(), larger = fresh() + 5000;
    void *block = made("malloc", size, opaque(malloc(size)));
    release("realloc_begins", block);
    block = made("realloc", larger, opaque(realloc(block, larger)));
    size = fresh();
    release("realloc_begins", block);
    // libc's is a call of realloc
    block = made(strict_owns ? "reallocarray" : "realloc", 4 * size,
                 opaque(reallocarray(block, 4, size)));
    give(block);
    size = fresh();
    give(made("calloc", 3 * size, opaque(calloc(3, size))));
    size = fresh();
    give(made("realloc", size, opaque(realloc(opaque(nullptr), size))));
    size = fresh();
    give(made("malloc", size + 1, opaque(strdup(text(size)))));
    free(nullptr); // nothing to tell
}

// Sizes that fit beside the block's address in one word of the record, just so and not.
void at_the_edge()
{
    for (size_t edge = 65534; edge <= 65537; edge++) {
        void *block = made("malloc", edge, opaque(malloc(edge)));
        release("realloc_begins", block);
        give(made("realloc", 2 * edge, opaque(realloc(block, 2 * edge))));
    }
}

void aligned()
{
    void *block = nullptr;
    size_t size = fresh();
    wrong += posix_memalign(&block, 256, size) != 0 || (uintptr_t)block % 256;
    give(made("posix_memalign", size, opaque(block)));
    size = fresh() * 64;
    give(made("aligned_alloc", size, opaque(aligned_alloc(64, size))));
    size = fresh();
    give(made("memalign", size, opaque(memalign(512, size))));
    size = fresh();
    give(made("valloc", size, opaque(valloc(size))));
    size = fresh();
    if (!mallctl) // jemalloc has no pvalloc, and cannot free libc's
        give(made("pvalloc", size, opaque(pvalloc(size))));
}

struct alignas(128) wide {
    char bytes[128 * 5];
};

void by_new()
{
    size_t size = fresh();
    void *block = made("malloc", size, opaque(operator new(size)));
    release("free", block);
    operator delete(block);
    size = fresh();
    block = made("malloc", size, opaque(operator new[](size, std::nothrow)));
    release("free", block);
    operator delete[](block, std::nothrow);
    size = fresh();
    block = made("malloc", size, opaque(operator new(size)));
    release("free", block);
    operator delete(block, size);
    wide *object = static_cast<wide *>(made("aligned_alloc", sizeof(wide), opaque(new wide)));
    wrong += (uintptr_t)object % 128;
    release("free", object);
    delete object;
}

// C23's, which a libc may lack: asked for by name, as a program would. What stands in for them then
// is free.
void sized(bool there)
{
    auto free_sized = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
    auto free_aligned_sized =
        (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
    if (!free_sized || !free_aligned_sized)
        return;
    size_t size = fresh();
    void *block = made("malloc", size, opaque(malloc(size)));
    release(there ? "free_sized" : "free", block);
    free_sized(block, size);
    size = fresh() * 64;
    block = made("aligned_alloc", size, opaque(aligned_alloc(64, size)));
    release(there ? "free_aligned_sized" : "free", block);
    free_aligned_sized(block, 64, size);
}

// What fails leaves everything as it was.
void failures()
{
    volatile size_t huge = PTRDIFF_MAX, half = SIZE_MAX / 2 + 1;
    size_t size = fresh();
    void *block = made("malloc", size, opaque(malloc(size))), *other = block;
    wrong += opaque(malloc(huge)) != nullptr;
    wrong += opaque(realloc(block, huge)) != nullptr;
    if (!strict_owns) {
        wrong += opaque(calloc(half, 2)) != nullptr;
        wrong += opaque(reallocarray(block, half, 2)) != nullptr;
        wrong += posix_memalign(&other, 3, size) == 0 || other != block;
    }
    wrong += *static_cast<unsigned char *>(block) != 0x5a;
    give(block);
}

} // namespace

int main(int argc, char **)
{
    static const char *const names[] = {
        "malloc",   "calloc",        "realloc", "reallocarray", "free",       "posix_memalign",
        "memalign", "aligned_alloc", "valloc",  "pvalloc",      "free_sized", "free_aligned_sized"};
    long before[12];
    for (int i = 0; strict_calls && i < 12; i++)
        before[i] = strict_calls(names[i]);
    plain();
    at_the_edge();
    aligned();
    if (!mallctl) // jemalloc has its own operator new, which is no malloc
        by_new();
    sized(strict_owns || argc > 1);
    for (int i = 0; strict_calls && i < 12; i++)
        book("strict_%s %ld\n", names[i], strict_calls(names[i]) - before[i]);
    failures();
    book("foreign %d\nwrong %d\n", foreign, wrong);
    return wrong || foreign;
}
