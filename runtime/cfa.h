/* The programs of call frame information (DWARF 5, 6.4.2): run up to an address, one leaves a row
 * that says where the frame there ends and where its registers are saved. */
#ifndef VT_RUNTIME_CFA_H
#define VT_RUNTIME_CFA_H

#include "runtime/bytes.h"
#include "runtime/eh_frame.h"

/* What is said of one function. */
struct description {
    struct bytes shared, own; /* their instructions */
    uint64_t start;           /* of the function */
    uint64_t code_factor;
    int64_t data_factor;
    unsigned encoding; /* of the function's addresses */
    int is_signal;
};

/* What holds at the instruction at `pc`; `other` as for eh_frame_rule. */
struct frame_rule cfa_rule(const struct description *description, uint64_t pc, unsigned other);

#endif
