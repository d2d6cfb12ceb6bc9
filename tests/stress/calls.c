/* Calls, and the ways out of them: returns, longjmp, exceptions (exceptions.cc), and calls in
 * libraries that come and go (library.c). */
#include "parts.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

static volatile int sink;

void leaf(int i)
{
    BOOK(leaf);
    sink += i;
}

int node(struct dice *dice, int depth)
{
    BOOK(node);
    int calls = 1;
    if (depth == 0) {
        leaf(calls);
        return 2;
    }
    for (unsigned i = draw(dice, 4); i > 0; i--)
        calls += node(dice, depth - 1);
    return calls;
}

void do_calls(struct dice *dice)
{
    uint64_t calls = 0;
    for (unsigned i = draw(dice, 10); i > 0; i--) {
        errno = 4711;
        calls += (uint64_t)node(dice, (int)draw(dice, 8));
        MUST(errno == 4711);
    }
    count_calls(calls);
}

NOINLINE static void jump_down(jmp_buf *back, int depth)
{
    BOOK(jump_down);
    if (depth == 0)
        longjmp(*back, 7);
    jump_down(back, depth - 1);
    stress_failed(__FILE__, __LINE__, "came back");
}

NOINLINE static void jump_back(int depth)
{
    BOOK(jump_back);
    jmp_buf back;
    volatile int there = depth;
    int answer = setjmp(back);
    if (answer == 0)
        jump_down(&back, depth);
    MUST(answer == 7 && there == depth);
    leaf(1);
}

void do_jumps(struct dice *dice)
{
    for (unsigned i = draw(dice, 10); i > 0; i--)
        jump_back((int)draw(dice, 12));
}

void do_exceptions(struct dice *dice)
{
    for (unsigned i = draw(dice, 5); i > 0; i--)
        MUST(catch_it((int)draw(dice, 12)));
}

void do_library(struct dice *dice)
{
    char path[PATH_MAX + 16];
    const char *program = program_path();
    int depth = (int)draw(dice, 20);
    snprintf(path, sizeof path, "%.*s/%c.so", (int)(strrchr(program, '/') - program), program,
             "ab"[draw(dice, 2)]);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int (*work)(int) = library ? (int (*)(int))dlsym(library, "library_work") : NULL;
    MUST(work != NULL);
    if (!work)
        return;
    MUST(work(depth) == depth);
    MUST(dlclose(library) == 0);
}
