/* What all processes of a run share, in a file that is mapped: the books, a page for each process
 * image, and when everything has to be over. */
#include "parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { IMAGES = 8192, MOST_CALLS = 4 * 1000 * 1000 };
static const char BOOKS[] = "stress-books";

struct page {
    int pid;
    uint64_t numbers[STRESS_NUMBERS];
};

static struct books {
    int images, failures, loose;
    uint64_t calls; /* of all: a limit on what a trace may become */
    struct timespec until;
    char text[64 * 256]; /* what failed */
    struct page pages[IMAGES];
} * books;

static struct page *mine;

/* Only system calls that no tracer sees. */
PLAIN static void map_books(int fresh)
{
    long fd = syscall(SYS_openat, AT_FDCWD, BOOKS, O_RDWR | (fresh ? O_CREAT | O_TRUNC : 0), 0600);
    if (fresh)
        syscall(SYS_ftruncate, fd, sizeof *books);
    books = mmap(NULL, sizeof *books, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    syscall(SYS_close, fd);
    if (books == MAP_FAILED)
        syscall(SYS_exit_group, 99);
}

void books_create(int seconds)
{
    map_books(1);
    clock_gettime(CLOCK_MONOTONIC, &books->until);
    books->until.tv_sec += seconds;
}

void books_open(void)
{
    map_books(0);
}

void page_begin(void)
{
    int number = __atomic_fetch_add(&books->images, 1, __ATOMIC_RELAXED);
    if (number >= IMAGES)
        syscall(SYS_exit_group, 98);
    mine = &books->pages[number];
    mine->pid = (int)syscall(SYS_getpid);
    stress_book(STRESS_THREADS, 1);
}

void stress_book(int number, uint64_t count)
{
    __atomic_fetch_add(&mine->numbers[number], count, __ATOMIC_RELAXED);
}

void stress_failed(const char *file, int line, const char *what)
{
    int saved = errno, number = __atomic_fetch_add(&books->failures, 1, __ATOMIC_RELAXED);
    if (number < 64) /* no stdio: it may be a handler */
        snprintf(books->text + 256 * number, 256, "%s:%d: %s (process %ld, errno %d)\n", file, line,
                 what, syscall(SYS_getpid), saved);
    errno = saved;
}

void loosely(void)
{
    __atomic_fetch_add(&books->loose, 1, __ATOMIC_RELAXED);
}

void count_calls(uint64_t calls)
{
    __atomic_fetch_add(&books->calls, calls, __ATOMIC_RELAXED);
}

int is_over(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > books->until.tv_sec ||
           (now.tv_sec == books->until.tv_sec && now.tv_nsec >= books->until.tv_nsec) ||
           __atomic_load_n(&books->calls, __ATOMIC_RELAXED) > MOST_CALLS;
}

void limit_life(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = books->until};
    timer_t timer;
    when.it_value.tv_sec += 30;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, TIMER_ABSTIME, &when, NULL) != 0)
        syscall(SYS_exit_group, 97);
}

int books_print(void)
{
    static const char *const names[STRESS_NUMBERS] = {
#define FUNCTION(name, traced) [FUNCTION_##name] = "calls:" traced,
        STRESS_FUNCTIONS(FUNCTION)
#undef FUNCTION
#define CALL(name) [CALL_##name] = #name, [BYTES_##name] = "bytes:" #name,
            STRESS_CALLS(CALL)
#undef CALL
                [STRESS_THREADS] = "threads",
    };
    for (int i = 0; i < books->images; i++)
        for (int k = 0; k < STRESS_NUMBERS; k++)
            if (books->pages[i].numbers[k])
                printf("%d %d %s\t%llu\n", i, books->pages[i].pid, names[k],
                       (unsigned long long)books->pages[i].numbers[k]);
    printf("0 %d loose\t%d\n", books->pages[0].pid, books->loose);
    fwrite(books->text, 1, strnlen(books->text, sizeof books->text), stderr);
    for (int i = 1; i < 64 && i < books->failures; i++)
        fputs(books->text + 256 * i, stderr);
    return books->failures;
}
