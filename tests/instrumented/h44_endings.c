/* Ends in every way there is. h44_endings HOW [CODE]: calls end_work CALLS times, says so, and ends
 * by HOW with CODE; handlers of exit and quick_exit call after_work and quick_work. HOW wait,
 * handle, ignore: says "ready" and waits for signals, which end it (by default or with CODE) or,
 * for SIGINT and ignore, do not. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN __attribute__((no_instrument_function))

enum { CALLS = 5000 };

static int code;
static volatile char mark[] = "in a core, this is the target's";
static volatile int sink;
static pthread_t main_thread;

__attribute__((noinline)) static void end_work(int i)
{
    sink += i;
}
__attribute__((noinline)) static void after_work(int i)
{
    sink ^= i;
}
__attribute__((noinline)) static void quick_work(int i)
{
    sink -= i;
}

PLAIN static void at_exit(void)
{
    for (int i = 0; i < 3; i++)
        after_work(i);
}

PLAIN static void at_quick_exit_too(void)
{
    for (int i = 0; i < 2; i++)
        quick_work(i);
}

PLAIN static void work(void)
{
    for (int i = 0; i < CALLS; i++)
        end_work(i);
}

PLAIN static void *exit_here(void *unused)
{
    work();
    exit(code);
    return unused;
}

PLAIN static void *leave_here(void *unused)
{
    work();
    _exit(code);
    return unused;
}

/* main has gone by then; the process ends with this thread, with 0. */
PLAIN static void *outlive_main(void *unused)
{
    pthread_join(main_thread, NULL);
    work();
    return unused;
}

PLAIN static void start(void *(*routine)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, routine, NULL) != 0)
        abort();
}

PLAIN static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

PLAIN static void on_signal(int signal)
{
    (void)signal;
    _exit(code);
}

PLAIN static void wait_for_signals(const char *how)
{
    if (strcmp(how, "ignore") == 0)
        signal(SIGINT, SIG_IGN);
    if (strcmp(how, "handle") == 0) {
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        signal(SIGHUP, on_signal);
    }
    work();
    if (write(1, "ready\n", 6) != 6)
        abort();
    wait_for_ever(NULL);
}

PLAIN static void end_by_thread(const char *how)
{
    if (strcmp(how, "exit_in_thread") == 0)
        start(exit_here);
    else if (strcmp(how, "_exit_in_thread") == 0)
        start(leave_here);
    else if (strcmp(how, "main_pthread_exit") == 0) {
        main_thread = pthread_self();
        start(outlive_main);
        pthread_exit(NULL);
    }
    wait_for_ever(NULL);
}

PLAIN static void end(const char *how)
{
    if (strcmp(how, "exit") == 0)
        exit(code);
    if (strcmp(how, "_exit") == 0)
        _exit(code);
    if (strcmp(how, "_Exit") == 0)
        _Exit(code);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(code);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "segv") == 0)
        *(volatile int *)8 = 1;
    if (strcmp(how, "kill") == 0)
        kill(getpid(), code);
}

PLAIN int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "return";
    code = argc > 2 ? atoi(argv[2]) : 0;
    mark[0] = 'I'; /* written to, and so dumped */
    atexit(at_exit);
    at_quick_exit(at_quick_exit_too);
    if (strcmp(how, "wait") == 0 || strcmp(how, "handle") == 0 || strcmp(how, "ignore") == 0)
        wait_for_signals(how);
    if (strstr(how, "in_thread") || strstr(how, "pthread"))
        end_by_thread(how);
    work();
    if (strcmp(how, "return_beside_threads") == 0)
        start(wait_for_ever);
    end(how);
    return code;
}
