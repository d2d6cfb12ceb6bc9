/* Text for JSON. */
#include "cli/cli.h"

#include "base/text.h"
#include "collector/memory.h"

json_t *json_bytes(const char *bytes, size_t length)
{
    json_t *json = json_stringn(bytes, length);
    if (json)
        return json;
    size_t room = 6 * length + 3;
    struct text text = text_on(need(malloc(room)), room);
    text_json(&text, bytes, length);
    json = json_loadb(text.data, text.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    free(text.data);
    return json;
}

json_t *json_text(const char *text)
{
    return json_bytes(text, strlen(text));
}

json_t *json_lines(const char *text)
{
    json_t *lines = json_array();
    for (size_t length; *text; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        json_array_append_new(lines, json_bytes(text, length));
    }
    return lines;
}
