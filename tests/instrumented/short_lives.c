/* short_lives processes|threads COUNT: that many short ones, two at a time; each calls lives(),
 * allocates and opens a file. Prints the sums. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum { AT_ONCE = 2, SIZE = 12345 };

static volatile int sink;

__attribute__((noinline)) static void lives(void)
{
    void *volatile block = malloc(SIZE);
    free(block);
    close(open("/dev/null", O_RDONLY));
    sink = sink + 1;
}

PLAIN static void *routine(void *argument)
{
    lives();
    return argument;
}

PLAIN static void reap(void)
{
    int status;
    if (wait(&status) < 0 || status != 0)
        abort();
}

PLAIN static void processes(int count)
{
    for (int i = 0; i < count; i++) {
        if (i >= AT_ONCE)
            reap();
        pid_t pid = fork();
        if (pid < 0)
            abort();
        if (pid == 0) {
            lives();
            _exit(0);
        }
    }
    for (int i = 0; i < AT_ONCE; i++)
        reap();
}

PLAIN static void threads(int count)
{
    pthread_t made[AT_ONCE];
    for (int i = 0; i < count + AT_ONCE; i++) {
        pthread_t *place = &made[i % AT_ONCE];
        if (i >= AT_ONCE && pthread_join(*place, NULL) != 0)
            abort();
        if (i < count && pthread_create(place, NULL, routine, NULL) != 0)
            abort();
    }
}

PLAIN int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    alarm(100);
    (strcmp(argv[1], "threads") == 0 ? threads : processes)(atoi(argv[2]));
    printf("lives %s\nsize %d\n", argv[2], SIZE);
    return fflush(stdout);
}
