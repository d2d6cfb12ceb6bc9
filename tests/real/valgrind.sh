# needs: valgrind gcc
# trace: folded
# seconds: 120
# Valgrind on a program with an error and a leak; the program carries the tracer inside of it.
cat >program.c <<'C'
#include <stdio.h>
#include <stdlib.h>
int main(void) { int *p = malloc(40); char *l = malloc(77); l[0] = 1; int x = p[3]; free(p); printf("%d\n", l[0]); l = NULL; return p[2] == x; }
C
gcc -g -O0 -w -o program program.c
for tool in "memcheck --leak-check=full --error-exitcode=9" "callgrind --callgrind-out-file=/dev/null" helgrind none; do
    valgrind --tool=$tool --log-file=log ./program || echo "status $?"
    sed 's/==[0-9]*== *//' log | grep -E 'Invalid read|definitely lost in|ERROR SUMMARY|HEAP' || true
done
valgrind -q true && echo quiet
rm log
