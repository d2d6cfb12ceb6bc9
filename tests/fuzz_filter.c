/* Any bytes as a filter expression: no crash, no leak, no endless loop; an error describes itself
 * inside the expression, and a program gives the same answer twice. Build with -fsanitize=fuzzer.
 */
#include "filter/filter.h"

#include <stdlib.h>
#include <string.h>

static const struct filter_fields spans[] = {
    {"/usr/lib/libssl.so.3", "SSL_read", "io", "worker 7", "vitte", 1234, 99, 1500},
    {"", "", "", "", "", 0, 0, 0},
    {"a.out", "std::vector<int>::operator[](unsigned long)", "memory", "1", "1", 1, 1, UINT64_MAX},
    {"/", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "]", "[!-\\", "\xc3\xa9\xff", 7, 7, 60000000000},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter_error error;
    char *expression = malloc(size + 1);
    if (!expression)
        return 0;
    memcpy(expression, data, size);
    expression[size] = '\0';
    memset(&error, 0xFF, sizeof(error));

    struct filter *filter = filter_parse(expression, &error);
    if (!filter && (error.position > strlen(expression) ||
                    !memchr(error.message, '\0', sizeof(error.message)) || !error.message[0]))
        abort();
    free(expression);
    for (size_t i = 0; filter && i < sizeof(spans) / sizeof(spans[0]); i++) {
        int kept = filter_match(filter, &spans[i]);
        if ((kept != 0 && kept != 1) || kept != filter_match(filter, &spans[i]))
            abort();
    }
    filter_free(filter);
    return 0;
}
