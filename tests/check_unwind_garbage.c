/* Stacks that make no sense, and walks whose memory another one changes: H29 and H33. The unwinder
 * is not exported, so it is linked into this program. */
#include "tests/walks.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

/* ---- H33: garbage ---- */

enum { WORDS = 512, GARBAGE = 100000 };

static uint64_t seed = 88172645463325252u;

static uint64_t random_word(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

/* Something that may be taken for an address of code, for one of the stack, or for neither. */
static uint64_t random_address(const uint64_t *stack)
{
    static const uint64_t odd[] = {0,
                                   1,
                                   8,
                                   4095,
                                   UINT64_MAX,
                                   UINT64_C(1) << 47,
                                   UINT64_C(0x8000000000000000),
                                   UINT64_C(0xffffffffff600000)};
    uint64_t random = random_word(), kind = random % 16;
    random >>= 8;
    if (kind < 6)
        return (uint64_t)(uintptr_t)unwind + random % 20000;
    if (kind < 9)
        return (uint64_t)(uintptr_t)qsort + random % 200000;
    if (kind < 14)
        return (uint64_t)(uintptr_t)(stack + random % (WORDS + 8)) + (random >> 32 & 7) / 7;
    return kind == 14 ? odd[random % 8] : random;
}

/* A stack at the end of a mapping: beyond it, and a page below, nothing may be read. */
static uint64_t *garbage_stack(void)
{
    char *pages = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE), 0);
    return (uint64_t *)(void *)(pages + 4096);
}

/* Random stacks, and random changes of a few of their words: never a fault, and what is remembered
 * never changes what is seen. */
START_TEST(h33_garbage_never_faults_and_replays_as_it_is)
{
    static const uint32_t ways[] = {UNWIND_AUTO, UNWIND_RULES, UNWIND_POINTERS};
    uint64_t *stack = garbage_stack();
    long resumed = 0, deep = 0;
    struct unwind_bounds bounds[] = {{(uintptr_t)stack, (uintptr_t)(stack + WORDS)}, unknown};
    for (long i = 0; i < GARBAGE; i++) {
        if (i % 50 == 0)
            for (int k = 0; k < WORDS; k++)
                stack[k] = random_address(stack);
        struct unwind_state state = {.pc = random_address(stack),
                                     .sp = (uint64_t)(uintptr_t)(stack + random_word() % 64),
                                     .fp = random_address(stack),
                                     .exact = i & 1};
        uint32_t how = ways[i / 5000 % 3];
        for (int k = 0; k < 4; k++) {
            stack[random_word() % WORDS] = random_address(stack);
            struct unwind_bounds these = bounds[random_word() % 8 == 0];
            unwind(&kept, &state, these, how);
            resumed += kept.same > 0;
            deep += kept.depth > 4;
            kept.same = kept.depth;
            forget(&anew);
            unwind(&anew, &state, these, how);
            ck_assert_msg(alike(&kept, &anew), "walk %ld.%d: %u and %u frames", i, k, kept.depth,
                          anew.depth);
        }
    }
    ck_assert_int_gt(resumed, GARBAGE / 10);
    ck_assert_int_gt(deep, GARBAGE / 10);
}
END_TEST

START_TEST(h33_any_stack_pointer_never_faults)
{
    uint64_t *stack = garbage_stack();
    for (long i = 0; i < GARBAGE; i++) {
        struct unwind_state state = {.pc = random_address(stack),
                                     .sp = random_address(stack),
                                     .fp = random_address(stack),
                                     .exact = i & 1};
        unwind(&kept, &state, unknown, i % 3 ? UNWIND_AUTO : UNWIND_POINTERS);
        ck_assert_uint_ge(kept.depth, 1);
    }
}
END_TEST

/* A chain of frame pointers whose frames lie in a circle, point back, or are not aligned. */
START_TEST(h33_frame_pointers_only_lead_outwards)
{
    uint64_t *stack = garbage_stack(), code = (uint64_t)(uintptr_t)unwind + 16;
    struct unwind_bounds bounds = {(uintptr_t)stack, (uintptr_t)(stack + WORDS)};
    struct unwind_state state = {.pc = code, .sp = (uint64_t)(uintptr_t)stack};
    static const int next[] = {0, -8, 4, 8 * WORDS, -4096};
    for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
        for (int k = 0; k + 4 <= 40; k += 4) {
            stack[k] = (uint64_t)(uintptr_t)(stack + k + 4);
            stack[k + 1] = code;
        }
        stack[20] = (uint64_t)((int64_t)(uintptr_t)(stack + 20) + next[i]);
        state.fp = (uint64_t)(uintptr_t)stack;
        unwind(&kept, &state, bounds, UNWIND_POINTERS);
        ck_assert_uint_eq(kept.depth, 7); /* the leaf, and those at words 0, 4, … 20 */
        ck_assert_uint_eq(kept.cut, UNWIND_LOST);
    }
}
END_TEST

/* ---- H29: walks that are suspended, while others use their memory ---- */

enum { DEEP_WORDS = 4096, FRAME_WORDS = 4, KINDS = 4, TRAP_FLAG = 0x100, STEPS = 120000 };

static struct unwind_walk *shared;
static struct unwind_bounds real_stack;
static uint64_t *deep_stack;
static volatile int stepping;
static volatile long steps, interlopers;

/* A walk of one of four kinds: of the real stack, along a chain of frame pointers of which all or
 * nothing is known, and from anywhere. */
OPAQUE static void walk_shared(uint64_t kind)
{
    struct unwind_bounds deep = {(uintptr_t)deep_stack, (uintptr_t)(deep_stack + DEEP_WORDS)};
    uint64_t *chain = deep_stack + random_word() % 8 * FRAME_WORDS;
    struct unwind_state state = {
        .pc = deep_stack[1], .sp = (uint64_t)(uintptr_t)chain, .fp = (uint64_t)(uintptr_t)chain};
    uint32_t how = kind ? UNWIND_POINTERS : UNWIND_AUTO;
    if (kind == 0)
        unwind_here(&state);
    if (kind == KINDS - 1)
        state.fp = random_address(deep_stack);
    unwind(shared, &state, kind == 0 ? real_stack : kind == 1 ? deep : unknown, how);
    shared->same = shared->depth;
}

/* At every instruction: sometimes another walk; and the next instruction. */
static void step(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    ucontext_t *at = context;
    steps++;
    if (stepping && random_word() % 32 == 0) {
        walk_shared(random_word() % KINDS);
        interlopers++;
    }
    if (stepping)
        at->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
    else
        at->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void make_chain(void)
{
    size_t size = DEEP_WORDS * sizeof(uint64_t);
    char *pages = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(mprotect(pages + 4096, size, PROT_READ | PROT_WRITE), 0);
    deep_stack = (uint64_t *)(void *)(pages + 4096);
    for (int i = 0; i + FRAME_WORDS < DEEP_WORDS; i += FRAME_WORDS) {
        deep_stack[i] = (uint64_t)(uintptr_t)(deep_stack + i + FRAME_WORDS);
        deep_stack[i + 1] = (uint64_t)(uintptr_t)unwind + 16;
    }
}

/* At the end of what can be read and written. */
static void make_shared(uint32_t most)
{
    size_t size = (sizeof *shared + 4095) & ~(size_t)4095;
    char *pages = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(mprotect(pages + 4096, size, PROT_READ | PROT_WRITE), 0);
    shared = (struct unwind_walk *)(void *)(pages + 4096 + size - sizeof *shared);
    shared->most = most;
}

START_TEST(h29_a_suspended_walk_comes_back_to_another_one_s_memory)
{
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
    real_stack = own_stack();
    make_chain();
    make_shared(depths[_i]);
    sigaction(SIGTRAP, &action, NULL);
    for (uint64_t round = 0; steps < STEPS; round++) {
        walk_shared(round % KINDS);
        stepping = 1;
        raise(SIGTRAP);
        walk_shared(round % KINDS);
        stepping = 0;
        ck_assert_uint_le(shared->depth, shared->most);
        for (uint32_t i = 0; i < shared->depth; i++)
            ck_assert_uint_le(shared->frame[i].reads, UNWIND_STEP_READS * (i + 1));
        forget(shared);
        walk_shared(0);
        ck_assert_uint_ne(shared->cut, UNWIND_LOST);
    }
    ck_assert_int_gt(interlopers, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unwind_garbage");
    TCase *cases = tcase_create("garbage");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, h29_a_suspended_walk_comes_back_to_another_one_s_memory, 0, 3);
    tcase_add_test(cases, h33_garbage_never_faults_and_replays_as_it_is);
    tcase_add_test(cases, h33_any_stack_pointer_never_faults);
    tcase_add_test(cases, h33_frame_pointers_only_lead_outwards);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
