# needs: gcc g++ ld objdump nm strip readelf
# quick
# trace: folded
# The compiler driver, cc1, as, collect2, ld; link-time optimisation with its own make; binutils.
cat >hello.c <<'C'
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
double f(double x) { return sqrt(x) + 1; }
int main(int argc, char **argv) { for (int i = 0; i < 3; i++) printf("%f\n", f(argc + i)); return 3; }
C
for flags in -O0 -O2 "-O2 -g -fno-record-gcc-switches" "-O3 -flto -frandom-seed=1" -static "-O2 -pipe"; do
    gcc $flags -o hello hello.c -lm
    ./hello || echo "status $?"
    [ "$flags" = -static ] || objdump -d --no-show-raw-insn hello | md5sum
done
gcc -E hello.c | md5sum
gcc -S -O2 -o - hello.c | md5sum
gcc -c -O2 hello.c
ld -r -o merged.o hello.o && nm merged.o
readelf -h hello.o | grep Type
strip hello
gcc -c -Wall -o /dev/null -xc - <<'C' 2>&1 | sed 's/\x1b\[[0-9;]*m//g'
int f(void) { int unused; return "text"; }
C
gcc -c broken.c 2>&1 || echo "status $?"
gcc -shared -fPIC -o libf.so hello.c -Dmain=other -lm
gcc -o user -xc - -L. -lf -Wl,-rpath,. <<'C'
#include <stdio.h>
double f(double);
int main(void) { printf("%g\n", f(4)); }
C
./user
