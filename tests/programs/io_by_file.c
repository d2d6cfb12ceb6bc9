/* Two files of the same name in two folders, read relative to where the program is; tells, which
 * are no re-reads; a copy within the kernel; calls that are of no file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUST(condition)                                                                            \
    do                                                                                             \
        if (!(condition))                                                                          \
            abort();                                                                               \
    while (0)

static char bytes[100];

static void make(const char *path, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    MUST(write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

/* Asks three times where it stands before it reads, as many languages' files do. */
static void read_whole(int folder, const char *name, ssize_t size)
{
    int fd = openat(folder, name, O_RDONLY);
    for (int i = 0; i < 3; i++)
        MUST(lseek(fd, 0, SEEK_CUR) == 0);
    MUST(read(fd, bytes, sizeof bytes) == size);
    close(fd);
}

int main(void)
{
    char here[4096];
    int ends[2], folder, from, to;
    MUST(mkdir("one", 0700) == 0 && mkdir("two", 0700) == 0);
    make("one/same", 10);
    make("./two/same", 30);
    MUST(chdir("one") == 0);
    read_whole(AT_FDCWD, "same", 10);
    read_whole(AT_FDCWD, "same", 10);
    MUST(chdir("../two") == 0);
    read_whole(AT_FDCWD, "same", 30);
    folder = open("../one", O_RDONLY | O_DIRECTORY);
    read_whole(folder, "same", 10);
    from = open("same", O_RDONLY);
    to = open("../copy", O_WRONLY | O_CREAT, 0600);
    MUST(copy_file_range(from, NULL, to, NULL, 20, 0) == 20);
    MUST(sendfile(to, from, NULL, 20) == 10);
    MUST(access("../one/./same", R_OK) == 0 && access("nothing", R_OK) == -1);
    for (int i = 0; i < 2; i++) {
        FILE *stream = fdopen(open("../copy", O_RDONLY), "r");
        MUST(stream && fread(bytes, 1, 5, stream) == 5 && fclose(stream) == 0);
    }
    MUST(pipe(ends) == 0 && getcwd(here, sizeof here));
    return 0;
}
