/* stub: frame pointers alone */
#include "runtime/unwind.h"
void unwind_forget(void) {}
void unwind(struct unwind_walk *walk, struct unwind_state state, struct unwind_bounds bounds,
            enum unwind_how how)
{
    uint64_t found[UNWIND_FRAMES];
    uint32_t n = 0;
    (void)how;
    uint64_t first = (uint64_t)state.exact;
    while (n < UNWIND_FRAMES) {
        found[n++] = state.pc;
        if (state.fp < state.sp || state.fp % 8 || state.fp + 16 > bounds.high ||
            state.sp < bounds.low)
            break;
        const uint64_t *frame = (const uint64_t *)state.fp;
        state.pc = frame[1];
        state.sp = state.fp + 16;
        state.fp = frame[0];
        if (state.pc < 4096)
            break;
    }
    walk->depth = n;
    walk->same = 0;
    walk->cut = 0;
    walk->exact = first << (n - 1);
    for (uint32_t i = 0; i < n; i++)
        walk->address[n - 1 - i] = found[i];
}
