/* The program's ELF files: which are loaded where, written into the definitions so that the
 * collector can name addresses. Uses the dynamic loader's own list; call only where the loader's
 * lock may be taken (constructors, and inside a call of the loader's on the same thread). */
#ifndef VT_RUNTIME_MODULES_H
#define VT_RUNTIME_MODULES_H

/* Records every loaded module. */
void modules_record_all(void);

/* Records the module that `address` is in. */
void modules_record_at(const void *address);

/* Path of the library that this code is in; "" when the loader does not say. */
const char *modules_own_path(void);

#endif
