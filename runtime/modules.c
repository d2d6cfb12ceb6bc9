/* Walking the loader's list: see modules.h. */
#include "runtime/modules.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/clock.h"
#include "runtime/definitions.h"

#include <limits.h>
#include <link.h>
#include <string.h>

struct wanted {
    uint64_t address;  /* 0: every module */
    int only_own_path; /* do not record: remember the path */
};

static char own_path[PATH_MAX];

static void find_build_id(const struct dl_phdr_info *info, const ElfW(Phdr) * header,
                          struct definition_module *module)
{
    const char *at = (const char *)(info->dlpi_addr + header->p_vaddr);
    const char *end = at + header->p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *note = (const void *)at;
        const char *name = at + sizeof *note;
        const char *value = name + ((note->n_namesz + 3) & ~3u);
        at = value + ((note->n_descsz + 3) & ~3u);
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0 &&
            at <= end && note->n_descsz <= sizeof module->build_id) {
            memcpy(module->build_id, value, note->n_descsz);
            module->build_id_size = note->n_descsz;
            return;
        }
    }
}

static void measure(const struct dl_phdr_info *info, struct definition_module *module)
{
    module->bias = info->dlpi_addr;
    module->low = UINT64_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD) {
            module->low = start < module->low ? start : module->low;
            uint64_t end = start + header->p_memsz;
            module->high = end > module->high ? end : module->high;
        } else if (header->p_type == PT_NOTE && module->build_id_size == 0) {
            find_build_id(info, header, module);
        }
    }
}

/* The module's path, absolute: the program itself has an empty name in the loader's list. */
static struct text path_of(const struct dl_phdr_info *info, char *buffer, size_t size)
{
    struct text path = text_on(buffer, size);
    if (!info->dlpi_name[0]) {
        long length = sys_readlink("/proc/self/exe", buffer, size - 1);
        path.length = length > 0 ? (size_t)length : 0;
        buffer[path.length] = '\0';
        return path;
    }
    if (info->dlpi_name[0] != '/' && strchr(info->dlpi_name, '/') && sys_getcwd(buffer, size) > 0) {
        path.length = strlen(buffer);
        text_string(&path, "/");
    }
    text_string(&path, info->dlpi_name);
    return path;
}

static int visit(struct dl_phdr_info *info, size_t size, void *data)
{
    const struct wanted *wanted = data;
    struct definition_module module = {.tick = clock_tick()};
    char buffer[PATH_MAX];
    (void)size;
    measure(info, &module);
    if (wanted->address && (wanted->address < module.low || wanted->address >= module.high))
        return 0;
    struct text path = path_of(info, buffer, sizeof buffer);
    if (text_overflowed(&path))
        path = text_on(buffer, sizeof buffer);
    if (wanted->only_own_path) {
        memcpy(own_path, buffer, path.length + 1);
        return 1;
    }
    module.path_size = (uint32_t)path.length;
    definitions_append(DEFINITION_MODULE, &module, sizeof module, buffer, path.length);
    return wanted->address != 0;
}

void modules_record_all(void)
{
    struct wanted wanted = {0, 0};
    dl_iterate_phdr(visit, &wanted);
}

void modules_record_at(const void *address)
{
    struct wanted wanted = {(uint64_t)(uintptr_t)address, 0};
    dl_iterate_phdr(visit, &wanted);
}

const char *modules_own_path(void)
{
    struct wanted wanted = {(uint64_t)(uintptr_t)modules_own_path, 1};
    if (!own_path[0])
        dl_iterate_phdr(visit, &wanted);
    return own_path;
}
