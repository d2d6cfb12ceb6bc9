/* TAIL_CALL(name, before): an exported function `name` that calls `void *before(first argument)`
 * and jumps to what it returned, with the two argument registers and the stack as they were. */
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
            "subq $8, %rsp\n.cfi_adjust_cfa_offset 8\n"                                            \
            "call " #before "\n"                                                                   \
            "addq $8, %rsp\n.cfi_adjust_cfa_offset -8\n"                                           \
            "popq %rsi\n.cfi_adjust_cfa_offset -8\n"                                               \
            "popq %rdi\n.cfi_adjust_cfa_offset -8\n"                                               \
            "jmp *%rax\n"                                                                          \
            ".cfi_endproc\n"                                                                       \
            ".size " #name ", .-" #name "\n"                                                       \
            ".popsection\n");

#endif
