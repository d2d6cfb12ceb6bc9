/* One ELF file, mapped: its sections, its build-id, the debug file that it names.
 *
 * A file is input from outside: nothing here trusts it, and whatever is handed out lies within the
 * mapping. The mapping is private and writable; no descriptor is kept. Only a file that is cut
 * while it is mapped can hurt (SIGBUS): whoever rebuilds a program while it is being looked at
 * replaces the file, as linkers do.
 *
 * Refuses: relocatable files and core files (nothing is loaded from them as it is), devices, pipes.
 */
#ifndef VT_COLLECTOR_ELF_IMAGE_H
#define VT_COLLECTOR_ELF_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct elf_image {
    char *bytes;
    size_t size;
    Elf *elf; /* NULL: no image. Every function takes such a one and finds nothing in it */
};

enum { BUILD_ID_MAX = 64 };

struct build_id {
    const uint8_t *bytes;
    size_t size; /* 0: none */
};

/* False (and no image) when there is no such file, or it is not an executable or a library. */
bool elf_image_open(struct elf_image *image, const char *path);
/* The same for what dwz makes for others to share: relocatable by type, though nothing is. */
bool elf_image_open_shared(struct elf_image *image, const char *path);
void elf_image_close(struct elf_image *image);

/* The section after `section` (NULL: the first) of this type. */
Elf_Scn *elf_image_section(const struct elf_image *image, Elf_Scn *section, GElf_Word type,
                           GElf_Shdr *header);
/* A section's bytes as they are in the file: header->sh_size of them. NULL when they are not all in
 * it, or compressed. */
char *elf_image_bytes(const struct elf_image *image, const GElf_Shdr *header);
/* The string table that section `index` is: `size` bytes, the last of them '\0'. */
char *elf_image_strings(const struct elf_image *image, size_t index, size_t *size);

/* Lives as long as the image. */
struct build_id elf_image_build_id(const struct elf_image *image);
static inline bool build_id_equal(struct build_id a, struct build_id b)
{
    return a.size == b.size && a.size > 0 && memcmp(a.bytes, b.bytes, a.size) == 0;
}

/* The debug file's name from .gnu_debuglink, and the checksum it must have. NULL when there is
 * none, or one that would lead out of the folder. Lives as long as the image. */
const char *elf_image_debug_link(const struct elf_image *image, uint32_t *crc);
/* Of the whole file, as .gnu_debuglink has it: CRC-32 as in zlib. */
uint32_t elf_image_checksum(const struct elf_image *image);

#endif
