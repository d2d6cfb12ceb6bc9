/* The compiler's unwind tables: what they say of one instruction.
 *
 * Every module has an .eh_frame with a description (FDE) of each function, in parts shared (CIE),
 * and an .eh_frame_hdr in which to look an address up. A description is a small program whose rows
 * tell, from an address on, where a frame ends (the CFA, the stack pointer of the caller) and
 * where registers were saved below that.
 *
 * Safe anywhere: no lock, no allocation, no write outside the caller's memory; what is read of a
 * module is bounded by the segment that it begins in, and loops by what is read. */
#ifndef VT_RUNTIME_EH_FRAME_H
#define VT_RUNTIME_EH_FRAME_H

#include <stdint.h>

/* Those before RULE_UNKNOWN tell how to go on. */
enum rule_kind {
    RULE_SP = 1,   /* CFA = stack pointer + offset */
    RULE_FP,       /* CFA = frame pointer + offset */
    RULE_SAVED,    /* CFA is the word at frame pointer + offset: a frame that was aligned */
    RULE_SIGNAL,   /* a ucontext_t at the stack pointer has the frame that a signal interrupted */
    RULE_END,      /* nobody called this */
    RULE_UNKNOWN,  /* in a module, but nothing (that we understand) is said of it */
    RULE_FOREIGN,  /* in no module */
    RULE_REGISTER, /* CFA = another register + offset */
};

enum {
    RULE_NOT_SAVED = INT32_MIN,
    RULE_AT_FP, /* saved where fp points to */
    RULE_NO_REGISTER = 255,
};

struct frame_rule {
    uint32_t kind;
    uint32_t base; /* RULE_REGISTER: number of the register */
    int32_t offset;
    int32_t fp;    /* the caller's is at CFA + fp, RULE_AT_FP, or RULE_NOT_SAVED: unchanged */
    int32_t other; /* the same for the register that was asked for */
};

/* What holds at the instruction that has the byte at `pc`; `other` is a register to be told of. */
struct frame_rule eh_frame_rule(uint64_t pc, unsigned other);

#endif
