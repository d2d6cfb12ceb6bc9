/* Any name, with any room for the answer, is shown within that room: no fault, no endless work. The
 * first byte says how much room there is. */
#include "collector/demangle.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t room = data[0] < 200 ? data[0] + 1u : 1u << (data[0] - 200) % 16;
    char *name = malloc(size), *buffer = malloc(room);
    if (!name || !buffer)
        abort();
    memcpy(name, data + 1, size - 1);
    name[size - 1] = '\0';
    if (demangle(name, buffer, room) != buffer || strnlen(buffer, room) == room)
        abort();
    free(name);
    free(buffer);
    return 0;
}
