/* Readable names from linker names: C++ (Itanium ABI), Rust (legacy and v0), and Vitte's
 * `vitte_fn_NAME_ID`, which is shown as NAME. Anything else is returned as it is. */
#ifndef VT_COLLECTOR_DEMANGLE_H
#define VT_COLLECTOR_DEMANGLE_H

#include <stddef.h>

/* Writes the readable form of `mangled`, NUL-terminated and cut to `size` bytes at a UTF-8
 * character's border, to `buffer`; returns `buffer`. size ≥ 1. Never fails. Rust hashes
 * (::h0123456789abcdef) are left out. */
char *demangle(const char *mangled, char *buffer, size_t size);

#endif
