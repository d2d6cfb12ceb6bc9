/* See cfa.h. */
#include "runtime/cfa.h"

#include "frame.h"

#include <string.h>

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

struct frame_rule cfa_rule(const struct description *description, uint64_t pc, unsigned other)
{
    struct frame_rule rule = {RULE_UNKNOWN, 0, 0, RULE_NOT_SAVED, RULE_NOT_SAVED};
    struct machine machine = {.description = description,
                              .numbers = {ARCH_DWARF_FP, ARCH_DWARF_PC, other}};
    run(&machine, description->shared, UINT64_MAX);
    machine.first = machine.row;
    run(&machine, description->own, pc);
    if (machine.bad)
        return rule;
    if (description->is_signal) {
        rule.kind = RULE_SIGNAL;
        return rule;
    }
    return rule_of(&machine.row, pc);
}
