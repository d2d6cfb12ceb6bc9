/* What went wrong, for the user: one line that names what happened, to which file, and what to do.
 * Made where it is found, printed once by the command. */
#ifndef VT_COLLECTOR_PROBLEM_H
#define VT_COLLECTOR_PROBLEM_H

struct problem {
    char text[1024]; /* "" : nothing yet */
};

/* Keeps the first problem only. Returns -1, so that callers can `return problem_set(…)`. */
int problem_set(struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
