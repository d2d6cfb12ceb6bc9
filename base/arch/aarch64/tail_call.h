/* TAIL_CALL and VFORK for aarch64. The contract is in ../x86_64/tail_call.h. */
#ifndef VT_BASE_TAIL_CALL_H
#define VT_BASE_TAIL_CALL_H

#define TAIL_CALL(name, before)                                                                    \
    __asm__(".pushsection .text\n"                                                                 \
            ".globl " #name "\n"                                                                   \
            ".type " #name ", %function\n" #name ":\n"                                             \
            ".cfi_startproc\n"                                                                     \
            "stp x29, x30, [sp, #-80]!\n"                                                          \
            ".cfi_def_cfa_offset 80\n.cfi_offset x29, -80\n.cfi_offset x30, -72\n"                 \
            "stp x0, x1, [sp, #16]\n"                                                              \
            "stp x2, x3, [sp, #32]\n"                                                              \
            "stp x4, x5, [sp, #48]\n"                                                              \
            "stp x6, x7, [sp, #64]\n"                                                              \
            "bl " #before "\n"                                                                     \
            "mov x16, x0\n"                                                                        \
            "ldp x0, x1, [sp, #16]\n"                                                              \
            "ldp x2, x3, [sp, #32]\n"                                                              \
            "ldp x4, x5, [sp, #48]\n"                                                              \
            "ldp x6, x7, [sp, #64]\n"                                                              \
            "ldp x29, x30, [sp], #80\n"                                                            \
            ".cfi_def_cfa_offset 0\n.cfi_restore x29\n.cfi_restore x30\n"                          \
            "br x16\n"                                                                             \
            ".cfi_endproc\n"                                                                       \
            ".size " #name ", .-" #name "\n"                                                       \
            ".popsection\n");

/* There is no vfork among the system calls: it is a clone with CLONE_VM, CLONE_VFORK and SIGCHLD.
 */
#define VFORK(before, after)                                                                       \
    __asm__(".pushsection .text\n"                                                                 \
            ".globl vfork\n"                                                                       \
            ".type vfork, %function\nvfork:\n"                                                     \
            ".cfi_startproc\n"                                                                     \
            "stp x29, x30, [sp, #-16]!\n"                                                          \
            ".cfi_def_cfa_offset 16\n.cfi_offset x29, -16\n.cfi_offset x30, -8\n"                  \
            "bl " #before "\n"                                                                     \
            "ldp x29, x30, [sp], #16\n"                                                            \
            ".cfi_def_cfa_offset 0\n.cfi_restore x29\n.cfi_restore x30\n"                          \
            "mov x9, x0\n"                                                                         \
            "mov x0, #0x4111\n"                                                                    \
            "mov x1, sp\n"                                                                         \
            "mov x8, #220\n" /* SYS_clone */                                                       \
            "svc #0\n"                                                                             \
            "mov x1, x9\n"                                                                         \
            "b " #after "\n"                                                                       \
            ".cfi_endproc\n"                                                                       \
            ".size vfork, .-vfork\n"                                                               \
            ".popsection\n");

#endif
