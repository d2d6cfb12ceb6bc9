/* See eh_frame.h. The formats: LSB "Exception Frames", DWARF 5 section 6.4. */
#include "runtime/eh_frame.h"

#include "frame.h"

#include <dlfcn.h>
#include <string.h>

#pragma weak _dl_find_object /* of glibc 2.35 */

/* ---- reading; past the end, or of what we do not know, `bad` is set and zeros come ---- */

struct bytes {
    const uint8_t *at, *end;
    int bad;
};

static uint64_t take(struct bytes *bytes, size_t size)
{
    uint64_t value = 0;
    if ((size_t)(bytes->end - bytes->at) < size) {
        bytes->bad = 1;
        bytes->at = bytes->end;
        return 0;
    }
    memcpy(&value, bytes->at, size);
    bytes->at += size;
    return value;
}

static uint64_t take_unsigned(struct bytes *bytes)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = take(bytes, 1);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    bytes->bad = 1;
    return 0;
}

static int64_t take_signed(struct bytes *bytes)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = take(bytes, 1);
        value |= (byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (byte & 0x40 && shift + 7 < 64)
            value |= ~UINT64_C(0) << (shift + 7);
        return (int64_t)value;
    }
    bytes->bad = 1;
    return 0;
}

static void skip(struct bytes *bytes, uint64_t size)
{
    if ((uint64_t)(bytes->end - bytes->at) < size) {
        bytes->bad = 1;
        bytes->at = bytes->end;
    } else {
        bytes->at += size;
    }
}

enum pointer_encoding {
    POINTER_SIZE_MASK = 0x0f,
    POINTER_FULL = 0x00,
    POINTER_U32 = 0x03,
    POINTER_U64 = 0x04,
    POINTER_S32 = 0x0b,
    POINTER_S64 = 0x0c,
    POINTER_RELATIVE_MASK = 0x70,
    POINTER_TO_ITSELF = 0x10,
    POINTER_TO_HEADER = 0x30,
    POINTER_INDIRECT = 0x80,
};

/* A number as the low bits of `encoding` say. */
static uint64_t take_encoded(struct bytes *bytes, unsigned encoding)
{
    switch (encoding & POINTER_SIZE_MASK) {
    case POINTER_U32:
        return take(bytes, 4);
    case POINTER_S32:
        return (uint64_t)(int32_t)take(bytes, 4);
    case POINTER_FULL:
    case POINTER_U64:
    case POINTER_S64:
        return take(bytes, 8);
    default:
        bytes->bad = 1;
        return 0;
    }
}

static uint64_t take_pointer(struct bytes *bytes, unsigned encoding)
{
    uint64_t here = (uint64_t)(uintptr_t)bytes->at;
    uint64_t value = take_encoded(bytes, encoding);
    switch (encoding & ~(unsigned)POINTER_SIZE_MASK) {
    case 0:
        return value;
    case POINTER_TO_ITSELF:
        return value + here;
    default:
        bytes->bad = 1;
        return 0;
    }
}

/* ---- which description is an address's ---- */

/* From `at` to the end of the module's mapping. */
static struct bytes within(const struct dl_find_object *module, const uint8_t *at)
{
    const uint8_t *low = module->dlfo_map_start, *high = module->dlfo_map_end;
    if (at < low || at > high)
        return (struct bytes){high, high, 1};
    return (struct bytes){at, high, 0};
}

/* The table of .eh_frame_hdr, sorted by address: both as distances from the header. */
struct entry {
    int32_t start, description;
};

enum { HEADER_VERSION = 1, HEADER_TABLE = POINTER_TO_HEADER | POINTER_S32 };

static const uint8_t *find_description(const struct dl_find_object *module, uint64_t pc)
{
    const uint8_t *header = module->dlfo_eh_frame;
    struct bytes bytes = within(module, header);
    uint64_t version = take(&bytes, 1);
    unsigned frame = (unsigned)take(&bytes, 1), number = (unsigned)take(&bytes, 1);
    uint64_t table = take(&bytes, 1);
    take_pointer(&bytes, frame);
    uint64_t count = take_encoded(&bytes, number);
    if (bytes.bad || version != HEADER_VERSION || table != HEADER_TABLE || count == 0 ||
        count > (uint64_t)(bytes.end - bytes.at) / sizeof(struct entry))
        return NULL;
    const struct entry *entries = (const void *)bytes.at;
    int64_t wanted = (int64_t)(pc - (uint64_t)(uintptr_t)header);
    uint64_t low = 0, high = count; /* the wanted one is in [low, high) */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (entries[middle].start <= wanted)
            low = middle;
        else
            high = middle;
    }
    return entries[low].start <= wanted ? header + entries[low].description : NULL;
}

struct description {
    struct bytes shared, own; /* their instructions */
    uint64_t start;           /* of the function */
    uint64_t code_factor;
    int64_t data_factor;
    unsigned encoding; /* of the function's addresses */
    int is_signal;
};

/* A length, and what it is the length of; `bad` where that is not 32-bit or not there. */
static struct bytes take_block(struct bytes *bytes)
{
    uint64_t length = take(bytes, 4);
    struct bytes block = *bytes;
    block.bad |= length == 0 || length > (uint64_t)(bytes->end - bytes->at);
    if (!block.bad)
        block.end = block.at + length;
    return block;
}

static int read_shared(struct bytes block, struct description *description)
{
    uint64_t id = take(&block, 4), version = take(&block, 1);
    const char *letters = (const char *)block.at;
    while (take(&block, 1) != 0)
        ;
    description->code_factor = take_unsigned(&block);
    description->data_factor = take_signed(&block);
    uint64_t return_register = version == 1 ? take(&block, 1) : take_unsigned(&block);
    if (block.bad || id != 0 || (version != 1 && version != 3) ||
        return_register != ARCH_DWARF_PC || (*letters && *letters != 'z'))
        return 0;
    uint64_t length = *letters ? take_unsigned(&block) : 0;
    struct bytes extra = block;
    skip(&block, length);
    for (letters += *letters != 0; *letters; letters++) {
        unsigned encoding = 0;
        if (*letters == 'S')
            description->is_signal = 1;
        else if (*letters == 'R' || *letters == 'P' || *letters == 'L')
            encoding = (unsigned)take(&extra, 1);
        else
            return 0;
        if (*letters == 'R')
            description->encoding = encoding;
        if (*letters == 'P')
            take_encoded(&extra, encoding);
    }
    description->shared = block;
    return !block.bad && !extra.bad;
}

static int read_description(const struct dl_find_object *module, uint64_t pc,
                            struct description *description)
{
    const uint8_t *at = find_description(module, pc);
    struct bytes bytes = within(module, at);
    struct bytes own = take_block(&bytes);
    const uint8_t *here = own.at;
    uint64_t distance = take(&own, 4);
    if (!at || own.bad || distance > (uint64_t)(here - (uint8_t *)module->dlfo_map_start))
        return 0;
    bytes = within(module, here - distance);
    memset(description, 0, sizeof *description);
    if (!read_shared(take_block(&bytes), description))
        return 0;
    description->start = take_pointer(&own, description->encoding);
    uint64_t size = take_encoded(&own, description->encoding);
    skip(&own, take_unsigned(&own)); /* all compilers' have 'z' */
    description->own = own;
    return !own.bad && pc - description->start < size;
}

/* ---- running its program ---- */

enum place_kind { PLACE_SAME, PLACE_CFA, PLACE_UNDEFINED, PLACE_AT_FP, PLACE_ELSEWHERE };

struct place {
    uint32_t kind;
    int32_t offset; /* PLACE_CFA: in memory at CFA + offset */
};

enum { KEPT_FP, KEPT_PC, KEPT_OTHER, KEPT };

struct row {
    struct place place[KEPT];
    uint32_t base;        /* register that the CFA is relative to */
    int32_t offset;       /* … */
    const uint8_t *start; /* of the expression that it is instead, or NULL */
    uint32_t size;
};

enum { ROWS = 6 };

struct machine {
    const struct description *description;
    struct row row, first, stack[ROWS];
    unsigned depth;
    unsigned numbers[KEPT];
    int bad;
};

static int32_t narrow(struct machine *machine, int64_t value)
{
    machine->bad |= value != (int32_t)value || value <= RULE_AT_FP;
    return (int32_t)value;
}

static void set_place(struct machine *machine, uint64_t number, enum place_kind kind,
                      int64_t offset)
{
    for (int i = 0; i < KEPT; i++)
        if (machine->numbers[i] == number)
            machine->row.place[i] = (struct place){kind, narrow(machine, offset)};
}

static void restore_place(struct machine *machine, uint64_t number)
{
    for (int i = 0; i < KEPT; i++)
        if (machine->numbers[i] == number)
            machine->row.place[i] = machine->first.place[i];
}

static void set_cfa(struct machine *machine, uint64_t base, int64_t offset)
{
    machine->bad |= base > UINT32_MAX;
    machine->row.base = (uint32_t)base;
    machine->row.offset = narrow(machine, offset);
    machine->row.start = NULL;
}

enum {
    OP_DEREF = 0x06,
    OP_AND = 0x1a,
    OP_PLUS = 0x22,
    OP_SHL = 0x24,
    OP_GE = 0x2a,
    OP_LIT = 0x30,
    OP_BREG = 0x70
};

/* Of all expressions that could tell where a register was saved, "at the frame pointer" is common.
 */
static void set_expression(struct machine *machine, uint64_t number, const struct bytes *block)
{
    static const uint8_t at_fp[] = {OP_BREG + ARCH_DWARF_FP, 0};
    int is_at_fp =
        block->end - block->at == sizeof at_fp && memcmp(block->at, at_fp, sizeof at_fp) == 0;
    set_place(machine, number, is_at_fp ? PLACE_AT_FP : PLACE_ELSEWHERE, 0);
}

static void remember(struct machine *machine)
{
    if (machine->depth < ROWS)
        machine->stack[machine->depth++] = machine->row;
    else
        machine->bad = 1;
}

static void recall(struct machine *machine)
{
    if (machine->depth > 0)
        machine->row = machine->stack[--machine->depth];
    else
        machine->bad = 1;
}

enum operand { NONE, UNSIGNED, SIGNED, UNSIGNED_FACTORED, SIGNED_FACTORED, BLOCK };

enum action {
    UNKNOWN, /* not one of the table */
    NOTHING,
    SET_CFA,
    SET_CFA_BASE,
    SET_CFA_OFFSET,
    SET_CFA_EXPRESSION,
    SET_SAVED,
    SET_SAME,
    SET_UNDEFINED,
    SET_EXPRESSION,
    SET_ELSEWHERE,
    RESTORE,
    REMEMBER,
    RECALL,
};

/* The instructions whose high two bits are zero, except for those that advance: a number, mostly a
 * register's, and a value. */
static const struct instruction {
    uint8_t action, number, value;
} instructions[] = {
    [0x00] = {NOTHING, NONE, NONE},
    [0x05] = {SET_SAVED, UNSIGNED, UNSIGNED_FACTORED},
    [0x06] = {RESTORE, UNSIGNED, NONE},
    [0x07] = {SET_UNDEFINED, UNSIGNED, NONE},
    [0x08] = {SET_SAME, UNSIGNED, NONE},
    [0x09] = {SET_ELSEWHERE, UNSIGNED, UNSIGNED},
    [0x0a] = {REMEMBER, NONE, NONE},
    [0x0b] = {RECALL, NONE, NONE},
    [0x0c] = {SET_CFA, UNSIGNED, UNSIGNED},
    [0x0d] = {SET_CFA_BASE, UNSIGNED, NONE},
    [0x0e] = {SET_CFA_OFFSET, NONE, UNSIGNED},
    [0x0f] = {SET_CFA_EXPRESSION, NONE, BLOCK},
    [0x10] = {SET_EXPRESSION, UNSIGNED, BLOCK},
    [0x11] = {SET_SAVED, UNSIGNED, SIGNED_FACTORED},
    [0x12] = {SET_CFA, UNSIGNED, SIGNED_FACTORED},
    [0x13] = {SET_CFA_OFFSET, NONE, SIGNED_FACTORED},
    [0x14] = {SET_ELSEWHERE, UNSIGNED, UNSIGNED},
    [0x15] = {SET_ELSEWHERE, UNSIGNED, SIGNED},
    [0x16] = {SET_ELSEWHERE, UNSIGNED, BLOCK},
    [0x2e] = {NOTHING, UNSIGNED, NONE}, /* GNU_args_size */
};

static int64_t take_operand(struct bytes *code, enum operand operand, int64_t factor,
                            struct bytes *block)
{
    switch (operand) {
    case UNSIGNED:
        return (int64_t)take_unsigned(code);
    case SIGNED:
        return take_signed(code);
    case UNSIGNED_FACTORED:
        return (int64_t)(take_unsigned(code) * (uint64_t)factor);
    case SIGNED_FACTORED:
        return (int64_t)((uint64_t)take_signed(code) * (uint64_t)factor);
    case BLOCK: {
        uint64_t size = take_unsigned(code);
        block->at = code->at;
        skip(code, size);
        block->end = code->at;
        return 0;
    }
    default:
        return 0;
    }
}

static void run_extended(struct machine *machine, unsigned opcode, struct bytes *code)
{
    static const struct instruction unknown = {UNKNOWN, NONE, NONE};
    int known = opcode < sizeof instructions / sizeof instructions[0];
    const struct instruction *instruction = known ? &instructions[opcode] : &unknown;
    int64_t factor = machine->description->data_factor;
    struct bytes block = {NULL, NULL, 0};
    struct row *row = &machine->row;
    uint64_t number = (uint64_t)take_operand(code, instruction->number, factor, &block);
    int64_t value = take_operand(code, instruction->value, factor, &block);
    switch (instruction->action) {
    case NOTHING:
        return;
    case SET_CFA:
        return set_cfa(machine, number, value);
    case SET_CFA_BASE:
        return set_cfa(machine, number, row->offset);
    case SET_CFA_OFFSET:
        return set_cfa(machine, row->base, value);
    case SET_CFA_EXPRESSION:
        row->start = block.at;
        row->size = (uint32_t)(block.end - block.at);
        return;
    case SET_SAVED:
        return set_place(machine, number, PLACE_CFA, value);
    case SET_SAME:
        return set_place(machine, number, PLACE_SAME, 0);
    case SET_UNDEFINED:
        return set_place(machine, number, PLACE_UNDEFINED, 0);
    case SET_EXPRESSION:
        return set_expression(machine, number, &block);
    case SET_ELSEWHERE:
        return set_place(machine, number, PLACE_ELSEWHERE, 0);
    case RESTORE:
        return restore_place(machine, number);
    case REMEMBER:
        return remember(machine);
    case RECALL:
        return recall(machine);
    default:
        machine->bad = 1;
    }
}

/* Runs until the rows are those of `pc`. */
static void run(struct machine *machine, struct bytes code, uint64_t pc)
{
    uint64_t at = machine->description->start, factor = machine->description->code_factor;
    while (code.at < code.end && !code.bad && !machine->bad) {
        unsigned opcode = (unsigned)take(&code, 1), low = opcode & 0x3f;
        uint64_t advance = 0;
        if (opcode >> 6 == 1)
            advance = low;
        else if (opcode >> 6 == 2)
            set_place(machine, low, PLACE_CFA,
                      (int64_t)take_unsigned(&code) * machine->description->data_factor);
        else if (opcode >> 6 == 3)
            restore_place(machine, low);
        else if (opcode >= 2 && opcode <= 4) /* advance_loc1, 2 and 4 */
            advance = take(&code, (size_t)1 << (opcode - 2));
        else
            run_extended(machine, opcode, &code);
        at += advance * factor;
        if (at > pc)
            break;
    }
    machine->bad |= code.bad;
}

/* ---- what the row says, in our terms ---- */

/* The CFA by an expression. Linkers describe the entries of a PLT, sixteen bytes each, as
 * "sp + 8, and 8 more from the pushq's end on": at a given address that is a number. */
static struct frame_rule by_expression(const struct row *row, uint64_t pc)
{
    struct frame_rule rule = {RULE_UNKNOWN, 0, 0, RULE_NOT_SAVED, RULE_NOT_SAVED};
    static const uint8_t plt[] = {OP_BREG + ARCH_DWARF_SP,
                                  8,
                                  OP_BREG + ARCH_DWARF_PC,
                                  0,
                                  OP_LIT + 15,
                                  OP_AND,
                                  0 /* a literal */,
                                  OP_GE,
                                  OP_LIT + 3,
                                  OP_SHL,
                                  OP_PLUS};
    struct bytes code = {row->start, row->start + row->size, 0};
    if (row->size == sizeof plt && memcmp(row->start, plt, 6) == 0 &&
        memcmp(row->start + 7, plt + 7, sizeof plt - 7) == 0) {
        unsigned pushed = row->start[6] - (unsigned)OP_LIT;
        rule.kind = RULE_SP;
        rule.offset = (pc & 15) >= pushed ? 16 : 8;
    } else if (take(&code, 1) == OP_BREG + ARCH_DWARF_FP) {
        int64_t offset = take_signed(&code);
        int is_saved = take(&code, 1) == OP_DEREF && code.at == code.end && !code.bad;
        if (is_saved && offset == (int32_t)offset) {
            rule.kind = RULE_SAVED;
            rule.offset = (int32_t)offset;
        }
    }
    return rule;
}

static int32_t saved_at(const struct place *place)
{
    if (place->kind == PLACE_AT_FP)
        return RULE_AT_FP;
    return place->kind == PLACE_CFA ? place->offset : RULE_NOT_SAVED;
}

static struct frame_rule rule_of(const struct row *row, uint64_t pc)
{
    struct frame_rule rule = {RULE_UNKNOWN, 0, 0, RULE_NOT_SAVED, RULE_NOT_SAVED};
    if (row->place[KEPT_PC].kind == PLACE_UNDEFINED) {
        rule.kind = RULE_END;
        return rule;
    }
    if (row->place[KEPT_PC].kind != PLACE_CFA || row->place[KEPT_PC].offset != -8)
        return rule;
    if (row->start) {
        rule = by_expression(row, pc);
    } else {
        rule.kind = row->base == ARCH_DWARF_SP   ? RULE_SP
                    : row->base == ARCH_DWARF_FP ? RULE_FP
                                                 : RULE_REGISTER;
        rule.base = row->base;
        rule.offset = row->offset;
    }
    rule.fp = saved_at(&row->place[KEPT_FP]);
    rule.other = saved_at(&row->place[KEPT_OTHER]);
    return rule;
}

struct frame_rule eh_frame_rule(uint64_t pc, unsigned other)
{
    struct frame_rule rule = {RULE_UNKNOWN, 0, 0, RULE_NOT_SAVED, RULE_NOT_SAVED};
    struct description description;
    struct dl_find_object module;
    if (!ARCH_FRAME_RULES || !_dl_find_object)
        return rule;
    if (_dl_find_object((void *)(uintptr_t)pc, &module) != 0) {
        rule.kind = RULE_FOREIGN;
        return rule;
    }
    if (!module.dlfo_eh_frame || !read_description(&module, pc, &description))
        return rule;
    struct machine machine = {.description = &description,
                              .numbers = {ARCH_DWARF_FP, ARCH_DWARF_PC, other}};
    run(&machine, description.shared, UINT64_MAX);
    machine.first = machine.row;
    run(&machine, description.own, pc);
    if (machine.bad)
        return rule;
    if (description.is_signal) {
        rule.kind = RULE_SIGNAL;
        return rule;
    }
    return rule_of(&machine.row, pc);
}
