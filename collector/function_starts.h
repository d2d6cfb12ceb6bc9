/* Where the functions of a file begin that have no names: the unwind tables know, stripped or not.
 * So that all addresses of one function are one thing in sums and trees. */
#ifndef VT_COLLECTOR_FUNCTION_STARTS_H
#define VT_COLLECTOR_FUNCTION_STARTS_H

#include <stddef.h>
#include <stdint.h>

struct function_starts;

/* `build_id` is that of the traced image (size 0: not compared): another build is not used. Never
 * fails and never returns NULL; without a usable table nothing is known. */
struct function_starts *function_starts_open(const char *path, const uint8_t *build_id,
                                             size_t build_id_size);
void function_starts_close(struct function_starts *starts);

/* The start of the function that the address (as in the file) is in; the address itself when that
 * is not known. */
uint64_t function_start(const struct function_starts *starts, uint64_t address);

#endif
