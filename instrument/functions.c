/* What -finstrument-functions calls: one event each. See runtime/emit.h. */
#include "runtime/emit.h"

#define HOOK __attribute__((visibility("default"), no_instrument_function))

HOOK void __cyg_profile_func_enter(void *function, void *caller);
HOOK void __cyg_profile_func_exit(void *function, void *caller);

void __cyg_profile_func_enter(void *function, void *caller)
{
    (void)caller;
    emit_function(EVENT_KIND_ENTER, function);
}

void __cyg_profile_func_exit(void *function, void *caller)
{
    (void)caller;
    emit_function(EVENT_KIND_EXIT, function);
}
