/* 100 000 different stacks: five levels of ten functions; and with an argument, a recursion of
 * that depth. */
#include <stdlib.h>

typedef void branch(int left);
static branch *const branches[10];

#define BRANCH(n)                                                                                  \
    static void a_function_with_a_long_name_##n(int left)                                          \
    {                                                                                              \
        for (int i = 0; left && i < 10; i++)                                                       \
            branches[i](left - 1);                                                                 \
    }
BRANCH(0)
BRANCH(1) BRANCH(2) BRANCH(3) BRANCH(4) BRANCH(5) BRANCH(6) BRANCH(7) BRANCH(8) BRANCH(9)

#define NAME(n) a_function_with_a_long_name_##n
    static branch *const branches[10] = {NAME(0), NAME(1), NAME(2), NAME(3), NAME(4),
                                         NAME(5), NAME(6), NAME(7), NAME(8), NAME(9)};

static volatile int depth;

static void recursive(int left)
{
    if (left > 1)
        recursive(left - 1);
    depth++;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        recursive(atoi(argv[1]));
    else
        for (int i = 0; i < 10; i++)
            branches[i](4);
    return 0;
}
