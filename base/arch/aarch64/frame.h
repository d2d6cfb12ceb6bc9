/* What unwinding a stack needs to know of the processor, for aarch64: by frame pointers, which
 * nearly everything keeps there. The contract is in ../x86_64/frame.h. */
#ifndef VT_BASE_FRAME_H
#define VT_BASE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

enum {
    ARCH_FRAME_RULES = 0,
    ARCH_FRAME_POINTERS = 1,
    ARCH_DWARF_FP = 29,
    ARCH_DWARF_SP = 31,
    ARCH_DWARF_PC = 32,
};

static inline __attribute__((always_inline)) void arch_frame(uint64_t *pc, uint64_t *sp,
                                                             uint64_t *fp)
{
    __asm__ volatile("adr %0, .\n\tmov %1, sp\n\tmov %2, x29" : "=r"(*pc), "=r"(*sp), "=r"(*fp));
}

static inline long arch_context_offset(unsigned dwarf_register)
{
    if (dwarf_register > ARCH_DWARF_PC)
        return -1;
    return (long)(offsetof(ucontext_t, uc_mcontext.regs) + 8 * (size_t)dwarf_register);
}

static inline int arch_register_kept(unsigned dwarf_register)
{
    return dwarf_register >= 19 && dwarf_register <= ARCH_DWARF_FP;
}

#endif
