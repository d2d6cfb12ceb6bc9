/* Forks a child that waits for ever, becomes another image of itself, and kills and reaps the child
 * as that one: who saw the child end began behind it. Prints the child's number. */
#define _GNU_SOURCE
#include "book.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* By no call that is traced. */
static int is_asleep(pid_t pid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
    long size = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    return size > 0 && strstr(text, ") S ") != NULL;
}

int main(int argc, char **argv)
{
    char number[16];
    if (argc > 1) {
        pid_t child = atoi(argv[1]);
        while (!is_asleep(child))
            ;
        syscall(SYS_kill, child, SIGKILL);
        book("child %d\n", child);
        return waitpid(child, NULL, 0) != child;
    }
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    snprintf(number, sizeof number, "%d", (int)child);
    execl("/proc/self/exe", argv[0], number, (char *)NULL);
    return 1;
}
