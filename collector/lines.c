/* See lines.h.
 *
 * An address is looked up in two sorted lists of address ranges: those of the compilation units,
 * made once, and those of the unit's functions, made when the unit is first asked about. From the
 * function the way goes down through the blocks and inlined functions that contain the address.
 *
 * libdw keeps every line table that it has read. When those are many it is closed and opened again:
 * what was answered lives in strings and frames of our own.
 *
 * What a damaged file says is checked where it could lead round in circles; the rest is libdw's. */
#include "collector/lines.h"

#include "collector/debug_files.h"
#include "collector/demangle.h"
#include "collector/dies.h"
#include "collector/memory.h"
#include "collector/numbering.h"
#include "collector/pool.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <stdio.h>

enum {
    MAX_INLINED = LINES_FRAMES - 1, /* in a function */
    ROWS_KEPT = 2 << 20,            /* of line tables; some 100 MB */
    NAME_MAX_BYTES = 4096,          /* of a readable name */
};

struct unit {
    Dwarf_Off die;
    struct functions functions;
    int has_rows; /* counted in `rows` */
};

struct answer {
    uint32_t first, count; /* of the frames of all */
};

struct lines {
    struct elf_image image, shared_image; /* .elf NULL: there is none */
    Dwarf *dwarf, *shared;                /* NULL: there is none */
    char *path;                           /* of what `image` is */
    struct unit *units;
    size_t unit_count;
    struct ranges unit_ranges;
    size_t rows; /* of line tables that libdw keeps */
    struct pool strings;
    struct source_frame *frames; /* of all answers */
    size_t frame_count;
    /* by address, twice; odd for the question where the function is defined */
    struct numbering keys;
    struct answer *answers; /* theirs */
};

/* ---- opening ---- */

/* The image is the `lines`' when there are any in it. */
static bool take_dwarf(struct elf_image *image, struct elf_image *into, Dwarf **dwarf)
{
    Dwarf_CU *first = NULL;
    if (!image->elf)
        return false;
    Dwarf *opened = dwarf_begin_elf(image->elf, DWARF_C_READ, NULL);
    if (opened && dwarf_get_units(opened, NULL, &first, NULL, NULL, NULL, NULL) == 0) {
        *into = *image;
        *dwarf = opened;
        image->elf = NULL;
        return true;
    }
    dwarf_end(opened);
    return false;
}

static bool take(void *data, struct elf_image *image, const char *path)
{
    struct lines *lines = data;
    if (!take_dwarf(image, &lines->image, &lines->dwarf))
        return false;
    lines->path = need(strdup(path));
    return true;
}

static bool take_shared(void *data, struct elf_image *image, const char *path)
{
    struct lines *lines = data;
    (void)path;
    return take_dwarf(image, &lines->shared_image, &lines->shared);
}

static void open_shared(struct lines *lines)
{
    const char *link;
    const void *id;
    ssize_t size = dwelf_dwarf_gnu_debugaltlink(lines->dwarf, &link, &id);
    if (size <= 0 || size > BUILD_ID_MAX)
        return;
    if (lines->shared_image.elf)
        lines->shared = dwarf_begin_elf(lines->shared_image.elf, DWARF_C_READ, NULL);
    else
        debug_file_shared(lines->path, link, (struct build_id){id, (size_t)size}, take_shared,
                          lines);
    if (lines->shared)
        dwarf_setalt(lines->dwarf, lines->shared);
}

static void list_units(struct lines *lines)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t type;
    while (dwarf_get_units(lines->dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
        if (type != DW_UT_compile && type != DW_UT_skeleton)
            continue;
        lines->units = grow_array(lines->units, lines->unit_count, sizeof *lines->units);
        lines->units[lines->unit_count] = (struct unit){.die = dwarf_dieoffset(&die)};
        ranges_add(&lines->unit_ranges, &die, lines->unit_count++);
    }
    ranges_sort(&lines->unit_ranges);
}

struct lines *lines_open(const char *path, const uint8_t *build_id, size_t build_id_size)
{
    struct lines *lines = need(calloc(1, sizeof *lines));
    struct traced_file file;
    traced_file_open(&file, path, (struct build_id){build_id, build_id_size});
    if (take(lines, &file.image, path) || debug_file_find(&file, take, lines)) {
        open_shared(lines);
        list_units(lines);
    }
    traced_file_close(&file);
    return lines;
}

void lines_close(struct lines *lines)
{
    if (!lines)
        return;
    dwarf_end(lines->dwarf);
    dwarf_end(lines->shared);
    elf_image_close(&lines->image);
    elf_image_close(&lines->shared_image);
    for (size_t i = 0; i < lines->unit_count; i++)
        free(lines->units[i].functions.ranges.list);
    free(lines->units);
    free(lines->unit_ranges.list);
    free(lines->frames);
    numbering_free(&lines->keys);
    free(lines->answers);
    free(lines->path);
    pool_free(&lines->strings);
    free(lines);
}

/* Makes libdw forget what it has read. */
static void reopen(struct lines *lines)
{
    dwarf_end(lines->dwarf);
    dwarf_end(lines->shared);
    lines->shared = NULL;
    lines->dwarf = dwarf_begin_elf(lines->image.elf, DWARF_C_READ, NULL);
    lines->rows = 0;
    for (size_t i = 0; i < lines->unit_count; i++)
        lines->units[i].has_rows = 0;
    if (lines->dwarf)
        open_shared(lines);
}

/* ---- from an address to a function ---- */

/* The DIE of the unit's code: in a file of its own with -gsplit-dwarf. */
static Dwarf_Die *code_of(Dwarf_Die *unit_die, Dwarf_Die *split)
{
    uint8_t type = 0;
    Dwarf_Die die;
    memset(split, 0, sizeof *split);
    if (dwarf_cu_info(unit_die->cu, NULL, &type, &die, split, NULL, NULL, NULL) == 0 &&
        type == DW_UT_skeleton && dwarf_tag(split) == DW_TAG_compile_unit)
        return split;
    return unit_die;
}

/* ---- what DIEs say ---- */

static const char *string_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static const char *name_of(struct lines *lines, Dwarf_Die *function)
{
    char text[NAME_MAX_BYTES];
    const char *name = string_of(function, DW_AT_linkage_name);
    name = name ? name : string_of(function, DW_AT_MIPS_linkage_name);
    name = name ? name : string_of(function, DW_AT_name);
    return name ? pool_keep(&lines->strings, demangle(name, text, sizeof text)) : NULL;
}

/* libdw puts the unit's directory in front; what is below it is shown without. */
static void set_file(struct lines *lines, struct source_frame *frame, const char *path,
                     Dwarf_Die *unit_die)
{
    const char *directory = string_of(unit_die, DW_AT_comp_dir);
    size_t length = directory ? strlen(directory) : 0;
    frame->directory = pool_keep(&lines->strings, directory ? directory : "");
    if (!path)
        return;
    if (length && strncmp(path, directory, length) == 0 && path[length] == '/')
        path += length;
    else
        length = 0;
    while (length && *path == '/')
        path++;
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    frame->file = pool_keep(&lines->strings, path);
}

static void count_rows(struct lines *lines, struct unit *unit, Dwarf_Die *die)
{
    Dwarf_Lines *table;
    size_t count;
    if (!unit->has_rows && dwarf_getsrclines(die, &table, &count) == 0)
        lines->rows += count;
    unit->has_rows = 1;
}

static void set_line_of_address(struct lines *lines, struct source_frame *frame, Dwarf_Die *unit,
                                uint64_t address)
{
    int number = 0;
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    const char *path = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    set_file(lines, frame, path, unit);
    if (line && dwarf_lineno(line, &number) == 0)
        frame->line = (unsigned)number;
    if (line && dwarf_linecol(line, &number) == 0)
        frame->column = (unsigned)number;
}

static unsigned number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (dwarf_formudata(dwarf_attr_integrate(die, name, &attribute), &value) != 0 ||
        value > UINT32_MAX)
        return 0;
    return (unsigned)value;
}

/* The path that an attribute means: a number in the table of files of the unit that the attribute
 * is in. Not by dwarf_decl_file, which aborts over -gsplit-dwarf and does not know that the number
 * 0, once "none", is a file since DWARF 5. */
static const char *path_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    Dwarf_Half version;
    Dwarf_Die unit;
    Dwarf_Files *files;
    size_t count;
    if (dwarf_formudata(dwarf_attr_integrate(die, name, &attribute), &number) != 0 ||
        dwarf_cu_info(attribute.cu, &version, NULL, &unit, NULL, NULL, NULL, NULL) != 0 ||
        (number == 0 && version < 5) || dwarf_getsrcfiles(&unit, &files, &count) != 0 ||
        number >= count)
        return NULL;
    return dwarf_filesrc(files, number, NULL, NULL);
}

static void set_call_site(struct lines *lines, struct source_frame *frame, Dwarf_Die *unit,
                          Dwarf_Die *inlined)
{
    set_file(lines, frame, path_of(inlined, DW_AT_call_file), unit);
    frame->line = number_of(inlined, DW_AT_call_line);
    frame->column = number_of(inlined, DW_AT_call_column);
}

/* ---- answers ---- */

static struct source_frame *add_frame(struct lines *lines)
{
    lines->frames = grow_array(lines->frames, lines->frame_count, sizeof *lines->frames);
    struct source_frame *frame = &lines->frames[lines->frame_count++];
    *frame = (struct source_frame){.directory = ""};
    return frame;
}

static struct unit *unit_at(struct lines *lines, uint64_t address, Dwarf_Die *die)
{
    const struct range *range = ranges_find(&lines->unit_ranges, address);
    if (lines->rows > ROWS_KEPT)
        reopen(lines);
    if (!range || !lines->dwarf)
        return NULL;
    struct unit *unit = &lines->units[range->what];
    if (!dwarf_offdie(lines->dwarf, unit->die, die))
        return NULL;
    count_rows(lines, unit, die);
    return unit;
}

static void answer_at(struct lines *lines, uint64_t address)
{
    Dwarf_Die unit_die, split, function, inlined[MAX_INLINED];
    struct unit *unit = unit_at(lines, address, &unit_die);
    if (!unit)
        return;
    int known = functions_find(&unit->functions, code_of(&unit_die, &split), address, &function);
    size_t count = known ? function_inlined(&function, address, inlined, MAX_INLINED) : 0;
    for (size_t i = count + 1; i-- > 0;) {
        struct source_frame *frame = add_frame(lines);
        if (i == count)
            set_line_of_address(lines, frame, &unit_die, address);
        else
            set_call_site(lines, frame, &unit_die, &inlined[i]);
        if (known)
            frame->function = name_of(lines, i ? &inlined[i - 1] : &function);
    }
    if (!known && !lines->frames[lines->frame_count - 1].file)
        lines->frame_count--;
}

static void answer_function(struct lines *lines, uint64_t address)
{
    Dwarf_Die unit_die, split, function;
    Dwarf_Addr entry = address;
    struct unit *unit = unit_at(lines, address, &unit_die);
    if (!unit)
        return;
    struct source_frame *frame = add_frame(lines);
    int known = functions_find(&unit->functions, code_of(&unit_die, &split), address, &function);
    const char *path = known ? path_of(&function, DW_AT_decl_file) : NULL;
    if (path) {
        set_file(lines, frame, path, &unit_die);
        frame->line = number_of(&function, DW_AT_decl_line);
        frame->column = number_of(&function, DW_AT_decl_column);
    } else {
        if (known)
            dwarf_entrypc(&function, &entry);
        set_line_of_address(lines, frame, &unit_die, entry);
    }
    frame->function = known ? name_of(lines, &function) : NULL;
    if (!frame->file)
        lines->frame_count--;
}

/* The kept answer, found first when need be. */
static const struct answer *answer(struct lines *lines, uint64_t key,
                                   void find(struct lines *, uint64_t))
{
    uint32_t count = lines->keys.count, number = numbering_of(&lines->keys, key);
    if (number > count) {
        uint32_t first = (uint32_t)lines->frame_count;
        find(lines, key / 2);
        lines->answers = grow_array(lines->answers, count, sizeof *lines->answers);
        lines->answers[count] = (struct answer){first, (uint32_t)lines->frame_count - first};
    }
    return &lines->answers[number - 1];
}

size_t lines_at(struct lines *lines, uint64_t address, const struct source_frame **frames)
{
    if (!lines->dwarf)
        return 0;
    const struct answer *found = answer(lines, 2 * address, answer_at);
    *frames = found->count ? lines->frames + found->first : NULL;
    return found->count;
}

const struct source_frame *lines_function(struct lines *lines, uint64_t address)
{
    if (!lines->dwarf)
        return NULL;
    const struct answer *found = answer(lines, 2 * address + 1, answer_function);
    return found->count ? lines->frames + found->first : NULL;
}

const char *source_show(char *buffer, size_t size, const struct source_frame *frame, unsigned parts)
{
    const char *file = frame->file ? frame->file : "", *at = file + strlen(file);
    for (unsigned left = parts; parts && at > file; at--)
        if (at[-1] == '/' && --left == 0)
            break;
    at = parts ? at : file;
    if (*at && frame->line)
        snprintf(buffer, size, "%s:%u", at, frame->line);
    else
        snprintf(buffer, size, "%s", at);
    return buffer;
}
