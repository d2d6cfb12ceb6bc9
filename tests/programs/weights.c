/* See weights.h: without instrumented functions. */
#include "weights.h"

int main(void)
{
    return run_weights();
}
