/* A program's file: whether the loader would put the tracer into it (H40, H41, H48). */
#ifndef VT_COLLECTOR_PROGRAM_H
#define VT_COLLECTOR_PROGRAM_H

#include <stddef.h>

/* Why a program cannot be traced, as the end of a sentence that begins with its path: "is
 * statically linked". NULL when nothing speaks against it, or when the file cannot be read. */
const char *program_untraceable(const char *path);

/* The file that execvp would run in our environment, or "". */
void program_find(const char *name, char *path, size_t size);

#endif
