# needs: gdb gcc
# gdb on a program that crashes, and on a live one with a breakpoint; the program is traced as well.
cat >program.c <<'C'
#include <stdio.h>
#include <stdlib.h>
static int twice(int x) { return 2 * x; }
int main(void) { char *p = malloc(10); p[0] = 'a'; printf("%d\n", twice(21)); fflush(stdout); free(p); abort(); }
C
gcc -g -O0 -o program program.c
gdb -nx -batch -ex 'set style enabled off' -ex 'break twice' -ex run -ex 'print x' -ex bt -ex finish \
    -ex continue -ex 'info program' ./program >out 2>errors || echo "status $?"
grep -E '^(Breakpoint 1|\$1|Value|Program received|#0  twice|#1  0x.* in main)' out | sed 's/0x[0-9a-f]*/ADDRESS/g'
rm out errors
