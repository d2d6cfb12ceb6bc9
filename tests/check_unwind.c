/* Stacks that are deep, small or not the thread's own, as the unwinder alone sees them: H30 to H32
 * and H35. It is not exported, so it is linked into this program. */
#include "tests/walks.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

/* ---- H31: deep recursion ---- */

enum { LEVELS = 100000 };

static struct unwind_bounds deep_bounds;
static long deep_walks, deep_anew, deep_wrong, deep_shallow;

OPAQUE static void look_at_depth(int level)
{
    struct unwind_state here;
    unwind_here(&here);
    unwind(&kept, &here, deep_bounds, UNWIND_AUTO);
    deep_walks++;
    deep_anew += kept.same == 0;
    deep_shallow += LEVELS - level >= (int)kept.most && kept.depth < kept.most / 2;
    kept.same = kept.depth;
    if (level % 997 == 0) {
        forget(&anew);
        unwind(&anew, &here, deep_bounds, UNWIND_AUTO);
        deep_wrong += !alike(&kept, &anew);
    }
}

OPAQUE static long recurse(int level)
{
    volatile long here = level;
    look_at_depth(level);
    if (level > 0)
        here += recurse(level - 1);
    look_at_depth(level);
    return here;
}

static void *recurse_on_thread(void *unused)
{
    (void)unused;
    deep_bounds = own_stack();
    recurse(LEVELS);
    return NULL;
}

START_TEST(h31_recursion_of_100000_frames_costs_a_few)
{
    kept.most = anew.most = depths[_i];
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)256 << 20);
    ck_assert_int_eq(pthread_create(&thread, &attributes, recurse_on_thread, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(deep_walks, 2 * (LEVELS + 1));
    ck_assert_int_eq(deep_wrong, 0);
    ck_assert_int_eq(deep_shallow, 0);
    /* the outermost frame is another one not at each call, but, of 64, at one in sixteen or less */
    ck_assert_int_lt(deep_anew, deep_walks / (depths[_i] / 4) + 10);
}
END_TEST

/* ---- H32: small, alternative and foreign stacks ---- */

static struct unwind_walk seen = {.most = UNWIND_USUAL}, seen_silently = {.most = UNWIND_USUAL};
static struct unwind_bounds seen_bounds;
static uint64_t here_sp;

OPAQUE static void see(void)
{
    struct unwind_state here;
    unwind_here(&here);
    here_sp = here.sp;
    forget(&seen);
    forget(&seen_silently);
    unwind(&seen, &here, seen_bounds, UNWIND_AUTO);
    unwind(&seen_silently, &here, seen_bounds, UNWIND_AUTO | UNWIND_SILENT);
    __asm__ volatile("");
}

static void see_in_handler(int number)
{
    (void)number;
    see();
    __asm__ volatile("");
}

START_TEST(h32_an_alternative_stack_leads_back_to_the_known_one)
{
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigaction action = {.sa_handler = see_in_handler, .sa_flags = SA_ONSTACK};
    seen_bounds = own_stack();
    ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
    sigaction(SIGUSR1, &action, NULL);
    see();
    kept = seen;
    raise(SIGUSR1);
    ck_assert(here_sp >= (uint64_t)(uintptr_t)stack.ss_sp &&
              here_sp < (uint64_t)(uintptr_t)stack.ss_sp + stack.ss_size);
    ck_assert_uint_eq(seen.cut, UNWIND_WHOLE);
    ck_assert_uint_gt(seen.depth, kept.depth);
    /* as when it was called from here: all but see() itself and the place in this function */
    for (uint32_t i = 0; i < kept.depth - 2; i++)
        ck_assert_uint_eq(seen.frame[i].pc, kept.frame[i].pc);
    ck_assert_uint_eq(seen_silently.depth, 1);
    ck_assert_uint_eq(seen_silently.cut, UNWIND_LOST);
}
END_TEST

static void *see_on_thread(void *unused)
{
    seen_bounds = own_stack();
    see();
    __asm__ volatile("");
    return unused;
}

START_TEST(h32_a_thread_of_16_kib_is_seen_whole)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 16384), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, see_on_thread, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(seen.cut, UNWIND_WHOLE);
    ck_assert_uint_eq(seen.depth, 4); /* see, see_on_thread, start_thread, clone */
    ck_assert(alike(&seen, &seen_silently));
}
END_TEST

static ucontext_t fiber, outside;

static void see_on_fiber(void)
{
    see();
    __asm__ volatile("");
}

START_TEST(h32_a_fiber_is_seen_whole_or_its_caller_alone)
{
    size_t size = 8192;
    char *pages = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(mprotect(pages + 4096, size, PROT_READ | PROT_WRITE), 0);
    seen_bounds = own_stack();
    getcontext(&fiber);
    fiber.uc_stack = (stack_t){.ss_sp = pages + 4096, .ss_size = size};
    fiber.uc_link = &outside;
    makecontext(&fiber, see_on_fiber, 0);
    swapcontext(&outside, &fiber);
    ck_assert_uint_eq(seen.depth, 3); /* see, see_on_fiber, __start_context: libc does not say that
                                         this is the end */
    ck_assert_uint_ne(seen.cut, UNWIND_DEEP);
    ck_assert_uint_eq(seen_silently.depth, 1);
    ck_assert_uint_eq(seen_silently.cut, UNWIND_LOST);
}
END_TEST

/* ---- H35: return addresses ---- */

static jmp_buf back;
void h35_take(void);
void h35_ends(void);
void h35_behind(void);

/* The frame so many steps out of the innermost one. */
static const struct unwind_frame *outwards(const struct unwind_walk *walk, uint32_t steps)
{
    ck_assert_uint_lt(steps, walk->depth);
    return &walk->frame[walk->depth - 1 - steps];
}

/* Two functions, the first of which ends with its call; they have frames of different sizes. */
__asm__(".pushsection .text\n"
        ".type h35_ends, %function\nh35_ends:\n"
        ".cfi_startproc\n"
        "subq $40, %rsp\n.cfi_adjust_cfa_offset 40\n"
        "call h35_take\n"
        ".cfi_endproc\n"
        ".size h35_ends, .-h35_ends\n"
        ".type h35_behind, %function\nh35_behind:\n"
        ".cfi_startproc\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size h35_behind, .-h35_behind\n"
        ".popsection\n");

void h35_take(void)
{
    struct unwind_state here;
    unwind_here(&here);
    unwind(&kept, &here, own_stack(), UNWIND_AUTO);
    longjmp(back, 1);
}

START_TEST(h35_a_call_at_the_end_of_a_function_is_that_function_s)
{
    if (!setjmp(back))
        h35_ends();
    ck_assert_uint_eq(kept.cut, UNWIND_WHOLE);
    ck_assert_uint_eq(outwards(&kept, 1)->pc, (uint64_t)(uintptr_t)h35_behind);
    ck_assert_uint_eq(outwards(&kept, 2)->sp - outwards(&kept, 1)->sp, 48);
    Dl_info info;
    ck_assert_int_ne(dladdr((void *)(uintptr_t)(outwards(&kept, 2)->pc - 1), &info), 0);
    ck_assert_uint_ne(kept.frame[0].pc, 0); /* no zero at the tail */
}
END_TEST

/* ---- what is remembered ---- */

/* A handler jumps out of a walk, or its caller gives no ids: then the frames have none. */
START_TEST(ids_are_kept_only_when_they_were_given)
{
    struct unwind_state here;
    unwind_here(&here);
    unwind(&kept, &here, own_stack(), UNWIND_AUTO);
    ck_assert_uint_eq(kept.same, 0);
    unwind(&kept, &here, own_stack(), UNWIND_AUTO);
    ck_assert_uint_eq(kept.same, 0);
    for (uint32_t i = 0; i < kept.depth; i++)
        kept.frame[i].id = i + 1;
    kept.same = kept.depth;
    unwind(&kept, &here, own_stack(), UNWIND_AUTO);
    ck_assert_uint_eq(kept.same, kept.depth);
    see_on_fiber(); /* another stack by another walk changes nothing */
    unwind(&kept, &here, own_stack(), UNWIND_AUTO);
    ck_assert_uint_eq(kept.same, kept.depth);
    for (uint32_t i = 0; i < kept.depth; i++)
        ck_assert_uint_eq(kept.frame[i].id, i + 1);
    unwind_forget();
    unwind(&kept, &here, own_stack(), UNWIND_AUTO);
    ck_assert_uint_eq(kept.same, 0);
}
END_TEST

/* ---- H30: handlers at any instruction, libraries that come and go ---- */

static struct unwind_walk handler_walk = {.most = UNWIND_USUAL};
static struct unwind_bounds storm_bounds;
static volatile long handled, whole;

static void handle(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    struct unwind_state state;
    unwind_interrupted(&state, context);
    unwind(&handler_walk, &state, storm_bounds, UNWIND_AUTO);
    handler_walk.same = handler_walk.depth;
    handled++;
    whole += handler_walk.cut == UNWIND_WHOLE;
}

START_TEST(h30_handlers_unwind_while_libraries_come_and_go)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct itimerspec often = {{0, 50000}, {0, 50000}};
    const char *library = built_program("libraries/h55_library.so");
    timer_t timer;
    storm_bounds = own_stack();
    sigaction(SIGUSR2, &action, NULL);
    ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    ck_assert_int_eq(timer_settime(timer, 0, &often, NULL), 0);
    while (handled < 5000) {
        void *handle = dlopen(library, RTLD_NOW);
        ck_assert_ptr_nonnull(handle);
        int (*uses)(void) = (int (*)(void))dlsym(handle, "library_uses");
        ck_assert_int_eq(uses(), 0);
        see_on_fiber(); /* walks of the thread's own are interrupted, too */
        ck_assert_int_eq(dlclose(handle), 0);
        unwind_forget();
    }
    timer_delete(timer);
    ck_assert_int_gt(whole, handled - handled / 20); /* some of it says nothing of itself: _init */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unwind");
    TCase *cases = tcase_create("alone");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, h30_handlers_unwind_while_libraries_come_and_go);
    tcase_add_loop_test(cases, h31_recursion_of_100000_frames_costs_a_few, 0, 3);
    tcase_add_test(cases, h32_an_alternative_stack_leads_back_to_the_known_one);
    tcase_add_test(cases, h32_a_thread_of_16_kib_is_seen_whole);
    tcase_add_test(cases, h32_a_fiber_is_seen_whole_or_its_caller_alone);
    tcase_add_test(cases, h35_a_call_at_the_end_of_a_function_is_that_function_s);
    tcase_add_test(cases, ids_are_kept_only_when_they_were_given);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
