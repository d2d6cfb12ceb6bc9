/* Every call of preload/calls/processes.def: see expected.h. Execs only fail here, and of the
 * children their ends alone are looked at. surface_processes daemon: becomes one. */
#define _GNU_SOURCE
#include "expected.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void ends(pid_t pid, int code)
{
    int status;
    expect(waitpid(pid, &status, 0) == pid, "waitpid");
    EVENT("waitpid", "'pid':%d,'exit_status':%d,'result':%d", pid, code, pid);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == code, "how a child ends");
}

static void forks(void)
{
    errno = UNTOUCHED;
    pid_t pid = fork();
    if (pid == 0)
        _exit(errno == UNTOUCHED ? 3 : 1);
    expect(pid > 0 && errno == UNTOUCHED, "fork");
    EVENT("fork", "'result':%d", pid);
    ends(pid, 3);
    pid = _Fork();
    if (pid == 0)
        _Exit(errno == UNTOUCHED ? 4 : 1);
    EVENT("_Fork", "'result':%d", pid);
    ends(pid, 4);
    EVENT("vfork", "%s", "");
    pid = vfork();
    if (pid == 0)
        _exit(5);
    expect(pid > 0, "vfork");
    ends(pid, 5);
    SILENT(_exit); /* "exit", in the children */
    SILENT(_Exit);
}

/* Recorded before it is tried, and once more when it came back. */
#define EXEC(name, error, arguments, path, command, ...)                                           \
    do {                                                                                           \
        EVENT("exec", "%s'command':'%s'", path, command);                                          \
        FAILS(name, error, arguments, __VA_ARGS__);                                                \
    } while (0)

static void execs(void)
{
    char *const arguments[] = {"a", "b c", NULL}, *const none[] = {NULL};
    const char *path = "'path':'nowhere',", *told = "'path':'nowhere'";
    EXEC(execve, ENOENT, ("nowhere", arguments, none), path, "a b c", "%s", told);
    EXEC(execvpe, ENOENT, ("nowhere", arguments, environ), path, "a b c", "%s", told);
    EXEC(execveat, ENOTDIR, (3, "nowhere", arguments, none, 0), path, "a b c", "%s,%s", at(3),
         told);
    EXEC(fexecve, EACCES, (3, arguments, environ), "'path':'a',", "a b c", "%s", descriptor(3));
    EVENT("exec", "'path':'nowhere','command':'x y'");
    expect(execl("nowhere", "x", "y", NULL) == -1 && errno == ENOENT, "execl");
    EVENT("execve", "%s,'error':'ENOENT'", told);
    EVENT("exec", "'path':'nowhere','command':'x'");
    expect(execlp("nowhere", "x", NULL) == -1 && errno == ENOENT, "execlp");
    EVENT("execvpe", "%s,'error':'ENOENT'", told);
    EVENT("exec", "'path':'nowhere','command':'x'");
    expect(execle("nowhere", "x", NULL, none) == -1 && errno == ENOENT, "execle");
    EVENT("execve", "%s,'error':'ENOENT'", told);
    EVENT("exec", "'path':'nowhere','command':'a b c'");
    expect(execv("nowhere", arguments) == -1 && errno == ENOENT, "execv");
    EVENT("execve", "%s,'error':'ENOENT'", told);
    EVENT("exec", "'path':'nowhere','command':'a b c'");
    expect(execvp("nowhere", arguments) == -1 && errno == ENOENT, "execvp");
    EVENT("execvpe", "%s,'error':'ENOENT'", told);
}

static void wrong_pointers(void)
{
    char *const none[] = {NULL};
    for (int i = 1; i < 3; i++) {
        char *wrong = bad_pointers[i], *const inside[] = {"a", wrong, NULL};
        void *list = wrong;
        EVENT("exec", "'command':''");
        FAILS(execve, EFAULT, (wrong, none, none), "%s", "");
        EVENT("exec", "'path':'/bin/true','command':''");
        FAILS(execve, EFAULT, ("/bin/true", list, none), "'path':'/bin/true'");
        EVENT("exec", "'path':'/bin/true','command':'a'");
        FAILS(execve, EFAULT, ("/bin/true", inside, none), "'path':'/bin/true'");
        EVENT("exec", "'path':'/bin/true','command':''");
        FAILS(execve, EFAULT, ("/bin/true", none, list), "'path':'/bin/true'");
    }
}

static void spawns(void)
{
    char *const arguments[] = {"sh", "-c", "exit 6", NULL}, *const none[] = {NULL};
    const char *command = "'command':'sh -c exit 6'";
    pid_t pid = -5;
    errno = UNTOUCHED;
    expect(posix_spawn(&pid, "/bin/sh", NULL, NULL, arguments, none) == 0, "posix_spawn");
    expect(pid > 0 && errno == UNTOUCHED, "posix_spawn: the child");
    EVENT("posix_spawn", "'path':'/bin/sh',%s,'pid':%d", command, pid);
    ends(pid, 6);
    expect(posix_spawnp(&pid, "sh", NULL, NULL, arguments, environ) == 0, "posix_spawnp");
    EVENT("posix_spawnp", "'path':'sh',%s,'pid':%d", command, pid);
    ends(pid, 6);
    pid = -5;
    expect(posix_spawn(&pid, "nowhere", NULL, NULL, arguments, none) == ENOENT, "posix_spawn");
    EVENT("posix_spawn", "'path':'nowhere',%s,'pid':0,'error':'ENOENT'", command);
    expect(posix_spawnp(&pid, "nowhere", NULL, NULL, arguments, NULL) == ENOENT, "posix_spawnp");
    EVENT("posix_spawnp", "'path':'nowhere',%s,'pid':0,'error':'ENOENT'", command);
    expect(pid == -5, "posix_spawn: what a failure leaves alone");
}

static void shells(void)
{
    char line[16] = "";
    CALLS(system, 7 << 8, ("exit 7"), "'command':'exit 7'");
    CALLS(system, 1, (NULL), "%s", "");
    errno = UNTOUCHED;
    FILE *stream = popen("echo 8; exit 9", "r");
    expect(stream && errno == UNTOUCHED, "popen");
    int fd = fileno(stream);
    EVENT("popen", "'command':'echo 8; exit 9','result':%d", fd);
    learn(fd);
    expect(fgets(line, 16, stream) && strcmp(line, "8\n") == 0, "fgets");
    EVENT("fgets", "%s,'size':16,'bytes':2", descriptor(fd));
    CALLS(pclose, 9 << 8, (stream), "%s,'exit_status':9", descriptor(fd));
    stream = popen("kill -9 $$", "w");
    expect(stream != NULL, "popen");
    fd = fileno(stream);
    EVENT("popen", "'command':'kill -9 $$','result':%d", fd);
    learn(fd);
    CALLS(pclose, 9, (stream), "%s,'killed_by':'SIGKILL'", descriptor(fd));
    FAILS_NULL(popen, EINVAL, ("true", "?"), "'command':'true'");
    CALLS(kill, 0, (getpid(), 0), "'pid':%d,'signal':0", getpid());
    FAILS(kill, EINVAL, (0, -1), "'pid':0,'signal':-1");
    uid_t user = getuid();
    CALLS(setuid, 0, (user), "'number':%u", user);
    CALLS(seteuid, 0, (user), "'number':%u", user);
    CALLS(setreuid, 0, (user, user), "'number':%u", user);
    CALLS(setresuid, 0, (user, user, user), "'number':%u", user);
}

static int becomes_daemon(void)
{
    int status;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t pid = fork();
    if (pid == 0)
        _exit(daemon(1, 1) == 0 && errno == 0 ? 11 : 1);
    expect(waitpid(pid, &status, 0) == pid && status == 0, "daemon: its parent");
    expect(wait(&status) > 0 && status == 11 << 8, "daemon");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "daemon") == 0)
        return becomes_daemon();
    surface_begin();
    setenv("PATH", "/usr/bin:/bin", 1); /* folders that anybody may look into */
    OPENS(creat, 3, "no program", ("no program", 0600), "'path':'no program'");
    shut(3);
    OPENS(open, 3, "no program", ("no program", O_RDONLY),
          "'path':'no program','flags':'O_RDONLY'");
    forks();
    execs();
    wrong_pointers();
    spawns();
    shells();
    EVENT("dlopen", "'path':'no such library'");
    expect(!dlopen("no such library", RTLD_NOW), "dlopen");
    return 0;
}
