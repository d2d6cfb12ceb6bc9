/* Functions that cannot be written in C.
 *
 * TAIL_CALL(name, before): an exported function `name` that calls `void *before(first argument,
 * second argument)` and jumps to what it returned, with all argument registers and the stack as
 * they were.
 *
 * VFORK(before, after): an exported vfork, which is the system call between `long before(void)` and
 * `long after(long result, long of_before)`. Its child returns to the caller, too, and so writes
 * over the return address: that stays in a register. */
#ifndef VT_BASE_TAIL_CALL_H
#define VT_BASE_TAIL_CALL_H

#define TAIL_CALL(name, before)                                                                    \
    __asm__(".pushsection .text\n"                                                                 \
            ".globl " #name "\n"                                                                   \
            ".type " #name ", @function\n" #name ":\n"                                             \
            ".cfi_startproc\n"                                                                     \
            "endbr64\n"                                                                            \
            "pushq %rdi\n.cfi_adjust_cfa_offset 8\n"                                               \
            "pushq %rsi\n.cfi_adjust_cfa_offset 8\n"                                               \
            "pushq %rdx\n.cfi_adjust_cfa_offset 8\n"                                               \
            "pushq %rcx\n.cfi_adjust_cfa_offset 8\n"                                               \
            "pushq %r8\n.cfi_adjust_cfa_offset 8\n"                                                \
            "pushq %r9\n.cfi_adjust_cfa_offset 8\n"                                                \
            "pushq %rax\n.cfi_adjust_cfa_offset 8\n"                                               \
            "call " #before "\n"                                                                   \
            "movq %rax, %r11\n"                                                                    \
            "popq %rax\n.cfi_adjust_cfa_offset -8\n"                                               \
            "popq %r9\n.cfi_adjust_cfa_offset -8\n"                                                \
            "popq %r8\n.cfi_adjust_cfa_offset -8\n"                                                \
            "popq %rcx\n.cfi_adjust_cfa_offset -8\n"                                               \
            "popq %rdx\n.cfi_adjust_cfa_offset -8\n"                                               \
            "popq %rsi\n.cfi_adjust_cfa_offset -8\n"                                               \
            "popq %rdi\n.cfi_adjust_cfa_offset -8\n"                                               \
            "jmp *%r11\n"                                                                          \
            ".cfi_endproc\n"                                                                       \
            ".size " #name ", .-" #name "\n"                                                       \
            ".popsection\n");

#define VFORK(before, after)                                                                       \
    __asm__(".pushsection .text\n"                                                                 \
            ".globl vfork\n"                                                                       \
            ".type vfork, @function\nvfork:\n"                                                     \
            ".cfi_startproc\n"                                                                     \
            "endbr64\n"                                                                            \
            "subq $8, %rsp\n.cfi_adjust_cfa_offset 8\n"                                            \
            "call " #before "\n"                                                                   \
            "addq $8, %rsp\n.cfi_adjust_cfa_offset -8\n"                                           \
            "popq %rdi\n.cfi_adjust_cfa_offset -8\n.cfi_register %rip, %rdi\n"                     \
            "movq %rax, %rsi\n"                                                                    \
            "movl $58, %eax\n" /* SYS_vfork */                                                     \
            "syscall\n"                                                                            \
            "pushq %rdi\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rip, 0\n"                      \
            "movq %rax, %rdi\n"                                                                    \
            "jmp " #after "\n"                                                                     \
            ".cfi_endproc\n"                                                                       \
            ".size vfork, .-vfork\n"                                                               \
            ".popsection\n");

#endif
