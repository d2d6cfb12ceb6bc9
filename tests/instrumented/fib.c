/* A call storm: fib(N), N from the command line (20). Prints the result and the number of calls. */
#include <stdio.h>
#include <stdlib.h>

static unsigned long calls;

static __attribute__((noinline)) int fib(int n)
{
    calls++;
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
    int result = fib(argc > 1 ? atoi(argv[1]) : 20);
    printf("%d %lu\n", result, calls);
    return 0;
}
