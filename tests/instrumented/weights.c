/* See ../programs/weights.h: with instrumented functions. */
#include "../programs/weights.h"

int main(void)
{
    return run_weights();
}
