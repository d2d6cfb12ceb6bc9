/* A dlsym and a dlvsym of the program's own. They stand in front of libc's for every library that
 * is loaded, so a program decides what a preloaded one is told when it looks up the next definition
 * of a symbol. Nothing here allocates or uses libc's state: it runs before any constructor. Include
 * once. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* To be defined by the program: the answer to dlsym (version NULL) and dlvsym. */
static void *answer(const char *name, const char *version);

struct libc_tables {
    const char *base, *strings;
    const ElfW(Sym) * symbols;
    const ElfW(Half) * versions;
    const uint32_t *hash;
};

static int find_tables(struct dl_phdr_info *info, size_t size, void *data)
{
    struct libc_tables *tables = data;
    (void)size;
    if (!strstr(info->dlpi_name, "/libc.so."))
        return 0;
    tables->base = (const char *)info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *entry = (const void *)(tables->base + info->dlpi_phdr[i].p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++) {
            const void *at = (const void *)entry->d_un.d_ptr;
            if (entry->d_tag == DT_STRTAB)
                tables->strings = at;
            else if (entry->d_tag == DT_SYMTAB)
                tables->symbols = at;
            else if (entry->d_tag == DT_VERSYM)
                tables->versions = at;
            else if (entry->d_tag == DT_GNU_HASH)
                tables->hash = at;
        }
    }
    return 1;
}

/* libc's own definition: the default version, or the one that only old programs use. */
static void *in_libc(const char *name, int old_version)
{
    static struct libc_tables tables;
    if (!tables.base)
        dl_iterate_phdr(find_tables, &tables);
    uint32_t hash = 5381;
    for (const char *at = name; *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    uint32_t buckets = tables.hash[0], first = tables.hash[1], blooms = tables.hash[2];
    const uint32_t *bucket =
        (const uint32_t *)((const ElfW(Addr) *)(const void *)(tables.hash + 4) + blooms);
    const uint32_t *chain = bucket + buckets - first;
    for (uint32_t i = bucket[hash % buckets]; i; i = chain[i] & 1 ? 0 : i + 1) {
        const ElfW(Sym) *symbol = &tables.symbols[i];
        if ((chain[i] | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF &&
            strcmp(tables.strings + symbol->st_name, name) == 0 &&
            (tables.versions[i] >> 15 & 1) == old_version)
            return (void *)(tables.base + symbol->st_value);
    }
    return NULL;
}

void *dlsym(void *handle, const char *name)
{
    (void)handle;
    return answer(name, NULL);
}

void *dlvsym(void *handle, const char *name, const char *version)
{
    (void)handle;
    return answer(name, version);
}
