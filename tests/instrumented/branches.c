/* 100 000 different stacks: five levels of ten functions; and with an argument, a recursion of
 * that depth. */
#include <stdlib.h>

typedef void branch(int left);

#define BRANCHES(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#define NAME(n)     a_function_with_a_long_name_##n
#define DECLARE(n)  static branch NAME(n);
#define LISTED(n)   NAME(n),
#define BODY(n)                                                                                    \
    static void NAME(n)(int left)                                                                  \
    {                                                                                              \
        for (int i = 0; left && i < 10; i++)                                                       \
            branches[i](left - 1);                                                                 \
    }

BRANCHES(DECLARE)
static branch *const branches[] = {BRANCHES(LISTED)};
BRANCHES(BODY)

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
