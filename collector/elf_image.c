/* See elf_image.h. What libelf answers is checked here before it is used. */
#include "collector/elf_image.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOTES_MAX = 1024 }; /* more are not a program's: sections may lie over each other */

void elf_image_close(struct elf_image *image)
{
    if (!image->elf)
        return;
    elf_end(image->elf);
    munmap(image->bytes, image->size);
    image->elf = NULL;
}

/* Not for devices and pipes, which an open or a read could hang on. */
static bool map(struct elf_image *image, const char *path)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    image->bytes = MAP_FAILED;
    if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size > 0) {
        image->size = (size_t)stat.st_size;
        image->bytes =
            mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    }
    close(fd);
    return image->bytes != MAP_FAILED;
}

static bool open_typed(struct elf_image *image, const char *path, unsigned types)
{
    GElf_Ehdr header;
    if (!map(image, path))
        return false;
    elf_version(EV_CURRENT);
    image->elf = elf_memory(image->bytes, image->size);
    if (image->elf && elf_kind(image->elf) == ELF_K_ELF && gelf_getehdr(image->elf, &header) &&
        header.e_type < 8 && types >> header.e_type & 1)
        return true;
    elf_end(image->elf);
    munmap(image->bytes, image->size);
    image->elf = NULL;
    return false;
}

bool elf_image_open(struct elf_image *image, const char *path)
{
    return open_typed(image, path, 1u << ET_EXEC | 1u << ET_DYN);
}

bool elf_image_open_shared(struct elf_image *image, const char *path)
{
    return open_typed(image, path, 1u << ET_REL | 1u << ET_EXEC | 1u << ET_DYN);
}

Elf_Scn *elf_image_section(const struct elf_image *image, Elf_Scn *section, GElf_Word type,
                           GElf_Shdr *header)
{
    while (image->elf && (section = elf_nextscn(image->elf, section)))
        if (gelf_getshdr(section, header) && header->sh_type == type)
            return section;
    return NULL;
}

char *elf_image_bytes(const struct elf_image *image, const GElf_Shdr *header)
{
    if (header->sh_type == SHT_NOBITS || header->sh_flags & SHF_COMPRESSED ||
        header->sh_offset > image->size || header->sh_size > image->size - header->sh_offset)
        return NULL;
    return image->bytes + header->sh_offset;
}

struct build_id elf_image_build_id(const struct elf_image *image)
{
    GElf_Shdr header;
    unsigned notes = 0;
    for (Elf_Scn *section = NULL;
         (section = elf_image_section(image, section, SHT_NOTE, &header)) && notes < NOTES_MAX;) {
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Nhdr note;
        size_t name, bytes, at = 0;
        while (data && notes++ < NOTES_MAX &&
               (at = gelf_getnote(data, at, &note, &name, &bytes)) > 0)
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
                memcmp((char *)data->d_buf + name, "GNU", 4) == 0 && note.n_descsz > 0 &&
                note.n_descsz <= BUILD_ID_MAX)
                return (struct build_id){(uint8_t *)data->d_buf + bytes, note.n_descsz};
    }
    return (struct build_id){NULL, 0};
}

char *elf_image_strings(const struct elf_image *image, size_t index, size_t *size)
{
    GElf_Shdr header;
    if (!image->elf || !gelf_getshdr(elf_getscn(image->elf, index), &header) ||
        header.sh_type != SHT_STRTAB || header.sh_size == 0)
        return NULL;
    char *strings = elf_image_bytes(image, &header);
    *size = header.sh_size;
    return strings && strings[*size - 1] == '\0' ? strings : NULL;
}

static const char *section_named(const struct elf_image *image, const char *name, GElf_Shdr *header)
{
    size_t index, size;
    char *names = NULL;
    if (image->elf && elf_getshdrstrndx(image->elf, &index) == 0)
        names = elf_image_strings(image, index, &size);
    Elf_Scn *section = NULL;
    while (names && (section = elf_image_section(image, section, SHT_PROGBITS, header)))
        if (header->sh_name < size && strcmp(names + header->sh_name, name) == 0)
            return elf_image_bytes(image, header);
    return NULL;
}

/* Four bits at a time. */
uint32_t elf_image_checksum(const struct elf_image *image)
{
    uint32_t table[16], crc = ~UINT32_C(0);
    for (uint32_t i = 0; i < 16; i++) {
        table[i] = i;
        for (int bit = 0; bit < 4; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (size_t i = 0; i < image->size; i++) {
        crc ^= (unsigned char)image->bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* The section's content: a file name, '\0', up to three bytes to a multiple of four, the checksum.
 */
const char *elf_image_debug_link(const struct elf_image *image, uint32_t *crc)
{
    GElf_Shdr header;
    const char *name = section_named(image, ".gnu_debuglink", &header);
    size_t length = name ? strnlen(name, header.sh_size) : 0, at = (length + 4) & ~(size_t)3;
    if (length == 0 || header.sh_size < 4 || at > header.sh_size - 4 || strchr(name, '/'))
        return NULL;
    const unsigned char *sum = (const unsigned char *)name + at;
    bool little = elf_getident(image->elf, NULL)[EI_DATA] == ELFDATA2LSB;
    *crc = 0;
    for (size_t i = 0; i < 4; i++)
        *crc = *crc << 8 | sum[little ? 3 - i : i];
    return name;
}
