# needs: python3 gcc /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 /usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4 /usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0
# quick
# trace: folded
# Allocators preloaded before the tracer and after it, and one that a program is linked to.
cat >program.c <<'C'
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void *work(void *seed) {
    unsigned random = (unsigned)(uintptr_t)seed; char *held[200] = {0}; uintptr_t sum = 0;
    for (int i = 0; i < 20000; i++) {
        random = random * 1103515245 + 12345; unsigned at = random >> 16 & 127, size = (random >> 8) % 5000 + 1;
        switch (random >> 28) {
        case 0: held[at] = realloc(held[at], size); held[at][0] = 1; break;
        case 1: free(held[at]); held[at] = aligned_alloc(256, (size + 255) & ~255u); sum += (uintptr_t)held[at] % 256; break;
        case 2: free(held[at]); if (posix_memalign((void **)&held[at], 64, size)) abort(); sum += (uintptr_t)held[at] % 64; break;
        case 3: free(held[at]); held[at] = calloc(size, 3); for (unsigned k = 0; k < size * 3; k++) sum += (unsigned char)held[at][k]; break;
        default: free(held[at]); held[at] = malloc(size); memset(held[at], 1, size); sum += malloc_usable_size(held[at]) < size;
        }
    }
    for (int i = 0; i < 200; i++) free(held[i]);
    return (void *)sum;
}
int main(void) {
    pthread_t t[6]; uintptr_t sum = 0; void *result;
    for (uintptr_t i = 0; i < 6; i++) pthread_create(&t[i], NULL, work, (void *)(i + 1));
    for (int i = 0; i < 6; i++) { pthread_join(t[i], &result); sum += (uintptr_t)result; }
    printf("%zu\n", (size_t)sum);
}
C
gcc -O1 -pthread -o program program.c
folder=/usr/lib/x86_64-linux-gnu
for library in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2.0; do
    for order in "$folder/$library $VITTE_LIBRARY" "$VITTE_LIBRARY $folder/$library"; do
        echo "$library"
        LD_PRELOAD=$order ./program || echo "status $?"
        LD_PRELOAD=$order python3 -c 'import threading; print(len([str(i) for i in range(10000)])); t = threading.Thread(target=print, args=("thread",)); t.start(); t.join()' || echo "status $?"
        LD_PRELOAD=$order sh -c 'sort /etc/passwd | md5sum; gcc -O1 -c -o program.o program.c && ls program.o' || echo "status $?"
    done
    gcc -O1 -pthread -o linked program.c "$folder/$library" -Wl,-rpath,"$folder"
    ./linked || echo "status $?"
done
