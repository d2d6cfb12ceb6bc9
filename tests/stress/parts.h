/* What the parts of the stress program do for each other; one file a part. Acts are called do_…,
 * and roll dice for how and how often. What is NOINLINE here is instrumented and counts itself. */
#ifndef VT_TESTS_STRESS_PARTS_H
#define VT_TESTS_STRESS_PARTS_H

#include "stress.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct dice {
    uint64_t state;
};

PLAIN static inline unsigned draw(struct dice *dice, unsigned below)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ z >> 31) >> 32) % below;
}

/* ---- books.c ---- */

PLAIN void books_create(int seconds); /* it is over then */
PLAIN void books_open(void);          /* those of the process that made this one */
PLAIN void page_begin(void);          /* this process has a page of its own from here on */
PLAIN void loosely(void);             /* an act that cannot be booked exactly */
PLAIN void count_calls(uint64_t calls);
PLAIN int books_print(void); /* how many checks failed */
PLAIN int is_over(void);
PLAIN void limit_life(void); /* whatever happens, this process will not stay */

/* ---- calls.c ---- */

NOINLINE void leaf(int i);
NOINLINE int node(struct dice *dice, int depth); /* how many calls it made */
PLAIN void do_calls(struct dice *dice);
PLAIN void do_jumps(struct dice *dice);
PLAIN void do_exceptions(struct dice *dice);
PLAIN void do_library(struct dice *dice);

/* ---- memory.c ---- */

enum { BLOCKS = 24 };

struct block {
    unsigned char *at;
    size_t size;
    unsigned char byte;
};

PLAIN void do_memory(struct dice *dice, struct block *blocks);
PLAIN void drop_all(struct block *blocks);

/* ---- io.c ---- */

NOINLINE ssize_t io_read(int fd, void *buffer, size_t size);
NOINLINE ssize_t io_write(int fd, const void *buffer, size_t size);
PLAIN void let_go(int fd);
PLAIN void do_pipes(struct dice *dice);
PLAIN void do_file(struct dice *dice);

/* ---- threads.c ---- */

PLAIN void threads_prepare(void);

/* 0, or an error; and the thread's result. */
PLAIN int make_thread(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *),
                      void *argument);
PLAIN void *end_thread(pthread_t thread);

PLAIN void do_exchange(struct dice *dice);
PLAIN void do_short_threads(struct dice *dice);
PLAIN void wait_for_short_ones(void);
PLAIN void forget_short_ones(void); /* in a fork's child */
PLAIN void do_cancel(struct dice *dice);

/* ---- signals.c ---- */

PLAIN void signals_prepare(void);

struct timers {
    timer_t timer;
    void *stack;
};

/* Signals of a timer of its own for the calling thread, on a small stack of its own; and no more
 * signals, and none that comes late. */
PLAIN void timer_begin(struct timers *timers, struct dice *dice);
PLAIN void timer_end(struct timers *timers);
PLAIN void forget_echo(void); /* this thread's handlers have no pipe from here on */

/* ---- processes.c ---- */

PLAIN void processes_prepare(void);
PLAIN const char *program_path(void);
PLAIN int was_made_alone(void); /* by a thread without others: the loader may be used */
PLAIN void reap(pid_t pid);
PLAIN void do_fork(struct dice *dice, int level);
PLAIN void do_spawn(struct dice *dice, int level);

/* What a child does by itself. `full`: fork ran its handlers, so malloc and threads may be used. */
NOINLINE void in_child(uint64_t seed, int full, int level);

/* ---- loose.c ---- */

PLAIN void loose_prepare(void);
PLAIN void act_loosely(struct dice *dice);

/* ---- stress.c ---- */

/* One act, whichever the dice say. `level`: of processes, 0 in the first one. */
PLAIN void act(struct dice *dice, struct block *blocks, int level);

#endif
