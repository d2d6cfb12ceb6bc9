/* Readable names from linker names: C++ (Itanium ABI), Rust (legacy and v0), and Vitte's
 * `vitte_fn_NAME_ID`, which is shown as NAME. Anything else is returned as it is, and so is a name
 * that is malformed or made to exhaust its reader. */
#ifndef VT_COLLECTOR_DEMANGLE_H
#define VT_COLLECTOR_DEMANGLE_H

#include <stddef.h>

/* Writes the readable form of `mangled`, NUL-terminated and cut to `size` bytes at a UTF-8
 * character's border, to `buffer`; returns `buffer`. size ≥ 1. Never fails. Rust hashes
 * (::h0123456789abcdef) and crate disambiguators are left out. What optimisers append stays, as it
 * was written: "f(int).cold", "fib.constprop.0"; only LTO's ".llvm.1234" is dropped, from any name.
 */
char *demangle(const char *mangled, char *buffer, size_t size);

#endif
