/* What only a process with one thread may do: enter a user namespace of its own. Prints how many
 * threads it has, at several moments, and what unshare answered; works before and after. */
#define _GNU_SOURCE
#include "../programs/book.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum { CALLS = 40000 };

static volatile int sink;

__attribute__((noinline)) static void called(int i)
{
    sink += i;
}

PLAIN static int count_threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

PLAIN static void work(void)
{
    for (int i = 0; i < CALLS; i++)
        called(i);
    close(open("/dev/null", O_RDONLY));
}

PLAIN int main(void)
{
    alarm(60);
    int first = count_threads();
    work();
    int answer = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
    work();
    book("threads %d\nthreads_later %d\nunshare %d\ncalls %d\n", first, count_threads(), answer,
         2 * CALLS);
    return 0;
}
