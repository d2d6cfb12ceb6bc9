/* Looks at its own return addresses while it is traced with stacks and sampled: each is read when
 * its function begins and again when it is about to end, and must point behind the call. Also, what
 * descriptors are open is the program's affair alone (H27): after closefrom(3) a new file is 3, and
 * nobody writes to it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static long changed, looked;

__attribute__((noinline)) static long descend(int depth)
{
    void *const *frame = __builtin_frame_address(0);
    void *before = __builtin_return_address(0), *slot = frame[1];
    void *volatile block = malloc((size_t)depth + 1);
    long sum = depth;
    for (volatile int i = 0; i < 2000; i = i + 1)
        sum += i;
    if (depth)
        sum += descend(depth - 1);
    free(block);
    looked++;
    changed += before != __builtin_return_address(0) || slot != frame[1] || slot != before;
    return sum;
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -1; /* the folder's own */
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

int main(void)
{
    struct stat info;
    int before = open_descriptors();
    volatile long sum = 0;
    for (int i = 0; i < 300; i++)
        sum += descend(40);
    printf("looked %ld\nchanged %ld\n", looked, changed);
    printf("descriptors %d\n", open_descriptors() - before);
    closefrom(3);
    int fd = open("mine", O_RDWR | O_CREAT, 0600);
    printf("mine %d\n", fd);
    for (int i = 0; i < 300; i++)
        sum += descend(40);
    fstat(fd, &info);
    printf("bytes %ld\n", (long)info.st_size);
    return 0;
}
