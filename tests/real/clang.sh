# needs: clang ld.bfd
# clang with its integrated assembler, and with optimisation at link time by threads.
cat >hello.c <<'C'
#include <stdio.h>
#include <string.h>
static int count(const char *s) { return (int)strlen(s); }
int main(void) { printf("%d\n", count("hello")); return 3; }
C
for flags in -O0 -O2 "-O2 -g" "-O2 -fno-integrated-as"; do
    clang $flags -o hello hello.c
    ./hello || echo "status $?"
done
clang -O2 -emit-llvm -S -o - hello.c | md5sum
clang -c -Weverything -fno-color-diagnostics -o /dev/null -xc - <<'C' 2>&1
int f(void) { int unused; return 1.5; }
C
rm hello
