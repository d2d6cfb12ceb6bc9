/* More events than there is room for. h45_storm THREADS CALLS [CHILDREN [FILLER]]: main and then
 * THREADS threads, one after the other, call storm_work CALLS times and open and close a file now
 * and then; then so many forked children do, when the file FILLER has taken what was left of the
 * disk. Prints how many function and I/O events that made, main's own included. h45_storm -THREADS
 * CALLS FILLER: when the threads have ended, the file FILLER is removed, and a raw fork's child
 * does the same; prints its pid and its calls. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

static long calls, opens;
static volatile int sink;

__attribute__((noinline)) static void storm_work(long i)
{
    calls++;
    sink += (int)i;
}

PLAIN static void *storm(void *count)
{
    for (long i = 0; i < *(long *)count; i++) {
        storm_work(i);
        if (i % 100 != 0)
            continue;
        int fd = open("/dev/null", O_RDONLY);
        if (fd < 0 || close(fd) != 0)
            abort();
        opens++;
    }
    return NULL;
}

PLAIN static void child_storms(pid_t pid, long *count)
{
    int status;
    if (pid == 0) {
        storm(count);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        abort();
}

static long others; /* I/O calls beside those of the storm */

PLAIN static void make_room(const char *filler, long *count)
{
    unlink(filler);
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    child_storms(pid, count);
    printf("child %d\nchild_calls %ld\n", (int)pid, *count);
    others += 2; /* unlink, printf */
}

/* Without a call that is an event. */
PLAIN static void fill(const char *filler)
{
    static const char zeros[1024];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, filler, O_WRONLY | O_CREAT | O_APPEND, 0600);
    while (syscall(SYS_write, fd, zeros, sizeof zeros) > 0)
        ;
    syscall(SYS_close, fd);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 3)
        return 2;
    long count = atol(argv[2]);
    storm(&count);
    for (int i = 0; i < abs(atoi(argv[1])); i++)
        if (pthread_create(&thread, NULL, storm, &count) != 0 || pthread_join(thread, NULL) != 0)
            return 1;
    if (argv[1][0] == '-')
        make_room(argv[3], &count);
    if (argc > 4)
        fill(argv[4]);
    for (int i = 0; argv[1][0] != '-' && argc > 3 && i < atoi(argv[3]); i++)
        child_storms(fork(), &count);
    printf("functions %ld\nio %ld\n", 2 * (calls + 1), 2 * opens + others + 1); /* this one */
    return 0;
}
