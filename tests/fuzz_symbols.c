/* Any bytes can be opened as an ELF file, and asked about any address. A name found is a text with
 * something in it, and starts no later than the address. */
#include "collector/function_starts.h"
#include "collector/symbols.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct symbols *symbols, uint64_t address)
{
    uint64_t start;
    const char *name = symbols_find(symbols, address, &start);
    if (name && (strlen(name) == 0 || start > address))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    char path[64];
    uint64_t address;
    if (file < 0)
        file = memfd_create("fuzz_symbols", 0);
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct symbols *symbols = symbols_open(path, NULL, 0);
    symbols_state(symbols);
    for (address = 0; address < 0x20000; address += 0x101)
        ask(symbols, address);
    for (size_t at = 0; at + sizeof address <= size; at += sizeof address) {
        memcpy(&address, data + at, sizeof address);
        ask(symbols, address);
    }
    symbols_close(symbols);
    struct function_starts *starts = function_starts_open(path, NULL, 0);
    for (address = 0; address < 0x20000; address += 0x101)
        if (function_start(starts, address) > address)
            abort();
    function_starts_close(starts);
    return 0;
}
