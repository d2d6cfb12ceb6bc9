/* The environment that children are given: the tracer is put back when the program made an
 * environment of its own (H39), and left out for programs that cannot load it (another ELF class:
 * H40). */
#ifndef VT_PRELOAD_ENVIRONMENT_H
#define VT_PRELOAD_ENVIRONMENT_H

#include <stddef.h>

/* Once, from the constructor: our library's path and the session's ticket; `keep_out` when the user
 * does not want environments to be changed. */
void environment_prepare(const char *library, const char *ticket, char *const *environment,
                         int keep_out);

/* Bytes that environment_for may need. */
size_t environment_room(char *const *environment);

/* A program that is about to be started, open for environment_for to look at; -1 when there is
 * nothing to look at or no need. `path` is relative to `folder` (or AT_FDCWD), or "" for folder
 * itself; the other one is searched for as by execvp. */
long environment_program(int folder, const char *path);
long environment_program_searched(const char *name);

/* The environment for `program` (which is closed): `environment` itself when it is right already,
 * else a copy made in `room`. */
char *const *environment_for(long program, char *const *environment, void *room);

/* Adds the session's ticket to the environment of this process, for children that are started
 * inside libc (system, popen). */
void environment_announce(void);

#endif
