/* A forest of calls: forest THREADS CALLS [PROCESSES]. Each thread makes CALLS calls among 200
 * functions, in call trees that a seeded generator draws, so two runs make the same calls. Every
 * function counts itself; at the end "NAME COUNT" is printed for each. With PROCESSES, that many
 * forked children do the same at once and are counted in. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEN(X, t) X(t##0) X(t##1) X(t##2) X(t##3) X(t##4) X(t##5) X(t##6) X(t##7) X(t##8) X(t##9)
#define HUNDRED(X, h)                                                                              \
    TEN(X, h##0)                                                                                   \
    TEN(X, h##1)                                                                                   \
    TEN(X, h##2)                                                                                   \
    TEN(X, h##3)                                                                                   \
    TEN(X, h##4) TEN(X, h##5) TEN(X, h##6) TEN(X, h##7) TEN(X, h##8) TEN(X, h##9)
#define ALL(X) HUNDRED(X, tree_0) HUNDRED(X, tree_1)

enum {
#define X(name) NUMBER_##name,
    ALL(X)
#undef X
        FUNCTIONS,
    GROW = FUNCTIONS,
    MAIN,
    COUNTS
};
enum { DEEPEST = 60, THREADS = 64 };

struct walk {
    uint64_t random, left;
    uint64_t calls[COUNTS];
};

typedef void node(struct walk *walk, unsigned depth);
extern node *const nodes[FUNCTIONS];
static uint64_t *sums; /* shared by the processes */
static uint64_t calls_of_each;

#define QUIET __attribute__((no_instrument_function))

QUIET static inline __attribute__((always_inline)) unsigned draw(struct walk *walk, unsigned below)
{
    walk->random = walk->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(walk->random >> 33) % below;
}

QUIET static inline __attribute__((always_inline)) void branch(struct walk *walk, unsigned depth)
{
    for (unsigned children = draw(walk, 5); children > 0 && walk->left && depth < DEEPEST;
         children--) {
        walk->left--;
        nodes[draw(walk, FUNCTIONS)](walk, depth + 1);
    }
}

#define X(name)                                                                                    \
    static __attribute__((noinline)) void name(struct walk *walk, unsigned depth)                  \
    {                                                                                              \
        walk->calls[NUMBER_##name]++;                                                              \
        branch(walk, depth);                                                                       \
    }
ALL(X)
#undef X

node *const nodes[FUNCTIONS] = {
#define X(name) name,
    ALL(X)
#undef X
};

QUIET static void add(const struct walk *walk)
{
    for (int i = 0; i < COUNTS; i++)
        __atomic_fetch_add(&sums[i], walk->calls[i], __ATOMIC_RELAXED);
}

static void *grow(void *seed)
{
    struct walk walk = {.random = (uint64_t)(uintptr_t)seed, .left = calls_of_each};
    walk.calls[GROW]++;
    while (walk.left) {
        walk.left--;
        nodes[draw(&walk, FUNCTIONS)](&walk, 0);
    }
    add(&walk);
    return NULL;
}

QUIET static void plant(unsigned threads, unsigned seed)
{
    pthread_t handles[THREADS];
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&handles[i], NULL, grow, (void *)(uintptr_t)(seed * THREADS + i + 1)) !=
            0)
            exit(3);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(handles[i], NULL);
}

QUIET static void print(void)
{
    static const char *const names[] = {
#define X(name) #name,
        ALL(X)
#undef X
            [GROW] = "grow",
        [MAIN] = "main"};
    for (int i = 0; i < COUNTS; i++)
        printf("%s %llu\n", names[i], (unsigned long long)sums[i]);
}

int main(int argc, char **argv)
{
    unsigned threads = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    unsigned processes = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
    calls_of_each = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    sums = mmap(NULL, COUNTS * sizeof *sums, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                0);
    if (sums == MAP_FAILED || threads > THREADS)
        return 2;
    sums[MAIN] = 1;
    for (unsigned i = 1; i <= processes; i++)
        if (fork() == 0) {
            plant(threads, i);
            _exit(0);
        }
    plant(threads, 0);
    while (wait(NULL) > 0)
        ;
    print();
    return 0;
}
