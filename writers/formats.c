/* The table of formats. */
#include "writers/writer.h"

const struct writer_format *const writer_formats[] = {&format_chrome,        &format_ndjson,
                                                      &format_folded,        &format_flamegraph,
                                                      &format_vitte_profile, NULL};

const struct writer_format *writer_format_named(const char *name)
{
    for (size_t i = 0; writer_formats[i]; i++)
        if (strcmp(writer_formats[i]->name, name) == 0)
            return writer_formats[i];
    return NULL;
}

const struct writer_format *writer_format_of_file(const char *path)
{
    size_t length = strlen(path);
    if (length > 3 && strcmp(path + length - 3, ".gz") == 0)
        length -= 3;
    const struct writer_format *best = NULL; /* ".vprof.json" is not just ".json" */
    for (size_t i = 0; writer_formats[i]; i++) {
        size_t suffix = strlen(writer_formats[i]->suffix);
        if (length > suffix && (!best || suffix > strlen(best->suffix)) &&
            memcmp(path + length - suffix, writer_formats[i]->suffix, suffix) == 0)
            best = writer_formats[i];
    }
    return best;
}
