/* Rust's v0 names (RFC 2603; the rustc book, "v0 symbol format"): one pass over the name that
 * prints while it parses, as the grammar allows. Shown as people write Rust: no crate
 * disambiguators, no types on constants, closures as {closure#0}. What bounds hostile names is in
 * demangle_rust_reader.h.
 *
 * Refused (the name stays as it is): encoding versions other than the first, and constants that are
 * strings, references or structures (unstable in rustc, and not in the book). */
#include "collector/demangle_rust_reader.h"

/* How a path is printed: Vec::<u8> in an expression, Vec<u8> in a type, and `Fn<(u8,)` with its
 * list left open in a dyn type, whose associated types go into the same brackets. */
enum style { VALUE, TYPE, OPEN };

static bool path(struct reader *r, enum style style);
static void type(struct reader *r);

static void put_identifier(struct reader *r, struct identifier id)
{
    uint32_t scalars[PUNYCODE_MAX];
    if (!id.punycode) {
        put_bytes(r, id.bytes, id.length);
        return;
    }
    if (quiet(r))
        return;
    uint32_t count = punycode_decode(id.bytes, id.length, scalars);
    r->bad = count == 0;
    for (uint32_t i = 0; i < count; i++)
        cut_text_append_scalar(r->text, scalars[i]);
}

/* ---- lifetimes ---- */

/* `index` counts outwards from the innermost binder, from 1; 0 is an erased lifetime. */
static void put_lifetime(struct reader *r, uint64_t index)
{
    uint64_t level = r->lifetimes - index;
    if (index > r->lifetimes)
        r->bad = true;
    else if (index == 0)
        put(r, "'_");
    else if (level < 26)
        put_bytes(r, (char[]){'\'', (char)('a' + level)}, 2);
    else {
        put(r, "'_");
        put_number(r, level);
    }
}

/* The caller restores r->lifetimes. */
static void binder(struct reader *r)
{
    uint64_t count = optional_base62(r, 'G');
    if (count > DEPTH_MAX)
        r->bad = true;
    if (r->bad || count == 0)
        return;
    put(r, "for<");
    for (uint64_t i = 0; i < count; i++) {
        put(r, i ? ", " : "");
        r->lifetimes++;
        put_lifetime(r, 1);
    }
    put(r, "> ");
}

/* ---- constants ---- */

static void put_char(struct reader *r, uint32_t value)
{
    static const char escaped[] = "\0000\nn\rr\tt\\\\''"; /* pairs: the character, its letter */
    char hex[16];
    put(r, "'");
    for (size_t i = 0; i < sizeof escaped - 1; i += 2)
        if (value == (unsigned char)escaped[i]) {
            put_bytes(r, (char[]){'\\', escaped[i + 1], '\''}, 3);
            return;
        }
    if (value >= 0x20 && value < 0x7f)
        snprintf(hex, sizeof hex, "%c", (char)value);
    else
        snprintf(hex, sizeof hex, "\\u{%" PRIx32 "}", value);
    put(r, hex);
    put(r, "'");
}

static void constant_data(struct reader *r, char tag)
{
    bool negative = strchr("aslxni", tag) && take(r, 'n');
    while (take(r, '0'))
        ;
    const char *digits = r->name + r->at;
    size_t count = 0;
    uint64_t value = 0;
    for (; !r->bad && !take(r, '_'); count++) {
        unsigned digit = base62_digit(next(r));
        if (digit > 15)
            r->bad = true;
        value = value << 4 | digit;
    }
    if ((tag == 'b' && (count > 1 || value > 1)) ||
        (tag == 'c' && (count > 6 || !is_scalar((uint32_t)value))))
        r->bad = true;
    if (r->bad)
        return;
    put(r, negative ? "-" : "");
    if (tag == 'b')
        put(r, value ? "true" : "false");
    else if (tag == 'c')
        put_char(r, (uint32_t)value);
    else if (count <= 16)
        put_number(r, value);
    else {
        put(r, "0x");
        put_bytes(r, digits, count);
    }
}

static void constant(struct reader *r)
{
    size_t back;
    if (!enter(r))
        return;
    char tag = next(r);
    if (tag == 'p')
        put(r, "_");
    else if (tag == 'B') {
        if (jump(r, &back)) {
            constant(r);
            r->at = back;
        }
    } else if (tag && strchr("htmyojaslxnibc", tag))
        constant_data(r, tag);
    else
        r->bad = true;
    leave(r);
}

/* ---- paths ---- */

static void generic_argument(struct reader *r)
{
    if (take(r, 'L'))
        put_lifetime(r, base62(r));
    else if (take(r, 'K'))
        constant(r);
    else
        type(r);
}

/* Elements up to the 'E'; returns how many. */
static size_t list(struct reader *r, void (*element)(struct reader *), const char *separator)
{
    size_t count = 0;
    for (; !take(r, 'E') && !r->bad; count++) {
        put(r, count ? separator : "");
        element(r);
    }
    return count;
}

/* The place of an impl, and the crate that instantiated a generic function. */
static void hidden_path(struct reader *r)
{
    r->hidden++;
    optional_base62(r, 's');
    path(r, TYPE);
    r->hidden--;
}

/* <Type as Trait> */
static void qualified(struct reader *r, bool has_trait)
{
    put(r, "<");
    type(r);
    if (has_trait) {
        put(r, " as ");
        path(r, TYPE);
    }
    put(r, ">");
}

/* Namespaces in lower case are the compiler's own and not shown; closures and shims have no names
 * that people wrote. */
static void nested(struct reader *r, enum style style)
{
    char space = next(r);
    path(r, style == VALUE ? VALUE : TYPE);
    uint64_t disambiguator = optional_base62(r, 's');
    struct identifier id = identifier(r);
    if (space >= 'a' && space <= 'z') {
        put(r, id.length ? "::" : "");
        put_identifier(r, id);
        return;
    }
    if (space < 'A' || space > 'Z')
        r->bad = true;
    put(r, "::{");
    if (space == 'C' || space == 'S')
        put(r, space == 'C' ? "closure" : "shim");
    else
        put_bytes(r, &space, 1);
    put(r, id.length ? ":" : "");
    put_identifier(r, id);
    put(r, "#");
    put_number(r, disambiguator);
    put(r, "}");
}

static bool generic(struct reader *r, enum style style)
{
    path(r, style == VALUE ? VALUE : TYPE);
    put(r, style == VALUE ? "::<" : "<");
    list(r, generic_argument, ", ");
    if (style != OPEN)
        put(r, ">");
    return style == OPEN;
}

/* Whether a list was left open. */
static bool path(struct reader *r, enum style style)
{
    bool open = false;
    size_t back;
    if (!enter(r))
        return false;
    char tag = next(r);
    switch (tag) {
    case 'C':
        optional_base62(r, 's');
        put_identifier(r, identifier(r));
        break;
    case 'M':
    case 'X':
        hidden_path(r);
        qualified(r, tag == 'X');
        break;
    case 'Y':
        qualified(r, true);
        break;
    case 'N':
        nested(r, style);
        break;
    case 'I':
        open = generic(r, style);
        break;
    case 'B':
        if (jump(r, &back)) {
            open = path(r, style);
            r->at = back;
        }
        break;
    default:
        r->bad = true;
    }
    leave(r);
    return open;
}

/* ---- types ---- */

static const char *basic_type(char tag)
{
    static const char *const names[26] = {"i8",   "bool",  "char",  "f64", "str", "f32", NULL,
                                          "u8",   "isize", "usize", NULL,  "i32", "u32", "i128",
                                          "u128", "_",     NULL,    NULL,  "i16", "u16", "()",
                                          "...",  NULL,    "i64",   "u64", "!"};
    return tag >= 'a' && tag <= 'z' ? names[tag - 'a'] : NULL;
}

static void reference(struct reader *r, const char *mutability)
{
    uint64_t lifetime = take(r, 'L') ? base62(r) : 0;
    put(r, "&");
    if (lifetime) {
        put_lifetime(r, lifetime);
        put(r, " ");
    }
    put(r, mutability);
    type(r);
}

static void put_abi(struct reader *r)
{
    struct identifier abi = {"C", 1, false};
    if (!take(r, 'C'))
        abi = identifier(r);
    put(r, "extern \"");
    for (size_t i = 0; i < abi.length; i++)
        put_bytes(r, abi.bytes[i] == '_' ? "-" : abi.bytes + i, 1);
    put(r, "\" ");
}

static void function_type(struct reader *r)
{
    uint64_t lifetimes = r->lifetimes;
    binder(r);
    put(r, take(r, 'U') ? "unsafe " : "");
    if (take(r, 'K'))
        put_abi(r);
    put(r, "fn(");
    list(r, type, ", ");
    put(r, ")");
    if (!take(r, 'u')) {
        put(r, " -> ");
        type(r);
    }
    r->lifetimes = lifetimes;
}

/* Trait<Arguments, Name = Type> */
static void bound(struct reader *r)
{
    bool open = path(r, OPEN);
    for (; take(r, 'p'); open = true) {
        put(r, open ? ", " : "<");
        put_identifier(r, identifier(r));
        put(r, " = ");
        generic_argument(r);
    }
    put(r, open ? ">" : "");
}

static void dyn_type(struct reader *r)
{
    uint64_t lifetimes = r->lifetimes;
    put(r, "dyn ");
    binder(r);
    list(r, bound, " + ");
    r->lifetimes = lifetimes;
    if (!take(r, 'L'))
        r->bad = true;
    uint64_t lifetime = base62(r);
    if (lifetime) {
        put(r, " + ");
        put_lifetime(r, lifetime);
    }
}

/* What the type is restricted to: "u32 is 1..=9". */
static void pattern(struct reader *r)
{
    if (!enter(r))
        return;
    switch (next(r)) {
    case 'R':
        constant(r);
        put(r, "..=");
        constant(r);
        break;
    case 'O':
        list(r, pattern, " | ");
        break;
    case 'N':
        put(r, "!null");
        break;
    default:
        r->bad = true;
    }
    leave(r);
}

static void array_or_slice(struct reader *r, bool is_array)
{
    put(r, "[");
    type(r);
    if (is_array) {
        put(r, "; ");
        constant(r);
    }
    put(r, "]");
}

static void tuple(struct reader *r)
{
    put(r, "(");
    size_t count = list(r, type, ", ");
    put(r, count == 1 ? ",)" : ")");
}

static void compound_type(struct reader *r, char tag)
{
    size_t back;
    switch (tag) {
    case 'R':
    case 'Q':
        reference(r, tag == 'Q' ? "mut " : "");
        break;
    case 'P':
    case 'O':
        put(r, tag == 'P' ? "*const " : "*mut ");
        type(r);
        break;
    case 'A':
    case 'S':
        array_or_slice(r, tag == 'A');
        break;
    case 'T':
        tuple(r);
        break;
    case 'F':
        function_type(r);
        break;
    case 'D':
        dyn_type(r);
        break;
    case 'W':
        type(r);
        put(r, " is ");
        pattern(r);
        break;
    case 'B':
        if (jump(r, &back)) {
            type(r);
            r->at = back;
        }
        break;
    default:
        r->bad = true;
    }
}

static void type(struct reader *r)
{
    char tag = peek(r);
    if (!enter(r))
        return;
    if (tag && strchr("CMXYNI", tag))
        path(r, TYPE);
    else {
        const char *name = basic_type(next(r));
        if (name)
            put(r, name);
        else
            compound_type(r, tag);
    }
    leave(r);
}

const char *demangle_rust_v0(const char *name, struct cut_text *text)
{
    if (name[0] != '_' || name[1] != 'R')
        return NULL;
    struct reader r = {.name = name + 2, .length = strlen(name + 2), .text = text};
    path(&r, VALUE);
    if (peek(&r) >= 'A' && peek(&r) <= 'Z')
        hidden_path(&r);
    const char *rest = r.name + r.at;
    return r.bad || !strchr(".$@", *rest) ? NULL : rest;
}
