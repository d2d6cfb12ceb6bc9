/* Function symbols of one ELF file: see symbols.h. One sorted array of 16 bytes a symbol, searched
 * by halves; names stay in the file's mapping. Which file is right is decided by debug_files.c.
 *
 * Invariants: no two symbols of the table start at the same address; every name offset lies within
 * `names`, which ends with '\0'. The mapping is private, and a versioned name is cut in place when
 * it is first asked for: one thread at a time.
 *
 * Refuses: compressed string tables, .gnu_debugdata. Of a hostile file it makes nonsense, but no
 * fault, and no work that is out of proportion to its size. */
#include "collector/symbols.h"

#include "collector/debug_files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_COMPARED_MAX = 4096, /* longer aliases are all alike */
    BEHIND_MAX = 64, /* functions that may start within another one before an address after them */
};

struct symbol {
    uint64_t start;
    uint32_t size;
    uint32_t name; /* offset in the names; while the table is built, the symbol's index */
};

struct symbols {
    enum symbols_state state;
    struct elf_image image; /* the names' */
    char *names;
    struct symbol *table; /* by start, which is unique */
    size_t count;
};

/* A symbol table while it is read. */
struct source {
    Elf *elf;
    Elf_Data *data;
    uint32_t count;
    char *names;
    size_t names_size;
};

/* ---- looking up ---- */

enum symbols_state symbols_state(const struct symbols *symbols)
{
    return symbols->state;
}

static const char *without_version(char *name)
{
    char *at = strchr(name, '@');
    if (at && at > name) /* never all of it */
        *at = '\0';
    return name;
}

const char *symbols_find(const struct symbols *symbols, uint64_t address, uint64_t *start)
{
    size_t low = 0, high = symbols->count;
    while (low < high) { /* to the first symbol that starts behind the address */
        size_t middle = low + (high - low) / 2;
        if (symbols->table[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < BEHIND_MAX && low-- > 0; i++) {
        const struct symbol *symbol = &symbols->table[low];
        if (address - symbol->start < symbol->size && symbols->names[symbol->name]) {
            *start = symbol->start;
            return without_version(symbols->names + symbol->name);
        }
    }
    return NULL;
}

/* ---- building the table ---- */

static bool is_function(const GElf_Sym *symbol, const struct source *source)
{
    unsigned kind = GELF_ST_TYPE(symbol->st_info);
    return (kind == STT_FUNC || kind == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF &&
           symbol->st_shndx != SHN_ABS && symbol->st_shndx != SHN_COMMON && symbol->st_name > 0 &&
           symbol->st_name < source->names_size;
}

static bool source_open(struct source *source, const struct elf_image *image, GElf_Word type)
{
    GElf_Shdr header;
    Elf_Scn *section = elf_image_section(image, NULL, type, &header);
    if (!section)
        return false;
    source->elf = image->elf;
    source->data = elf_getdata(section, NULL);
    source->names = elf_image_strings(image, header.sh_link, &source->names_size);
    if (!source->data || !source->names)
        return false;
    size_t count = source->data->d_size / gelf_fsize(image->elf, ELF_T_SYM, 1, EV_CURRENT);
    source->count = count < INT_MAX ? (uint32_t)count : INT_MAX; /* gelf_getsym takes an int */
    return true;
}

static GElf_Sym symbol_at(const struct source *source, uint32_t index)
{
    GElf_Sym symbol = {.st_shndx = SHN_UNDEF};
    gelf_getsym(source->data, (int)index, &symbol);
    return symbol;
}

/* Fills `table`, when there is one, with the functions in the order of the file. */
static size_t list_functions(const struct source *source, struct symbol *table)
{
    size_t count = 0;
    for (uint32_t i = 0; i < source->count; i++) {
        GElf_Sym symbol = symbol_at(source, i);
        if (!is_function(&symbol, source))
            continue;
        if (table)
            table[count] = (struct symbol){symbol.st_value, 0, i};
        count++;
    }
    return count;
}

static int by_start(const void *a, const void *b)
{
    const struct symbol *left = a, *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

static size_t name_length(const char *name)
{
    size_t length = 1;
    while (length < NAME_COMPARED_MAX && name[length] && name[length] != '@')
        length++;
    return length;
}

/* Whether `a` is the better name of the two for the same address. */
static bool is_better(const struct source *source, const GElf_Sym *a, const GElf_Sym *b)
{
    static const unsigned ranks[16] = {[STB_LOCAL] = 2, [STB_WEAK] = 1};
    unsigned rank_a = ranks[GELF_ST_BIND(a->st_info)], rank_b = ranks[GELF_ST_BIND(b->st_info)];
    if (rank_a != rank_b)
        return rank_a < rank_b;
    const char *name_a = source->names + a->st_name, *name_b = source->names + b->st_name;
    size_t length_a = name_length(name_a), length_b = name_length(name_b);
    return length_a != length_b ? length_a < length_b : memcmp(name_a, name_b, length_a) < 0;
}

/* How far a function of size 0 reaches; `next` is where the next one starts. */
static uint64_t reach(const struct source *source, const GElf_Sym *symbol, uint64_t next)
{
    GElf_Shdr header;
    uint64_t end = next == UINT64_MAX ? 0 : next;
    if (symbol->st_shndx < SHN_LORESERVE &&
        gelf_getshdr(elf_getscn(source->elf, symbol->st_shndx), &header)) {
        end = header.sh_addr + header.sh_size;
        end = next < end ? next : end;
    }
    return end > symbol->st_value ? end - symbol->st_value : 0;
}

/* One symbol for each address out of the sorted table; returns how many are left. */
static size_t choose_names(const struct source *source, struct symbol *table, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count;) {
        uint64_t start = table[i].start;
        GElf_Sym best = symbol_at(source, table[i].name);
        uint64_t size = best.st_size;
        for (i++; i < count && table[i].start == start; i++) {
            GElf_Sym other = symbol_at(source, table[i].name);
            size = other.st_size > size ? other.st_size : size;
            if (is_better(source, &other, &best))
                best = other;
        }
        if (size == 0)
            size = reach(source, &best, i < count ? table[i].start : UINT64_MAX);
        if (size > 0)
            table[kept++] = (struct symbol){start, size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
                                            best.st_name};
    }
    return kept;
}

/* Takes the image over when it has names; otherwise changes nothing. */
static bool load(struct symbols *symbols, struct elf_image *image, GElf_Word type,
                 enum symbols_state state)
{
    struct source source;
    if (!source_open(&source, image, type))
        return false;
    size_t count = list_functions(&source, NULL);
    struct symbol *table = count ? malloc(count * sizeof *table) : NULL;
    if (!table)
        return false;
    list_functions(&source, table);
    qsort(table, count, sizeof *table, by_start);
    count = choose_names(&source, table, count);
    if (count == 0) {
        free(table);
        return false;
    }
    struct symbol *shrunk = realloc(table, count * sizeof *table);
    *symbols = (struct symbols){state, *image, source.names, shrunk ? shrunk : table, count};
    image->elf = NULL;
    return true;
}

/* ---- opening ---- */

static bool take_debug_file(void *data, struct elf_image *image, const char *path)
{
    (void)path;
    return load(data, image, SHT_SYMTAB, SYMBOLS_FULL);
}

static struct symbols out_of_memory = {.state = SYMBOLS_MISSING};

struct symbols *symbols_open(const char *path, const uint8_t *build_id, size_t build_id_size)
{
    static const enum symbols_state states[] = {[TRACED_SAME] = SYMBOLS_NONE,
                                                [TRACED_CHANGED] = SYMBOLS_CHANGED,
                                                [TRACED_MISSING] = SYMBOLS_MISSING};
    struct symbols *symbols = calloc(1, sizeof *symbols);
    struct traced_file file;
    if (!symbols)
        return &out_of_memory;
    traced_file_open(&file, path, (struct build_id){build_id, build_id_size});
    symbols->state = states[file.state];
    if (!load(symbols, &file.image, SHT_SYMTAB, SYMBOLS_FULL) &&
        !debug_file_find(&file, take_debug_file, symbols))
        load(symbols, &file.image, SHT_DYNSYM, SYMBOLS_DYNAMIC);
    traced_file_close(&file);
    return symbols;
}

void symbols_close(struct symbols *symbols)
{
    if (!symbols || symbols == &out_of_memory)
        return;
    elf_image_close(&symbols->image);
    free(symbols->table);
    free(symbols);
}
