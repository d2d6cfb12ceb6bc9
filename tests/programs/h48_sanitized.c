/* h48_sanitized FAULT: a little of everything that a sanitizer watches, with a thread, and then one
 * fault: none, use-after-free, overflow, leak, race, undefined, or child: a fork's child has the
 * use after free, and the parent prints how it ended. Ends with 5 when nobody minds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int guarded, shared;
static void *volatile kept;

static void *works(void *text)
{
    pthread_mutex_lock(&lock);
    guarded += (int)strlen(text);
    pthread_mutex_unlock(&lock);
    return strdup(text);
}

static void *races(void *unused)
{
    shared++;
    return unused;
}

static void work(void)
{
    char text[64] = "", *block = calloc(10, 10);
    void *copy;
    pthread_t thread;
    int fd = open("a-file", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || write(fd, "some text", 10) != 10 || lseek(fd, 0, SEEK_SET) != 0 ||
        read(fd, text, sizeof text) != 10 || close(fd) != 0)
        abort();
    block = realloc(block, 1000);
    strcpy(block, text);
    if (pthread_create(&thread, NULL, works, block) || pthread_join(thread, &copy))
        abort();
    printf("%s %s %d\n", block, (char *)copy, guarded);
    free(copy);
    free(block);
}

static void use_after_free(void)
{
    char *volatile block = malloc(40);
    free(block);
    block[3] = 1;
}

static void overflow(void)
{
    char *volatile block = malloc(40);
    block[40] = 1;
    free(block);
}

static __attribute__((noinline)) void leak(void)
{
    for (int i = 0; i < 20; i++)
        kept = malloc(1234);
    kept = NULL;
}

static void race(void)
{
    pthread_t one, other;
    if (pthread_create(&one, NULL, races, NULL) || pthread_create(&other, NULL, races, NULL))
        abort();
    pthread_join(one, NULL);
    pthread_join(other, NULL);
}

static void undefined(int big)
{
    volatile int bits = 40;
    shared = big << bits;
}

static void child(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        use_after_free();
        exit(6);
    }
    if (waitpid(pid, &status, 0) != pid)
        abort();
    printf("child %d\n", status);
}

int main(int argc, char **argv)
{
    const char *fault = argc > 1 ? argv[1] : "none";
    alarm(60);
    work();
    fflush(stdout);
    if (strcmp(fault, "use-after-free") == 0)
        use_after_free();
    else if (strcmp(fault, "overflow") == 0)
        overflow();
    else if (strcmp(fault, "leak") == 0)
        leak();
    else if (strcmp(fault, "race") == 0)
        race();
    else if (strcmp(fault, "undefined") == 0)
        undefined(argc);
    else if (strcmp(fault, "child") == 0)
        child();
    fputs("the end\n", stdout);
    return 5;
}
