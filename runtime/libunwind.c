/* See libunwind.h. */
#include "runtime/libunwind.h"

#include <dlfcn.h>
#include <string.h>

/* Not a build option: no other build differs by it, and without the header it is "not there". */
#if defined __x86_64__ && __has_include(<libunwind.h>)
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#define NAME_OF(name)  #name
#define SYMBOL(name)   NAME_OF(name)
#define LOOK_UP(to, f) memcpy(&(to), &(void *){dlsym(library, SYMBOL(f))}, sizeof(void *))

static int (*init_local)(unw_cursor_t *, unw_context_t *, int);
static int (*step)(unw_cursor_t *);
static int (*get_register)(unw_cursor_t *, int, unw_word_t *);

int libunwind_load(void)
{
    void *(*open)(const char *, int), *library = NULL;
    memcpy(&open, &(void *){dlsym(RTLD_NEXT, "dlopen")}, sizeof open);
    if (open)
        library = open("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return 0;
    LOOK_UP(init_local, unw_init_local2);
    LOOK_UP(step, unw_step);
    LOOK_UP(get_register, unw_get_reg);
    return init_local && step && get_register;
}

void libunwind_walk(struct unwind_walk *walk, const struct unwind_state *state)
{
    unw_context_t context;
    unw_cursor_t cursor;
    unw_word_t pc = state->pc;
    uint64_t found[UNWIND_MOST];
    uint32_t depth = 0;
    memset(&context, 0, sizeof context);
    context.uc_mcontext.gregs[REG_RIP] = (greg_t)state->pc;
    context.uc_mcontext.gregs[REG_RSP] = (greg_t)state->sp;
    context.uc_mcontext.gregs[REG_RBP] = (greg_t)state->fp;
    int more = init_local(&cursor, &context, 0) == 0;
    walk->same = 0;
    walk->cut = UNWIND_WHOLE;
    while (more && depth < walk->most && get_register(&cursor, UNW_REG_IP, &pc) == 0 && pc) {
        found[depth++] = pc;
        more = step(&cursor) > 0;
    }
    if (more && depth == walk->most)
        walk->cut = UNWIND_DEEP;
    walk->depth = depth;
    for (uint32_t i = 0; i < depth; i++)
        walk->frame[depth - 1 - i] = (struct unwind_frame){.pc = found[i]};
}

#else

int libunwind_load(void)
{
    return 0;
}

void libunwind_walk(struct unwind_walk *walk, const struct unwind_state *state)
{
    walk->depth = walk->same = 1;
    walk->cut = UNWIND_LOST;
    walk->frame[0] = (struct unwind_frame){.pc = state->pc};
}

#endif
