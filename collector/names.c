/* See names.h. Names live in one table for the whole session: the same function in a thousand
 * processes is one name. */
#include "collector/names.h"

#include "collector/memory.h"

#include "base/text.h"
#include "collector/demangle.h"
#include "collector/function_starts.h"
#include "collector/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const category_tags[CATEGORY_COUNT] = {
#define X(NAME, option, tag, help) tag,
    EVENT_CATEGORIES(X)
#undef X
};

struct module_file {
    char *path;
    uint8_t build_id[32];
    size_t build_id_size;
    struct symbols *symbols; /* opened at the first question */
    struct lines *lines;     /* the same */
    struct function_starts *starts;
    struct module_file *next;
};

/* The functions of a name: one, or several of a file that are called the same. */
struct origin {
    struct module_file *file;
    uint64_t address;
    struct origin *next;
};

/* Where a name's functions are defined, and what is told of it. */
struct definition {
    struct origin *origins; /* NULL: it is no function's */
    struct source_frame source;
    char *json;
    size_t json_length;
    enum { SOURCE_UNASKED, SOURCE_UNKNOWN, SOURCE_KNOWN } state;
};

struct names {
    struct name **table; /* by hash, open addressing */
    size_t table_size;
    struct name **all;
    struct definition *definitions; /* beside `all` */
    int without_lines;
    size_t count, room;
    struct module_file *modules;
};

enum { MAX_NAME = 4096, MAX_ORIGINS = 16 };

struct names *names_new(void)
{
    struct names *names = need(calloc(1, sizeof *names));
    names->table_size = 1024;
    names->table = need(calloc(names->table_size, sizeof *names->table));
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->count; i++) {
        free(names->all[i]);
        free(names->definitions[i].json);
        for (struct origin *origin = names->definitions[i].origins, *next; origin; origin = next) {
            next = origin->next;
            free(origin);
        }
    }
    while (names->modules) {
        struct module_file *next = names->modules->next;
        symbols_close(names->modules->symbols);
        lines_close(names->modules->lines);
        function_starts_close(names->modules->starts);
        free(names->modules->path);
        free(names->modules);
        names->modules = next;
    }
    free(names->all);
    free(names->definitions);
    free(names->table);
    free(names);
}

size_t names_count(const struct names *names)
{
    return names->count;
}

const struct name *names_at(const struct names *names, size_t number)
{
    return names->all[number];
}

int name_is_allocator(const struct name *name)
{
    static const char *const ends[] = {"malloc", "calloc", "realloc", "zalloc"};
    size_t length = strcspn(name->text, "(");
    if (strncmp(name->text, "operator new", strlen("operator new")) == 0)
        return 1;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end = strlen(ends[i]);
        if (length >= end && strncasecmp(name->text + length - end, ends[i], end) == 0)
            return 1;
    }
    return 0;
}

static size_t hash_of(enum event_category category, const char *module, const char *text,
                      size_t length)
{
    size_t hash = (size_t)category * 31 + (size_t)(uintptr_t)module;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
    return hash ^ hash >> 29;
}

static void insert(struct names *names, struct name *name)
{
    size_t at = hash_of(name->category, name->module, name->text, strlen(name->text));
    while (names->table[at % names->table_size])
        at++;
    names->table[at % names->table_size] = name;
}

static void grow(struct names *names)
{
    names->table_size *= 2;
    free(names->table);
    names->table = need(calloc(names->table_size, sizeof *names->table));
    for (size_t i = 0; i < names->count; i++)
        insert(names, names->all[i]);
}

/* One allocation: the struct, the text, its JSON form (at most six bytes for each). */
static struct name *make(enum event_category category, const char *module, const char *text,
                         size_t length, int waits)
{
    char quoted[MAX_NAME * 6 + 3];
    struct text json = text_on(quoted, sizeof quoted);
    text_json(&json, text, length);
    struct name *name = need(malloc(sizeof *name + length + 1 + json.length + 1));
    char *copy = (char *)(name + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    memcpy(copy + length + 1, quoted, json.length + 1);
    *name = (struct name){.text = copy,
                          .json = copy + length + 1,
                          .module = module,
                          .json_length = (uint32_t)json.length,
                          .category = (uint8_t)category,
                          .waits = (uint8_t)waits};
    return name;
}

/* `module` is compared as a pointer: module paths are owned by module files, "" is one constant. */
const struct name *names_make(struct names *names, enum event_category category, const char *module,
                              const char *text, size_t length, int waits)
{
    const char *nul = memchr(text, '\0', length);
    if (nul)
        length = (size_t)(nul - text);
    if (length > MAX_NAME)
        length = MAX_NAME;
    size_t at = hash_of(category, module, text, length);
    for (struct name *found; (found = names->table[at % names->table_size]); at++)
        if (found->category == category && found->module == module &&
            strncmp(found->text, text, length) == 0 && found->text[length] == '\0')
            return found;
    if (names->count * 2 >= names->table_size)
        grow(names);
    if (names->count == names->room) {
        names->room = names->room ? 2 * names->room : 256;
        names->all = need(realloc(names->all, names->room * sizeof *names->all));
        names->definitions =
            need(realloc(names->definitions, names->room * sizeof *names->definitions));
    }
    struct name *name = make(category, module, text, length, waits);
    name->number = (uint32_t)names->count;
    names->definitions[names->count] = (struct definition){.origins = NULL};
    names->all[names->count++] = name;
    insert(names, name);
    return name;
}

struct module_file *names_module(struct names *names, const char *path, size_t path_length,
                                 const uint8_t *build_id, size_t build_id_size)
{
    struct module_file *file = names->modules;
    if (build_id_size > sizeof file->build_id)
        build_id_size = 0;
    for (; file; file = file->next)
        if (strlen(file->path) == path_length && memcmp(file->path, path, path_length) == 0 &&
            file->build_id_size == build_id_size &&
            memcmp(file->build_id, build_id, build_id_size) == 0)
            return file;
    file = need(calloc(1, sizeof *file));
    file->path = need(strndup(path, path_length));
    memcpy(file->build_id, build_id, build_id_size);
    file->build_id_size = build_id_size;
    file->next = names->modules;
    names->modules = file;
    return file;
}

static struct symbols *symbols_of(struct module_file *file)
{
    if (!file->symbols)
        file->symbols = need(symbols_open(file->path, file->build_id, file->build_id_size));
    return file->symbols;
}

static struct function_starts *starts_of(struct module_file *file)
{
    if (!file->starts)
        file->starts = function_starts_open(file->path, file->build_id, file->build_id_size);
    return file->starts;
}

const char *module_file_path(const struct module_file *file)
{
    return file->path;
}

const char *module_file_symbols(struct module_file *file)
{
    static const char *const words[] = {
        [SYMBOLS_FULL] = "full",       [SYMBOLS_DYNAMIC] = "exported only",
        [SYMBOLS_NONE] = "none",       [SYMBOLS_CHANGED] = "file was rebuilt",
        [SYMBOLS_MISSING] = "no file",
    };
    return words[symbols_state(symbols_of(file))];
}

static void add_origin(struct definition *definition, struct module_file *file, uint64_t address)
{
    struct origin **end = &definition->origins;
    size_t count = 0;
    for (; *end && count < MAX_ORIGINS; end = &(*end)->next, count++)
        if ((*end)->file == file && (*end)->address == address)
            return;
    if (*end) { /* so many are one name for many things */
        definition->state = SOURCE_UNKNOWN;
        return;
    }
    *end = need(malloc(sizeof **end));
    **end = (struct origin){file, address, NULL};
    definition->state = SOURCE_UNASKED;
}

/* Modules that have one name for all their functions, or NULL: of the tracer's library they are no
 * affair of the program's; the kernel's is in no file. */
static const char *name_of_all(const struct module_file *file)
{
    const char *slash = strrchr(file->path, '/');
    const char *last = slash ? slash + 1 : file->path;
    return strcmp(last, "libvittetrace.so") == 0 ? "[vitte-trace]"
           : strcmp(last, "linux-vdso.so.1") == 0 || strcmp(last, "linux-gate.so.1") == 0 ? "[vdso]"
                                                                                          : NULL;
}

const struct name *names_function(struct names *names, struct module_file *file, uint64_t address)
{
    char text[MAX_NAME + 1];
    const char *all = name_of_all(file);
    if (all)
        return names_make(names, CATEGORY_FUNCTIONS, file->path, all, strlen(all), 0);
    uint64_t start = address;
    const char *symbol = symbols_find(symbols_of(file), address, &start);
    if (symbol) {
        demangle(symbol, text, sizeof text);
    } else {
        const char *slash = strrchr(file->path, '/');
        start = function_start(starts_of(file), address);
        snprintf(text, sizeof text, "%s+0x%llx", slash ? slash + 1 : file->path,
                 (unsigned long long)start);
    }
    const struct name *name =
        names_make(names, CATEGORY_FUNCTIONS, file->path, text, strlen(text), 0);
    add_origin(&names->definitions[name->number], file, start);
    return name;
}

/* ---- source lines ---- */

void names_without_lines(struct names *names)
{
    names->without_lines = 1;
}

static struct lines *lines_of(struct module_file *file)
{
    if (!file->lines)
        file->lines = lines_open(file->path, file->build_id, file->build_id_size);
    return file->lines;
}

size_t names_lines(struct names *names, struct module_file *file, uint64_t address,
                   const struct source_frame **frames)
{
    if (name_of_all(file))
        return 0;
    return names->without_lines ? 0 : lines_at(lines_of(file), address, frames);
}

/* Whether all functions of the name are defined at one place that is known. */
static int find_source(const struct definition *definition, struct source_frame *source)
{
    for (const struct origin *origin = definition->origins; origin; origin = origin->next) {
        const struct source_frame *found = lines_function(lines_of(origin->file), origin->address);
        if (!found || (origin != definition->origins &&
                       (found->file != source->file || found->line != source->line)))
            return 0;
        *source = *found;
    }
    return definition->origins != NULL;
}

const struct source_frame *names_source(struct names *names, const struct name *name)
{
    struct definition *definition = &names->definitions[name->number];
    if (definition->state == SOURCE_UNASKED && !names->without_lines)
        definition->state =
            find_source(definition, &definition->source) ? SOURCE_KNOWN : SOURCE_UNKNOWN;
    return definition->state == SOURCE_KNOWN ? &definition->source : NULL;
}

const char *names_source_json(struct names *names, const struct name *name, size_t *length)
{
    struct definition *definition = &names->definitions[name->number];
    const struct source_frame *source = names_source(names, name);
    if (source && !definition->json) {
        char shown[MAX_NAME], quoted[MAX_NAME * 6 + 3];
        struct text json = text_on(quoted, sizeof quoted);
        source_show(shown, sizeof shown, source, 0);
        text_json(&json, shown, strlen(shown));
        definition->json = need(strdup(quoted));
        definition->json_length = json.length;
    }
    *length = definition->json_length;
    return source ? definition->json : NULL;
}
