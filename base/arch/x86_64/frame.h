/* What unwinding a stack needs to know of the processor, for x86_64. Every architecture offers:
 *
 *   ARCH_FRAME_RULES     whether steps by the compiler's unwind tables (.eh_frame) are there: the
 *                        return address is then the word below the frame's end (the CFA)
 *   ARCH_FRAME_POINTERS  whether a frame pointer points at { caller's frame pointer, return
 *                        address }
 *   ARCH_DWARF_…         numbers of registers in unwind tables
 *   arch_frame           where the calling function is: the address of this very instruction,
 *                        stack pointer, frame pointer
 *   arch_context_offset  where a register is in a ucontext_t, which is also what lies on the stack
 *                        of a signal handler; negative when it is not there
 */
#ifndef VT_BASE_FRAME_H
#define VT_BASE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

enum {
    ARCH_FRAME_RULES = 1,
    ARCH_FRAME_POINTERS = 1,
    ARCH_DWARF_FP = 6,
    ARCH_DWARF_SP = 7,
    ARCH_DWARF_PC = 16,
};

static inline __attribute__((always_inline)) void arch_frame(uint64_t *pc, uint64_t *sp,
                                                             uint64_t *fp)
{
    __asm__ volatile("leaq 0(%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
                     : "=r"(*pc), "=r"(*sp), "=r"(*fp));
}

static inline long arch_context_offset(unsigned dwarf_register)
{
    static const signed char numbers[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                          REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                          REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    if (dwarf_register >= sizeof numbers)
        return -1;
    return (long)(offsetof(ucontext_t, uc_mcontext.gregs) + 8 * (size_t)numbers[dwarf_register]);
}

/* Whether calls keep the register's value. */
static inline int arch_register_kept(unsigned dwarf_register)
{
    return dwarf_register == 3 /* rbx */ || dwarf_register == ARCH_DWARF_FP ||
           (dwarf_register >= 12 && dwarf_register <= 15);
}

#endif
