/* Allocates, reads and fails by known paths of calls, so many times by each, and prints them:
 *   PATH COUNT BYTES, the path from main on, with ';' between. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone))

static void *volatile kept[4096];
static int kept_count;

APART void allocate(size_t size, int keep)
{
    void *block = malloc(size);
    memset(block, 1, size);
    if (keep)
        kept[kept_count++] = block;
    else
        free(block);
}

APART void parse(size_t size, int keep)
{
    allocate(size, keep);
    __asm__ volatile(""); /* no tail call */
}

APART void emit(size_t size, int keep)
{
    char room[size * 2]; /* its frame is as large as it likes */
    memset(room, 1, sizeof room);
    allocate(size, keep);
    __asm__ volatile("" : : "r"(room) : "memory");
}

APART void recurse(int depth, size_t size)
{
    if (depth)
        recurse(depth - 1, size);
    else
        allocate(size, 0);
    __asm__ volatile("");
}

APART void look_for(const char *name)
{
    if (open(name, O_RDONLY) >= 0)
        abort();
    __asm__ volatile("");
}

APART void load(int fd, size_t size)
{
    char room[4096];
    if (read(fd, room, size) != (ssize_t)size)
        abort();
    __asm__ volatile("");
}

int main(void)
{
    int zero = open("/dev/zero", O_RDONLY);
    for (int i = 0; i < 100; i++)
        parse(24, 0);
    for (int i = 0; i < 70; i++)
        parse(100, 1);
    for (int i = 0; i < 30; i++)
        emit(1000, 1);
    for (int i = 0; i < 5; i++)
        recurse(3, 50);
    for (int i = 0; i < 7; i++)
        look_for("/nowhere/at/all");
    for (int i = 0; i < 11; i++)
        load(zero, 300);
    puts("main;parse;allocate;malloc 170 9400 7000");
    puts("main;emit;allocate;malloc 30 30000 30000");
    puts("main;recurse;recurse;recurse;recurse;allocate;malloc 5 250 0");
    puts("main;look_for;open 7 0 0");
    puts("main;load;read 11 3300 0");
    return 0;
}
