/* Threads with names: given by themselves, by their creator, through prctl, by the program's tracer
 * calls, and none at all. Each calls a function of its own: "NAME FUNCTION" is printed for each. */
#define _GNU_SOURCE
#include "vitte_trace.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>

static pthread_barrier_t named;
static volatile int sink;

#define THREAD(routine, function, naming)                                                          \
    static __attribute__((noinline)) void function(void)                                           \
    {                                                                                              \
        sink++;                                                                                    \
    }                                                                                              \
    static void *routine(void *unused)                                                             \
    {                                                                                              \
        naming;                                                                                    \
        function();                                                                                \
        return unused;                                                                             \
    }

THREAD(run_self, function_of_self, pthread_setname_np(pthread_self(), "by itself"))
THREAD(run_other, function_of_other, pthread_barrier_wait(&named))
THREAD(run_prctl, function_of_prctl, prctl(PR_SET_NAME, "by prctl"))
THREAD(run_tracer, function_of_tracer,
       vt_thread_name("a name longer than the kernel's fifteen bytes"))
THREAD(run_bytes, function_of_bytes, vt_thread_name_n("bytes, not all of them", 5))
THREAD(run_none, function_of_none, (void)0)

int main(void)
{
    static void *(*const routines[])(void *) = {run_self,   run_other, run_prctl,
                                                run_tracer, run_bytes, run_none};
    pthread_t threads[6];
    pthread_barrier_init(&named, NULL, 2);
    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, routines[i], NULL);
    pthread_setname_np(threads[1], "by another");
    pthread_barrier_wait(&named);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    printf("by itself;function_of_self\nby another;function_of_other\nby prctl;function_of_prctl\n"
           "a name longer than the kernel's fifteen "
           "bytes;function_of_tracer\nbytes;function_of_bytes\n"
           "threads_named;function_of_none\n");
    return 0;
}
