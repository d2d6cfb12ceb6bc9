/* Readable names: see demangle.h. Tells the manglings apart by their prefix, undoes those that are
 * simple (Vitte's, Rust's before v0), hands C++ to libstdc++ and Rust's v0 to demangle_rust_v0.c.
 *
 * What linkers and optimisers append stays readable behind the name (".cold", ".constprop.0",
 * "@@V"), except LTO's ".llvm.1234", which says nothing. No state; any thread. Allocates only
 * within
 * __cxa_demangle.
 *
 * Refused: C++ names that libstdc++ would need unbounded memory or time for (see
 * CXX_REFERENCES_MAX); they stay as they are. */
#include "collector/demangle.h"

#include "base/text.h"
#include "collector/demangle_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The C++ ABI's; from libstdc++, without a C++ compiler. */
char *__cxa_demangle(const char *mangled, char *buffer, size_t *size, int *status);

/* libstdc++ itself refuses names of more than 1024 bytes. Every reference to an earlier part (S1_,
 * T_) can repeat text that was itself repeated: n of them make up to 3^(n/3) copies, so a name of
 * 250 bytes can ask for 150 MB and one of 400 for more than there is. With 32 it stays near
 * 100 MB and a tenth of a second. Of 260 000 names in LLVM, clang and gdb 0.13 % have more. */
enum { CXX_LENGTH_MAX = 1024, CXX_REFERENCES_MAX = 32 };

void cut_text_append(struct cut_text *text, const char *bytes, size_t length)
{
    size_t room = text->size - 1 - text->length;
    if (text->full)
        return;
    if (length > room) {
        text->full = true;
        length = room;
    }
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    if (text->full) {
        size_t lead = text->length;
        for (int i = 0; i < 4 && lead > 0; i++)
            if ((text->data[--lead] & 0xc0) != 0x80)
                break;
        if (lead < text->length && (text->data[lead] & 0xc0) == 0xc0 &&
            text_utf8_length(text->data + lead, text->length - lead) == 0)
            text->length = lead;
    }
    text->data[text->length] = '\0';
}

void cut_text_append_scalar(struct cut_text *text, uint32_t scalar)
{
    char bytes[4];
    size_t length = scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; scalar >>= 6)
        bytes[i] = (char)(0x80 | (scalar & 0x3f));
    bytes[0] = (char)(length == 1 ? scalar : (0xf00u >> length & 0xf0) | scalar);
    cut_text_append(text, bytes, length);
}

static void append_string(struct cut_text *text, const char *string)
{
    cut_text_append(text, string, strlen(string));
}

/* ---- Vitte: vitte_fn_NAME_ID ---- */

static const char *vitte(const char *name, struct cut_text *text)
{
    static const char prefix[] = "vitte_fn_";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return NULL;
    name += sizeof prefix - 1;
    size_t end = strcspn(name, ".@"), length = end;
    while (length > 0 && isdigit((unsigned char)name[length - 1]))
        length--;
    if (length == end || length < 2 || name[length - 1] != '_')
        return NULL;
    cut_text_append(text, name, length - 1);
    return name + end;
}

/* ---- Rust before v0: the C++ ABI's nested name, whose last part is a hash ---- */

/* The next length-prefixed part; `*at` moves behind it. NULL: there is none. */
static const char *next_part(const char **at, size_t *length)
{
    char *part;
    if (!isdigit((unsigned char)**at))
        return NULL;
    *length = strtoul(*at, &part, 10);
    if (*length == 0 || strnlen(part, *length) < *length)
        return NULL;
    *at = part + *length;
    return part;
}

static bool is_hash(const char *part, size_t length)
{
    return length == 17 && part[0] == 'h' && strspn(part + 1, "0123456789abcdef") >= 16;
}

/* "$LT$" and the like; returns the bytes it takes, 0 when it is none that rustc writes. */
static size_t append_escape(struct cut_text *text, const char *escape, size_t available)
{
    static const char *const escapes[] = {"$SP$@", "$BP$*", "$RF$&", "$LT$<",
                                          "$GT$>", "$LP$(", "$RP$)", "$C$,"};
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        size_t length = strlen(escapes[i]) - 1;
        if (length <= available && memcmp(escape, escapes[i], length) == 0) {
            cut_text_append(text, escapes[i] + length, 1);
            return length;
        }
    }
    size_t digits = available < 3 ? 0 : strspn(escape + 2, "0123456789abcdef");
    if (digits == 0 || digits > 6 || digits + 3 > available || escape[1] != 'u' ||
        escape[digits + 2] != '$')
        return 0;
    uint32_t scalar = (uint32_t)strtoul(escape + 2, NULL, 16);
    if (scalar < 0x20 || (scalar >= 0x7f && scalar < 0xa0) || !is_scalar(scalar))
        return 0;
    cut_text_append_scalar(text, scalar);
    return digits + 3;
}

static void append_part(struct cut_text *text, const char *part, size_t length)
{
    size_t at =
        length > 1 && part[0] == '_' && part[1] == '$'; /* '_' only makes it an identifier */
    while (at < length) {
        size_t taken = 0;
        if (part[at] == '$')
            taken = append_escape(text, part + at, length - at);
        else if (part[at] == '.' && at + 1 < length && part[at + 1] == '.') {
            append_string(text, "::");
            taken = 2;
        }
        if (taken == 0) {
            cut_text_append(text, part + at, 1);
            taken = 1;
        }
        at += taken;
    }
}

static const char *rust_legacy(const char *name, struct cut_text *text)
{
    if (strncmp(name, "_ZN", 3) != 0)
        return NULL;
    const char *at = name + 3, *part, *last = NULL;
    size_t length = 0, last_length = 0;
    while ((part = next_part(&at, &length))) {
        last = part;
        last_length = length;
    }
    if (!last || !is_hash(last, last_length) || *at != 'E' || !strchr(".@", at[1]))
        return NULL;
    const char *rest = at + 1;
    at = name + 3;
    for (bool first = true; (part = next_part(&at, &length)) && part != last; first = false) {
        append_string(text, first ? "" : "::");
        append_part(text, part, length);
    }
    return text->length ? rest : NULL;
}

/* ---- C++ ---- */

/* Rather too many than too few: a piece of an identifier may look like a reference. */
static bool expands_too_far(const char *name, size_t length)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t references = 0;
    for (size_t i = 0; i < length; i++)
        if (name[i] == 'S' || name[i] == 'T') {
            i += 1 + strspn(name + i + 1, digits);
            references += name[i] == '_';
        }
    return references > CXX_REFERENCES_MAX;
}

static const char *cxx(const char *name, struct cut_text *text)
{
    char copy[CXX_LENGTH_MAX + 1];
    if (name[0] != '_' || name[1] != 'Z')
        return NULL;
    size_t length = strcspn(name, ".@");
    if (length >= sizeof copy || expands_too_far(name, length))
        return NULL;
    memcpy(copy, name, length);
    copy[length] = '\0';
    char *readable = __cxa_demangle(copy, NULL, NULL, NULL);
    if (!readable)
        return NULL;
    append_string(text, readable);
    free(readable);
    return name + length;
}

/* ---- what is behind the name ---- */

static void append_suffix(struct cut_text *text, const char *suffix)
{
    static const char lto[] = ".llvm.";
    const char *at;
    while ((at = strstr(suffix, lto))) {
        size_t digits = strspn(at + sizeof lto - 1, "0123456789ABCDEF");
        const char *rest = at + sizeof lto - 1 + digits;
        bool dropped = digits > 0 && strchr(".@", *rest);
        cut_text_append(text, suffix, (size_t)((dropped ? at : rest) - suffix));
        suffix = rest;
    }
    append_string(text, suffix);
}

char *demangle(const char *mangled, char *buffer, size_t size)
{
    static const char *(*const languages[])(const char *, struct cut_text *) = {
        demangle_rust_v0, rust_legacy, cxx, vitte};
    const char *suffix = NULL;
    struct cut_text text = {.data = buffer, .size = size};
    for (size_t i = 0; !suffix && i < sizeof languages / sizeof *languages; i++) {
        text.length = 0;
        text.full = false;
        buffer[0] = '\0';
        suffix = languages[i](mangled, &text);
    }
    if (!suffix) {
        text = (struct cut_text){.data = buffer, .size = size};
        buffer[0] = '\0';
    }
    append_suffix(&text, suffix ? suffix : mangled);
    return buffer;
}
