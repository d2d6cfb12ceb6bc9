/* Threads: the rows of calls/threads.def. */
#include "preload/threads.h"

#include "base/sys.h"
#include "preload/wrap.h"
#include "runtime/sampler.h"
#include "runtime/sampler_stack.h"
#include "runtime/stack.h"

#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stdatomic.h>

#undef ALLOCATOR
#define HAND(category, result, flags, type, name, parameters, arguments, fields)
#define CALL(category, result, flags, type, name, parameters, arguments, fields)                   \
    WRAP(category, result, type, name, parameters, arguments, fields)
#include "preload/calls/threads.def"

/* What pthread_create hands to the new thread, which copies it and gives it back before the routine
 * runs (H25). When all are under way, a thread starts without us and attaches at its first event.
 */
struct start {
    _Atomic int taken;
    uint32_t parent;
    uint64_t tick; /* before it was made */
    size_t stack;  /* bytes of its stack */
    struct sampler_belief belief;
    void *(*routine)(void *);
    void *argument;
};
static struct start starts[256];
static pthread_key_t ending_key;
static int ending_key_made;
static size_t default_stack;
enum { UNLIMITED_STACK = 2 << 20 }; /* glibc's default where there is no limit */

static struct start *take_start(void)
{
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (!atomic_load_explicit(&starts[i].taken, memory_order_relaxed) &&
            !atomic_exchange(&starts[i].taken, 1))
            return &starts[i];
    return NULL;
}

/* The key's destructor runs however the thread ends: return, pthread_exit, cancellation. Events of
 * later destructors still have their slot. */
static void ending(void *value)
{
    (void)value;
    if (process_captures(CATEGORY_THREADS))
        emit_record(EVENT_THREAD_END, clock_tick(), 0, NULL, 0);
    thread_ending();
}

void threads_prepare(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    SYS4(SYS_prlimit64, 0, RLIMIT_STACK, NULL, &limit);
    default_stack = limit.rlim_cur == RLIM_INFINITY ? UNLIMITED_STACK : limit.rlim_cur;
    ending_key_made = pthread_key_create(&ending_key, ending) == 0;
}

/* What a thread with these attributes gets; by default as much as glibc took of the limit. */
static size_t stack_size(const pthread_attr_t *attributes)
{
    size_t size = default_stack;
    if (attributes)
        pthread_attr_getstacksize(attributes, &size);
    return size;
}

static void *run(void *argument)
{
    struct start *given = argument, start = *given;
    atomic_store(&given->taken, 0);
    uint64_t parent = start.parent;
    stack_is_threads(start.stack);
    sampler_stack_is_threads(start.stack);
    sampler_self.belief = start.belief;
    if (thread_attach())
        thread_define(start.parent, start.tick);
    if (process_captures(CATEGORY_THREADS))
        emit_record(EVENT_THREAD_START, clock_tick(), 0, &parent, 1);
    if (ending_key_made)
        pthread_setspecific(ending_key, given);
    return start.routine(start.argument);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*routine)(void *), void *argument)
{
    uint64_t begun = process_captures(CATEGORY_THREADS) ? call_begin(NUMBER_pthread_create, 0)
                                                        : (uint64_t)thread_attach();
    struct start *start = begun ? take_start() : NULL;
    if (start) {
        start->parent = thread_reference();
        start->tick = clock_tick();
        start->stack = stack_size(attributes);
        start->belief = sampler_self.belief;
        start->routine = routine;
        start->argument = argument;
    }
    int failed = start ? real.pthread_create(thread, attributes, run, start)
                       : real.pthread_create(thread, attributes, routine, argument);
    if (failed && start)
        atomic_store(&start->taken, 0);
    if (begun && process_captures(CATEGORY_THREADS))
        call_end(NUMBER_pthread_create, begun, (uint64_t)failed, NULL, 0); /* *thread may be gone */
    return failed;
}

EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    uint64_t begun = process_captures(CATEGORY_THREADS) ? call_begin(NUMBER_pthread_setname_np, 0)
                                                        : (uint64_t)thread_attach();
    int failed = real.pthread_setname_np(thread, name);
    if (begun && !failed)
        thread_define_name(thread, name, strlen(name));
    if (begun && process_captures(CATEGORY_THREADS))
        call_end(NUMBER_pthread_setname_np, begun, (uint64_t)failed,
                 F2(THREAD, thread, NAME, name));
    return failed;
}

/* A seccomp sandbox is entered (H47). The strict one takes the counter away too. */
static int seal(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (a == SECCOMP_MODE_STRICT) {
        process_leave();
        return real.prctl(option, a, b, c, d);
    }
    int sealed = process_seal();
    int answer = real.prctl(option, a, b, c, d);
    if (sealed && answer == 0)
        process_gap(GAP_SEALED);
    else if (sealed)
        process_unseal();
    return answer;
}

/* The other way to a name (H26); what else prctl does is none of our business. Variadic in libc,
 * but its arguments travel as these do. */
EXPORT int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (option == PR_SET_TSC && a == PR_TSC_SIGSEGV)
        process_leave();
    if (option == PR_SET_SECCOMP)
        return seal(option, a, b, c, d);
    if (option != PR_SET_NAME)
        return real.prctl(option, a, b, c, d);
    char name[16] = ""; /* as much of it as the kernel takes */
    uint64_t begun = call_begin(NUMBER_prctl, 0);
    int answer = real.prctl(option, a, b, c, d);
    uint64_t word = RESULT_WORD_NUMBER(answer);
    if (begun && answer == 0) {
        memcpy(name, (const char *)a, strnlen((const char *)a, sizeof name - 1));
        thread_define_name(pthread_self(), name, strlen(name));
    }
    if (begun && process_captures(CATEGORY_THREADS))
        call_end(NUMBER_prctl, begun, word, F1(NAME, name));
    return answer;
}
