/* Names for addresses in one ELF file. Nothing here knows a process or a session: the caller turns
 * an address in memory into one in the file (address − load bias).
 *
 * Sources, best first: .symtab of the file itself; .symtab of its separate debug file; .dynsym.
 * Which files are right, debug_files.h says.
 */
#ifndef VT_COLLECTOR_SYMBOLS_H
#define VT_COLLECTOR_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbols;

enum symbols_state {
    SYMBOLS_FULL,    /* from a .symtab, the file's own or its debug file's */
    SYMBOLS_DYNAMIC, /* stripped: exported names only */
    SYMBOLS_NONE,    /* no symbols at all */
    SYMBOLS_CHANGED, /* the file on disk is another build */
    SYMBOLS_MISSING, /* no such file, or not an ELF program or library */
};

/* Opens the file at `path`. `build_id` (may be NULL, size 0: not compared) is that of the traced
 * image. Never fails and never returns NULL: without a usable file, every lookup answers "not
 * found" and symbols_state says why. Memory: 16 bytes per function symbol, twice that while it is
 * opened; the string tables stay in the file's mapping. No descriptor is kept. One thread at a time
 * per `symbols`. */
struct symbols *symbols_open(const char *path, const uint8_t *build_id, size_t build_id_size);
void symbols_close(struct symbols *symbols);
enum symbols_state symbols_state(const struct symbols *symbols);

/* The function that `address` (as in the file, i.e. a st_value) is in: its raw (mangled) name,
 * owned by `symbols`, and the address it starts at. NULL when no function covers it. Function
 * symbols of size 0 reach up to the next symbol of their section; among aliases, a global name is
 * preferred to a weak and a weak to a local one, then the shorter, then the alphabetically first.
 * IFUNCs count as functions, symbols without a type (assembler labels) do not. Where functions
 * overlap, the one that starts last is meant. Symbol versions (name@@V) are cut off. */
const char *symbols_find(const struct symbols *symbols, uint64_t address, uint64_t *start);

#endif
