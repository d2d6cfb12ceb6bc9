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

/* The environment for `program` (a path, or NULL when it will be searched for): `environment`
 * itself when it is right already, else a copy made in `room`. */
char *const *environment_for(const char *program, char *const *environment, void *room);

/* Adds the session's ticket to the environment of this process, for children that are started
 * inside libc (system, popen). */
void environment_announce(void);

#endif
