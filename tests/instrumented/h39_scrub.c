/* Gives its child an environment of its own. h39_scrub HOW PROGRAM [ENTRY…]: starts PROGRAM with
 * the argument "show" and nothing but the entries in its environment, and passes its exit status
 * on. As the child ("show") it calls show_work 6 times, prints its pid and its environment and ends
 * with 6. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

extern char **environ;
static volatile int sink;

__attribute__((noinline)) static void show_work(int i)
{
    sink += i;
}

PLAIN static int show(void)
{
    for (int i = 0; i < 6; i++)
        show_work(i);
    printf("pid %d\n", (int)getpid());
    for (char **entry = environ; entry && *entry; entry++)
        puts(*entry);
    return 6;
}

/* Searched for: the program's folder is the PATH, its last part the name. */
PLAIN static const char *on_path(const char *program)
{
    char *folder = strdup(program);
    char *slash = strrchr(folder, '/');
    *slash = '\0';
    setenv("PATH", folder, 1);
    return slash + 1;
}

PLAIN static void become(const char *how, const char *program, char **arguments, char **environment)
{
    if (strcmp(how, "execve") == 0)
        execve(program, arguments, environment);
    if (strcmp(how, "execle") == 0)
        execle(program, program, "show", (char *)NULL, environment);
    if (strcmp(how, "execvpe") == 0)
        execvpe(program, arguments, environment);
    if (strcmp(how, "execvpe_path") == 0)
        execvpe(on_path(program), arguments, environment);
    if (strcmp(how, "fexecve") == 0)
        fexecve(open(program, O_RDONLY | O_CLOEXEC), arguments, environment);
    if (strcmp(how, "execveat") == 0)
        execveat(AT_FDCWD, program, arguments, environment, 0);
    environ = environment;
    if (strcmp(how, "execv") == 0)
        execv(program, arguments);
    if (strcmp(how, "execl") == 0)
        execl(program, program, "show", (char *)NULL);
    _exit(99);
}

PLAIN static pid_t spawn(const char *how, const char *program, char **arguments, char **environment)
{
    pid_t pid = -1;
    if (strcmp(how, "posix_spawn") == 0)
        errno = posix_spawn(&pid, program, NULL, NULL, arguments, environment);
    else if (strcmp(how, "posix_spawnp") == 0)
        errno = posix_spawnp(&pid, program, NULL, NULL, arguments, environment);
    else if (strcmp(how, "posix_spawnp_path") == 0)
        errno = posix_spawnp(&pid, on_path(program), NULL, NULL, arguments, environment);
    else if (strncmp(how, "vfork_", 6) == 0) {
        pid = vfork();
        if (pid == 0)
            become(how + 6, program, arguments, environment);
    } else {
        pid = fork();
        if (pid == 0)
            become(how, program, arguments, environment);
    }
    return pid;
}

PLAIN int main(int argc, char **argv)
{
    int status;
    if (argc > 1 && strcmp(argv[1], "show") == 0)
        return show();
    if (argc < 3)
        return 2;
    char *arguments[] = {argv[2], "show", NULL};
    /* an exec that fails leaves everything as it was */
    if (execve("/nowhere/at/all", arguments, argv + 3) != -1 || errno != ENOENT)
        return 98;
    pid_t pid = spawn(argv[1], argv[2], arguments, argc > 3 ? argv + 3 : NULL);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 97;
    return WEXITSTATUS(status);
}
