/* For processors without a folder of their own: no stack beyond its first frame. The contract is in
 * ../x86_64/frame.h. */
#ifndef VT_BASE_FRAME_H
#define VT_BASE_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
    ARCH_FRAME_RULES = 0,
    ARCH_FRAME_POINTERS = 0,
    ARCH_DWARF_FP = 0,
    ARCH_DWARF_SP = 1,
    ARCH_DWARF_PC = 2,
};

static inline __attribute__((always_inline)) void arch_frame(uint64_t *pc, uint64_t *sp,
                                                             uint64_t *fp)
{
    *pc = (uint64_t)(uintptr_t)__builtin_return_address(0);
    *sp = *fp = (uint64_t)(uintptr_t)__builtin_frame_address(0);
}

static inline long arch_context_offset(unsigned dwarf_register)
{
    (void)dwarf_register;
    return -1;
}

static inline int arch_register_kept(unsigned dwarf_register)
{
    (void)dwarf_register;
    return 0;
}

#endif
