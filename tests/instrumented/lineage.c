/* lineage (plain|scrubbed) NAME: the process NAME of a tree, whose last argument is what it is
 * known by. root makes a child in each way there is that ends in another program, among them a
 * chain of five that become each other; scrubbed: with empty environments where one is given.
 * Every process prints "child NAME PID PARENT" and calls works() three times; the root prints the
 * sums. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum { WORKS = 3, CHAIN = 5 };

extern char **environ;
static char *nothing[] = {NULL};
static char *me, *mode;
static char **given; /* what children get for an environment */
static volatile int sink;

__attribute__((noinline)) static void works(void)
{
    sink++;
}

/* One write, so that lines of several processes do not mix. */
PLAIN static void tell(const char *name, const char *parent)
{
    char line[128];
    int length = snprintf(line, sizeof line, "child %s %d %s\n", name, (int)getpid(), parent);
    if (write(1, line, (size_t)length) != length)
        abort();
    for (int i = 0; i < WORKS; i++)
        works();
}

PLAIN static void become(const char *name)
{
    execve(me, (char *[]){me, mode, (char *)(size_t)name, NULL}, given);
    _exit(99);
}

PLAIN static void await(pid_t pid)
{
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        abort();
}

PLAIN static void run_by_shell(const char *name)
{
    char command[4200];
    snprintf(command, sizeof command, "'%s' %s %s; true", me, mode, name);
    if (strcmp(name, "by_system") == 0) {
        if (system(command) != 0)
            abort();
        return;
    }
    FILE *stream = popen(command, "r");
    char line[128];
    while (stream && fgets(line, sizeof line, stream))
        if (write(1, line, strlen(line)) < 0)
            abort();
    if (!stream || pclose(stream) != 0)
        abort();
}

/* Where the chain is: chainN becomes chainN+1. */
PLAIN static int chain(const char *name)
{
    static char next[16];
    int number = atoi(name + 5);
    char before[16];
    snprintf(before, sizeof before, "chain%d", number - 1);
    tell(name, number ? before : "root");
    if (number == CHAIN - 1)
        return 0;
    snprintf(next, sizeof next, "chain%d", number + 1);
    become(next);
    return 1;
}

PLAIN static int root(void)
{
    pid_t pid;
    char *spawned[] = {me, mode, "by_spawn", NULL};
    tell("root", "-");
    if ((pid = fork()) == 0)
        become("by_fork");
    await(pid);
    if ((pid = _Fork()) == 0)
        become("by__Fork");
    await(pid);
    if ((pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) == 0)
        become("by_clone");
    await(pid);
    if ((pid = vfork()) == 0)
        become("by_vfork");
    await(pid);
    if (posix_spawn(&pid, me, NULL, NULL, spawned, given) != 0)
        abort();
    await(pid);
    run_by_shell("by_system");
    run_by_shell("by_popen");
    if ((pid = fork()) == 0)
        become("chain0");
    await(pid);
    int children = 1 + 7 + CHAIN;
    printf("children %d\nworks %d\n", children, WORKS * children);
    return fflush(stdout);
}

PLAIN int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    me = argv[0];
    mode = argv[1];
    given = strcmp(mode, "scrubbed") == 0 ? nothing : environ;
    alarm(60);
    if (strcmp(argv[2], "root") == 0)
        return root();
    if (strncmp(argv[2], "chain", 5) == 0)
        return chain(argv[2]);
    tell(argv[2], "root");
    return 0;
}
