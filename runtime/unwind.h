/* stub, to be replaced */
#ifndef VT_RUNTIME_UNWIND_H
#define VT_RUNTIME_UNWIND_H
#include <stdint.h>
#include <ucontext.h>
struct unwind_state {
    uint64_t pc, sp, fp;
    int exact;
};
enum { UNWIND_FRAMES = 64 };
struct unwind_bounds {
    uintptr_t low, high;
};
enum unwind_how { UNWIND_AUTO, UNWIND_CFI, UNWIND_FP, UNWIND_LIBUNWIND };
struct unwind_walk {
    uint32_t depth, same, cut;
    uint64_t exact;
    uint64_t address[UNWIND_FRAMES];
    uint32_t id[UNWIND_FRAMES];
};
void unwind(struct unwind_walk *walk, struct unwind_state state, struct unwind_bounds bounds,
            enum unwind_how how);
void unwind_forget(void);
static inline enum unwind_how unwind_how_named(const char *name)
{
    (void)name;
    return UNWIND_AUTO;
}
static inline struct unwind_state unwind_state_of(const ucontext_t *context)
{
    const greg_t *r = context->uc_mcontext.gregs;
    return (struct unwind_state){(uint64_t)r[REG_RIP], (uint64_t)r[REG_RSP], (uint64_t)r[REG_RBP],
                                 1};
}
#endif
