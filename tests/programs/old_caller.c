/* Calls pthread_create as programs linked against an older glibc do, by its old version, and as new
 * ones do. */
#define _GNU_SOURCE
#include "book.h"
#include <pthread.h>

#if defined __x86_64__
extern int old_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
__asm__(".symver old_pthread_create, pthread_create@GLIBC_2.2.5");
#else
#define old_pthread_create pthread_create
#endif

static void *routine(void *argument)
{
    return argument;
}

int main(void)
{
    pthread_t threads[2];
    int created = 0;
    created += old_pthread_create(&threads[0], NULL, routine, NULL) == 0;
    created += pthread_create(&threads[1], NULL, routine, NULL) == 0;
    for (int i = 0; i < created; i++)
        pthread_join(threads[i], NULL);
    book("created %d\n", created);
    return created != 2;
}
