# needs: python3 gcc
# trace: folded
# losses: programs that may not make files as large as ours
# Limits on address space, file size, open files and stack: what is left of them is the program's.
cat >program.c <<'C'
#include <stdio.h>
#include <stdlib.h>
int main(void) { for (int i = 0; i < 100000; i++) { void *volatile p = malloc(10); free(p); } puts("ok"); return 0; }
C
gcc -O1 -o program program.c
for space in 100000 150000; do
    (ulimit -v $space; python3 -c 'x = bytearray(30 << 20); print(len(x))' 2>/dev/null) || echo "space $space: status $?"
done
for size in 0 8 600 5000; do
    (ulimit -f $size; ./program | cat) || echo "size $size: status $?"
    (ulimit -f $size; python3 -c 'open("big", "wb").write(b"x" * 3000000)' 2>/dev/null) || echo "size $size: status $?"
done
for files in 4 5 16 200; do
    (ulimit -n $files; ./program; python3 -c 'import os
n = 0
try:
    while True: os.dup(0); n += 1
except OSError as e: print(n, e)' 2>&1 | tail -n 1) || echo "files $files: status $?"
done
(ulimit -s 64; ./program) || echo "stack: status $?"
(ulimit -u 4000 2>/dev/null || true; ./program)
rm -f big
