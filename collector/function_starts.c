/* See function_starts.h. The table is .eh_frame_hdr: pairs of where a function begins and where its
 * description (FDE) lies, sorted, both relative to the header; a description says how long the
 * function is. Only the encodings that linkers write are read, and everything read is checked. */
#include "collector/function_starts.h"

#include "collector/elf_image.h"
#include "collector/memory.h"

enum {
    PCREL_S4 = 0x1b,   /* relative to its own place, signed 4 bytes */
    DATAREL_S4 = 0x3b, /* relative to the header, signed 4 bytes */
    UNSIGNED_4 = 0x03,
    HEAD = 12, /* version, three encodings, .eh_frame, count */
};

struct function_starts {
    struct elf_image image;
    const char *table; /* of the pairs */
    size_t count;
    uint64_t base;   /* address of the header */
    uint64_t offset; /* of the header in the file */
};

static int32_t read_s4(const char *bytes)
{
    int32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static void find_table(struct function_starts *starts)
{
    size_t headers = 0;
    const struct elf_image *image = &starts->image;
    if (!image->elf || elf_getphdrnum(image->elf, &headers) != 0)
        return;
    for (size_t i = 0; i < headers; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(image->elf, (int)i, &header) || header.p_type != PT_GNU_EH_FRAME ||
            header.p_offset > image->size || header.p_filesz > image->size - header.p_offset ||
            header.p_filesz < HEAD)
            continue;
        const char *bytes = image->bytes + header.p_offset;
        static const char known[] = {1, PCREL_S4, UNSIGNED_4, DATAREL_S4};
        uint32_t count = (uint32_t)read_s4(bytes + 8);
        if (memcmp(bytes, known, sizeof known) != 0 || count > (header.p_filesz - HEAD) / 8)
            continue;
        starts->table = bytes + HEAD;
        starts->count = count;
        starts->base = header.p_vaddr;
        starts->offset = header.p_offset;
        return;
    }
}

struct function_starts *function_starts_open(const char *path, const uint8_t *build_id,
                                             size_t build_id_size)
{
    struct function_starts *starts = need(calloc(1, sizeof *starts));
    const struct build_id traced = {build_id, build_id_size};
    if (elf_image_open(&starts->image, path) &&
        (build_id_size == 0 || build_id_equal(traced, elf_image_build_id(&starts->image))))
        find_table(starts);
    return starts;
}

void function_starts_close(struct function_starts *starts)
{
    if (!starts)
        return;
    elf_image_close(&starts->image);
    free(starts);
}

/* How long the function is that begins there, as its description says; 0: it says something else.
 * A description: its length, where the part is that it shares, then start and length. */
static uint64_t length_of(const struct function_starts *starts, uint64_t start, int32_t description)
{
    enum { START = 8, LENGTH = 12, SIZE = 16 };
    uint64_t at = starts->offset + (uint64_t)(int64_t)description;
    if (at > starts->image.size || starts->image.size - at < SIZE)
        return 0;
    const char *bytes = starts->image.bytes + at;
    uint64_t address = starts->base + (uint64_t)(int64_t)description;
    uint64_t said = address + START + (uint64_t)(int64_t)read_s4(bytes + START);
    return said == start ? (uint32_t)read_s4(bytes + LENGTH) : 0;
}

uint64_t function_start(const struct function_starts *starts, uint64_t address)
{
    size_t low = 0, high = starts->count; /* the last one that begins at or before the address */
    int64_t place = (int64_t)(address - starts->base);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (read_s4(starts->table + 8 * middle) <= place)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return address;
    const char *pair = starts->table + 8 * (low - 1);
    uint64_t start = starts->base + (uint64_t)(int64_t)read_s4(pair);
    return address - start < length_of(starts, start, read_s4(pair + 4)) ? start : address;
}
