/* A daemon by the book. h42_daemon WAY FOLDER: forks twice with a setsid in between (or calls
 * daemon), leaves every descriptor behind by WAY, waits at the pipe FOLDER/go until somebody
 * writes, and works, writing into files whose descriptors must be 0, 1, 2 and 3. What went wrong
 * goes to FOLDER/wrong. WAY closed:MASK: no daemon, but a program started without the descriptors
 * of the mask (1, 2, 4): its files must get those, and then 3 and so on. fresh:MASK becomes that,
 * without what it inherited. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum { FILES = 4, TURNS = 20, WORK = 1200 };

static const char *folder;
static int started_without = 7;
static int numbers[FILES + 1]; /* the descriptors that are to come */
static volatile int sink;

__attribute__((noinline)) static void before_work(int i)
{
    sink += i;
}
__attribute__((noinline)) static void daemon_work(int i)
{
    sink ^= i;
}

PLAIN static int at(const char *name, int flags)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, flags, 0600);
}

PLAIN static void wrong(const char *what, int number)
{
    char line[256];
    int fd = at("wrong", O_WRONLY | O_APPEND | O_CREAT);
    int length = snprintf(line, sizeof line, "%s: %d\n", what, number);
    if (write(fd, line, (size_t)length) != length)
        abort();
    close(fd);
}

PLAIN static void become_daemon(const char *way)
{
    if (strcmp(way, "daemon") == 0) {
        if (daemon(0, 0) != 0)
            exit(1);
        return;
    }
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (pid < 0)
            exit(1);
        if (pid > 0)
            _exit(0);
        setsid();
    }
    umask(022);
    if (chdir("/") != 0)
        exit(1);
}

PLAIN static void close_what_is_open(void)
{
    int open_now[256], count = 0;
    DIR *list = opendir("/proc/self/fd");
    for (struct dirent *entry; list && (entry = readdir(list)) && count < 256;)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(list))
            open_now[count++] = atoi(entry->d_name);
    closedir(list);
    while (count > 0)
        close(open_now[--count]);
}

PLAIN static void leave_descriptors(const char *way)
{
    if (strcmp(way, "closefrom") == 0)
        closefrom(0);
    else if (strcmp(way, "close_range") == 0)
        close_range(0, ~0u, 0);
    else if (strcmp(way, "raw") == 0)
        syscall(SYS_close_range, 0, ~0u, 0);
    else if (strcmp(way, "list") == 0)
        close_what_is_open();
    else
        for (int fd = (int)sysconf(_SC_OPEN_MAX) - 1; fd >= 0; fd--)
            close(fd);
}

/* What is open besides its four files and what it was started with: nothing. */
PLAIN static void check_descriptors(void)
{
    struct stat info;
    for (int fd = 0; fd < 4096; fd++) {
        int wanted = fd < 3 && !(started_without >> fd & 1);
        for (int i = 0; i < FILES; i++)
            wanted |= numbers[i] == fd;
        if ((fstat(fd, &info) == 0) != wanted)
            wrong("descriptor", fd);
    }
}

PLAIN static void find_numbers(void)
{
    for (int fd = 0, i = 0; i <= FILES; fd++)
        if (fd > 2 || started_without >> fd & 1)
            numbers[i++] = fd;
}

PLAIN static void begin(const char *way)
{
    char byte;
    if (sscanf(way, "closed:%d", &started_without) != 1) {
        become_daemon(way);
        leave_descriptors(way);
        alarm(100); /* nobody waits for us if the test has failed */
        int go = at("go", O_RDONLY);
        if (go != 0 || read(go, &byte, 1) != 1)
            wrong("go", go);
        close(go);
    }
    find_numbers();
}

PLAIN static void serve(int *files)
{
    char line[64];
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < WORK; i++)
            daemon_work(i);
        int length = snprintf(line, sizeof line, "turn %d\n", turn);
        if (write(files[turn % FILES], line, (size_t)length) != length)
            wrong("write", turn);
        int extra = at("extra", O_RDWR | O_CREAT);
        if (extra != numbers[FILES])
            wrong("extra", extra);
        close(extra);
        check_descriptors();
    }
}

PLAIN static void book(const char *what, const char *name, long count)
{
    char line[256];
    int fd = at("books", O_WRONLY | O_APPEND | O_CREAT);
    int length = snprintf(line, sizeof line, "%d %s %s %ld\n", (int)getpid(), what, name, count);
    if (write(fd, line, (size_t)length) != length)
        wrong("books", fd);
    close(fd);
}

PLAIN int main(int argc, char **argv)
{
    int files[FILES];
    char name[16], path[4096];
    if (argc < 3)
        return 2;
    folder = argv[2];
    if (strncmp(argv[1], "fresh:", 6) == 0) {
        char way[16];
        snprintf(way, sizeof way, "closed:%s", argv[1] + 6);
        closefrom(3);
        execl(argv[0], argv[0], way, folder, (char *)NULL);
        return 1;
    }
    for (int i = 0; i < 10; i++)
        before_work(i);
    book("calls", "before_work", 10);
    begin(argv[1]);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%d", i);
        files[i] = at(name, O_WRONLY | O_CREAT | O_APPEND);
        if (files[i] != numbers[i])
            wrong(name, files[i]);
    }
    serve(files);
    book("calls", "daemon_work", (long)TURNS * WORK);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/file-%d", folder, i);
        book("writes", path, TURNS / FILES);
    }
    return 0;
}
