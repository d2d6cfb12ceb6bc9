/* To be loaded: its constructor and destructor take the lock whose address is in H17_LOCK, and work
 * a little with it, while the loader's own lock is held around them. */
#include <pthread.h>
#include <stdlib.h>

static void locked(void)
{
    const char *address = getenv("H17_LOCK");
    if (!address)
        return;
    pthread_mutex_t *mutex = (pthread_mutex_t *)strtoull(address, NULL, 16);
    pthread_mutex_lock(mutex);
    free(malloc(17));
    pthread_mutex_unlock(mutex);
}

__attribute__((constructor)) static void begin(void)
{
    locked();
}

__attribute__((destructor)) static void end(void)
{
    locked();
}
