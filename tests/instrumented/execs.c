/* Becomes other programs by exec: execs FIRST.. calls first(), and while arguments are left, execs
 * itself with one less. An exec that fails is in between. Prints one line in each image. */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

static volatile int sink;

static __attribute__((noinline)) void image_function(void)
{
    sink++;
}

static __attribute__((noinline)) void becomes(char **arguments)
{
    execv("/nonexistent/program", arguments);
    image_function();
    execv("/proc/self/exe", arguments);
}

int main(int argc, char **argv)
{
    image_function();
    printf("image %d\n", argc);
    fflush(stdout);
    if (argc > 1) {
        argv[1] = argv[0];
        becomes(argv + 1);
        return 1;
    }
    return 0;
}
