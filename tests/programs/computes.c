/* Computes for 100 ms of CPU time, and makes no call that is traced. */
#include <time.h>

int main(void)
{
    struct timespec now;
    volatile unsigned long sum = 0;
    do {
        for (int i = 0; i < 10000; i++)
            sum += (unsigned long)i;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    } while (now.tv_sec == 0 && now.tv_nsec < 100000000);
    return 0;
}
