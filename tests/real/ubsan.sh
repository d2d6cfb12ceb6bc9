# needs: gcc clang
# quick
# trace: folded
# Programs built with UndefinedBehaviorSanitizer and LeakSanitizer, without and with something to find.
cat >program.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int shared; static void *work(void *x) { shared++; return x; }
int main(int argc, char **argv) {
    char *p = malloc(10); strcpy(p, "hello"); puts(p);
    pthread_t t; pthread_create(&t, NULL, work, p); if (argc > 1 && *argv[1] == 'r') shared++; pthread_join(t, NULL);
    if (argc > 1 && *argv[1] == 'u') { int big = 2147483647; big += argc; if (big == 7) puts(""); }
    if (argc > 1 && *argv[1] == 'o') p[atoi("16")] = 1;
    free(p); if (argc > 1 && *argv[1] == 'f') *(volatile char *)p; if (argc > 1 && *argv[1] == 'l') { p = malloc(33); p = NULL; }
    return 0; }
C
for compiler in gcc clang; do
    for sanitizer in undefined leak; do
        $compiler -g -O0 -w -fsanitize=$sanitizer -pthread -o program program.c
        for what in - u o f l r; do
            echo "$compiler $sanitizer $what"
            ./program $what 2>log || echo "status $?"
            sed 's/^==[0-9]*==//' log | grep -E '^ ?(ERROR|WARNING|SUMMARY)|runtime error' | sed 's/0x[0-9a-f]*/ADDRESS/g; s/(pid=.*)//; s/ pc .*//' || true
        done
    done
done
rm log program
