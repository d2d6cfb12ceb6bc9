/* Bounded text: see text.h. */
#include "base/text.h"

#include <string.h>

void text_bytes(struct text *text, const char *bytes, size_t length)
{
    if (text->length + length < text->capacity) {
        memcpy(text->data + text->length, bytes, length);
        text->data[text->length + length] = '\0';
    }
    text->length += length;
}

void text_string(struct text *text, const char *string)
{
    text_bytes(text, string, strlen(string));
}

static void in_base(struct text *text, uint64_t number, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = "0123456789abcdef"[number % base];
    while (number /= base);
    text_bytes(text, digits + at, sizeof digits - at);
}

void text_number(struct text *text, uint64_t number)
{
    in_base(text, number, 10);
}

void text_hex(struct text *text, uint64_t number)
{
    in_base(text, number, 16);
}

uint64_t text_read_number(const char **at)
{
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; ++*at)
        number = number * 10 + (uint64_t)(**at - '0');
    return number;
}

unsigned text_utf8_length(const char *bytes, size_t available)
{
    const unsigned char *b = (const unsigned char *)bytes;
    unsigned length = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    if (b[0] > 0xf4 || length == 0 || length > available)
        return 0;
    for (unsigned i = 1; i < length; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    /* overlong forms, surrogates, beyond U+10FFFF */
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
        (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return length;
}

static void json_escape(struct text *text, unsigned char byte)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the byte, its letter */
    for (size_t i = 0; i < sizeof named - 1; i += 2)
        if (byte == (unsigned char)named[i]) {
            text_bytes(text, (char[]){'\\', named[i + 1]}, 2);
            return;
        }
    char escape[6] = {
        '\\', 'u', '0', '0', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
    text_bytes(text, escape, sizeof escape);
}

void text_json(struct text *text, const char *bytes, size_t length)
{
    text_bytes(text, "\"", 1);
    for (size_t i = 0; i < length;) {
        unsigned char byte = (unsigned char)bytes[i];
        unsigned run = text_utf8_length(bytes + i, length - i);
        if (run == 0)
            text_bytes(text, "\xef\xbf\xbd", 3), run = 1;
        else if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f)
            json_escape(text, byte);
        else
            text_bytes(text, bytes + i, run);
        i += run;
    }
    text_bytes(text, "\"", 1);
}
