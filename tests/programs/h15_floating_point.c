/* Looks at its floating point environment: at main, behind calls that are recorded or drawn for
 * it, and with an exception that would end it at the first inexact result. */
#define _GNU_SOURCE
#include "book.h"

#include <fcntl.h>
#include <fenv.h>
#include <stdlib.h>

enum { CALLS = 20000 };

static void call(void)
{
    for (int i = 0; i < CALLS; i++)
        free(opaque(malloc(1000)));
    close(open("/dev/null", O_RDONLY));
}

int main(void)
{
    int at_main = fetestexcept(FE_ALL_EXCEPT);
    call();
    int behind = fetestexcept(FE_ALL_EXCEPT);
    feclearexcept(FE_ALL_EXCEPT);
    feenableexcept(FE_INEXACT | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW | FE_DIVBYZERO);
    call();
    fedisableexcept(FE_ALL_EXCEPT);
    book("at_main %d\nbehind %d\n", at_main, behind);
    return 0;
}
