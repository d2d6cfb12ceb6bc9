/* Source lines and inlined functions for addresses in one ELF file, from its DWARF: of the file
 * itself, else of its debug file (debug_files.h), with what dwz moved into a shared one. As in
 * symbols.h, nothing here knows a process: addresses are those of the file.
 *
 * Memory is bounded by what is asked for, not by the file: a compilation unit is read when the
 * first address in it is asked for, and the answers are kept. */
#ifndef VT_COLLECTOR_LINES_H
#define VT_COLLECTOR_LINES_H

#include <stddef.h>
#include <stdint.h>

/* A function and the place in it. Strings live as long as the `lines` that gave them, equal ones
 * are the same pointer. */
struct source_frame {
    const char *function;  /* readable; NULL: not known */
    const char *file;      /* relative to `directory` when it is below it; NULL: not known */
    const char *directory; /* where the compiler was started, "" when not known */
    unsigned line, column; /* from 1; 0: not known */
};

struct lines;

/* Opens the file at `path`; build_id as for symbols_open. Never fails: without debug information of
 * the traced build every question is answered "not known". One thread at a time per `lines`. */
struct lines *lines_open(const char *path, const uint8_t *build_id, size_t build_id_size);
void lines_close(struct lines *lines);

enum { LINES_FRAMES = 64 }; /* at one address; of more the innermost are left out */

/* The functions that the compiler put at `address`, innermost first: the inlined ones, then the one
 * that they were put into. The first has the line of the address, each other one the line of the
 * call of the one before. Returns how many, 0 when nothing is known; valid until the next question
 * (their strings longer, as said above). */
size_t lines_at(struct lines *lines, uint64_t address, const struct source_frame **frames);

/* Where the function that contains `address` is defined: as declared, else the line of its first
 * instruction. NULL when not known; valid as above. */
const struct source_frame *lines_function(struct lines *lines, uint64_t address);

/* "file.c:12" for a frame whose file is known; with `parts` > 0 of the path only the last so many
 * components. Returns `buffer`, cut to `size`; "" when the file is not known. */
const char *source_show(char *buffer, size_t size, const struct source_frame *frame,
                        unsigned parts);

#endif
