/* Names, each made once: what a function, a call or a scope is called, ready for every writer. */
#ifndef VT_COLLECTOR_NAMES_H
#define VT_COLLECTOR_NAMES_H

#include "collector/lines.h"
#include "runtime/event.h"

#include <stddef.h>
#include <stdint.h>

struct module_file;

struct name {
    const char *text;   /* readable, NUL-terminated */
    const char *json;   /* the same as a JSON string, with quotes */
    const char *module; /* path of the ELF file, "" for names that are in none */
    uint32_t json_length;
    uint32_t number;  /* 0, 1, 2 … in the order of making */
    uint8_t category; /* enum event_category */
    uint8_t waits;    /* the time of such a span is waiting */
};

/* Whether the function only passes requests for memory on: operator new, and what is called malloc,
 * calloc, realloc or zalloc with something in front (xmalloc, PyMem_Realloc, sqlite3Malloc). */
int name_is_allocator(const struct name *name);

struct names;

struct names *names_new(void);
void names_free(struct names *names);
size_t names_count(const struct names *names);
const struct name *names_at(const struct names *names, size_t number);

/* The name for this text in this category and module; `text` need not be NUL-terminated. Lives as
 * long as `names`. Aborts the command when memory is out. */
const struct name *names_make(struct names *names, enum event_category category, const char *module,
                              const char *text, size_t length, int waits);

/* An ELF file of the traced programs, and the name of the function at an address of the file:
 * symbol, or MODULE+0xOFFSET, of its beginning if that is known. */
struct module_file *names_module(struct names *names, const char *path, size_t path_length,
                                 const uint8_t *build_id, size_t build_id_size);
const struct name *names_function(struct names *names, struct module_file *file, uint64_t address);
const char *module_file_path(const struct module_file *file);
/* How good its names are, in a word or two for a report. */
const char *module_file_symbols(struct module_file *file);

/* ---- source lines: looked up when they are first asked for ---- */

/* From now on nothing is known about lines, and no debug information is read. */
void names_without_lines(struct names *names);

/* Where the function is defined; NULL when that is not known, or when several functions of one file
 * share the name and are not defined at the same place. Valid until the next name is made. */
const struct source_frame *names_source(struct names *names, const struct name *name);
/* The same as a JSON string, "file.c:12" with its quotes; NULL when not known. */
const char *names_source_json(struct names *names, const struct name *name, size_t *length);

/* As lines_at, for an address in the file. */
size_t names_lines(struct names *names, struct module_file *file, uint64_t address,
                   const struct source_frame **frames);

extern const char *const category_tags[CATEGORY_COUNT];

#endif
