/* See eh_frame.h: finds a function's description. What it says is cfa.c's. The formats: LSB
 * "Exception Frames", DWARF 5 section 6.4. */
#include "runtime/eh_frame.h"

#include "frame.h"
#include "runtime/cfa.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#pragma weak _dl_find_object /* of glibc 2.35 */

enum pointer_encoding {
    POINTER_SIZE_MASK = 0x0f,
    POINTER_FULL = 0x00,
    POINTER_U32 = 0x03,
    POINTER_U64 = 0x04,
    POINTER_S32 = 0x0b,
    POINTER_S64 = 0x0c,
    POINTER_RELATIVE_MASK = 0x70,
    POINTER_TO_ITSELF = 0x10,
    POINTER_TO_HEADER = 0x30,
    POINTER_INDIRECT = 0x80,
};

/* A number as the low bits of `encoding` say. */
static uint64_t take_encoded(struct bytes *bytes, unsigned encoding)
{
    switch (encoding & POINTER_SIZE_MASK) {
    case POINTER_U32:
        return take(bytes, 4);
    case POINTER_S32:
        return (uint64_t)(int32_t)take(bytes, 4);
    case POINTER_FULL:
    case POINTER_U64:
    case POINTER_S64:
        return take(bytes, 8);
    default:
        bytes->bad = 1;
        return 0;
    }
}

static uint64_t take_pointer(struct bytes *bytes, unsigned encoding)
{
    uint64_t here = (uint64_t)(uintptr_t)bytes->at;
    uint64_t value = take_encoded(bytes, encoding);
    switch (encoding & ~(unsigned)POINTER_SIZE_MASK) {
    case 0:
        return value;
    case POINTER_TO_ITSELF:
        return value + here;
    default:
        bytes->bad = 1;
        return 0;
    }
}

/* ---- which description is an address's ---- */

enum { PAGE = 4096 };

/* The module's program headers. NULL: they are not in its first page, where linkers put them. */
static const ElfW(Phdr) * program_headers(const struct dl_find_object *module, unsigned *count)
{
    const ElfW(Ehdr) *header = module->dlfo_map_start;
    *count = header->e_phnum;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff % sizeof(uint64_t) != 0 ||
        header->e_phoff > PAGE || *count > (PAGE - header->e_phoff) / sizeof(ElfW(Phdr)))
        return NULL;
    return (const void *)((const char *)module->dlfo_map_start + header->e_phoff);
}

/* Bytes from `at`, which is in the module, to the end of the segment that it is in: between
 * segments nothing may be read. 0 when it is in none. */
static uint64_t room_in_segment(const struct dl_find_object *module, const uint8_t *at)
{
    unsigned count, loaded = 0;
    const ElfW(Phdr) *segment = program_headers(module, &count);
    uint64_t rest = (uint64_t)((const uint8_t *)module->dlfo_map_end - at);
    uint64_t place = (uint64_t)(at - (const uint8_t *)module->dlfo_map_start);
    for (unsigned i = 0; segment && i < count; i++, segment++) {
        if (segment->p_type != PT_LOAD)
            continue;
        if (loaded++ == 0) /* the module starts with its first segment's page */
            place += segment->p_vaddr & ~(uint64_t)(PAGE - 1);
        uint64_t within = place - segment->p_vaddr;
        if (segment->p_flags & PF_R && within < segment->p_memsz)
            return segment->p_memsz - within < rest ? segment->p_memsz - within : rest;
    }
    return loaded ? 0 : rest;
}

/* From `at` to where the module's memory there ends. */
static struct bytes within(const struct dl_find_object *module, const uint8_t *at)
{
    const uint8_t *low = module->dlfo_map_start, *high = module->dlfo_map_end;
    uint64_t room = at < low || at >= high ? 0 : room_in_segment(module, at);
    return room ? (struct bytes){at, at + room, 0} : (struct bytes){high, high, 1};
}

/* The table of .eh_frame_hdr, sorted by address: both as distances from the header. */
struct entry {
    int32_t start, description;
};

enum { HEADER_VERSION = 1, HEADER_TABLE = POINTER_TO_HEADER | POINTER_S32 };

static const uint8_t *find_description(const struct dl_find_object *module, uint64_t pc)
{
    const uint8_t *header = module->dlfo_eh_frame;
    struct bytes bytes = within(module, header);
    uint64_t version = take(&bytes, 1);
    unsigned frame = (unsigned)take(&bytes, 1), number = (unsigned)take(&bytes, 1);
    uint64_t table = take(&bytes, 1);
    take_pointer(&bytes, frame);
    uint64_t count = take_encoded(&bytes, number);
    if (bytes.bad || version != HEADER_VERSION || table != HEADER_TABLE || count == 0 ||
        count > (uint64_t)(bytes.end - bytes.at) / sizeof(struct entry))
        return NULL;
    const struct entry *entries = (const void *)bytes.at;
    int64_t wanted = (int64_t)(pc - (uint64_t)(uintptr_t)header);
    uint64_t low = 0, high = count; /* the wanted one is in [low, high) */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (entries[middle].start <= wanted)
            low = middle;
        else
            high = middle;
    }
    return entries[low].start <= wanted ? header + entries[low].description : NULL;
}

/* A length, and what it is the length of; `bad` where that is not 32-bit or not there. */
static struct bytes take_block(struct bytes *bytes)
{
    uint64_t length = take(bytes, 4);
    struct bytes block = *bytes;
    block.bad |= length == 0 || length > (uint64_t)(bytes->end - bytes->at);
    if (!block.bad)
        block.end = block.at + length;
    return block;
}

static int read_shared(struct bytes block, struct description *description)
{
    uint64_t id = take(&block, 4), version = take(&block, 1);
    const char *letters = (const char *)block.at;
    while (take(&block, 1) != 0)
        ;
    description->code_factor = take_unsigned(&block);
    description->data_factor = take_signed(&block);
    uint64_t return_register = version == 1 ? take(&block, 1) : take_unsigned(&block);
    if (block.bad || id != 0 || (version != 1 && version != 3) ||
        return_register != ARCH_DWARF_PC || (*letters && *letters != 'z'))
        return 0;
    uint64_t length = *letters ? take_unsigned(&block) : 0;
    struct bytes extra = block;
    skip(&block, length);
    for (letters += *letters != 0; *letters; letters++) {
        unsigned encoding = 0;
        if (*letters == 'S')
            description->is_signal = 1;
        else if (*letters == 'R' || *letters == 'P' || *letters == 'L')
            encoding = (unsigned)take(&extra, 1);
        else
            return 0;
        if (*letters == 'R')
            description->encoding = encoding;
        if (*letters == 'P')
            take_encoded(&extra, encoding);
    }
    description->shared = block;
    return !block.bad && !extra.bad;
}

static int read_description(const struct dl_find_object *module, uint64_t pc,
                            struct description *description)
{
    const uint8_t *at = find_description(module, pc);
    struct bytes bytes = within(module, at);
    struct bytes own = take_block(&bytes);
    const uint8_t *here = own.at;
    uint64_t distance = take(&own, 4);
    if (!at || own.bad || distance > (uint64_t)(here - (uint8_t *)module->dlfo_map_start))
        return 0;
    bytes = within(module, here - distance);
    memset(description, 0, sizeof *description);
    if (!read_shared(take_block(&bytes), description))
        return 0;
    description->start = take_pointer(&own, description->encoding);
    uint64_t size = take_encoded(&own, description->encoding);
    skip(&own, take_unsigned(&own)); /* all compilers' have 'z' */
    description->own = own;
    return !own.bad && pc - description->start < size;
}

struct frame_rule eh_frame_rule(uint64_t pc, unsigned other)
{
    struct frame_rule rule = {RULE_UNKNOWN, 0, 0, RULE_NOT_SAVED, RULE_NOT_SAVED};
    struct description description;
    struct dl_find_object module;
    if (!ARCH_FRAME_RULES || !_dl_find_object)
        return rule;
    if (_dl_find_object((void *)(uintptr_t)pc, &module) != 0) {
        rule.kind = RULE_FOREIGN;
        return rule;
    }
    if (!module.dlfo_eh_frame || !read_description(&module, pc, &description))
        return rule;
    return cfa_rule(&description, pc, other);
}
