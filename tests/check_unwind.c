/* Stacks: the unwinder beside libunwind in real programs, and alone where libunwind would not do:
 * H29 to H35. The unwinder is not exported, so it is linked into this program and into
 * libraries/unwind_oracle.so. */
#include "runtime/unwind.h"

#include "tests/hazards.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

/* ---- the oracle ---- */

#define PERL                                                                                       \
    "for (1 .. 40000) { $h{$_} = join(q(,), map { sprintf(q(%x), $_) } 1 .. 4) } "                 \
    "for (sort(keys(%h))) { $n++ if $h{$_} =~ /a(.*)b,/ }"
#define PYTHON                                                                                     \
    "import json\n"                                                                                \
    "def f(n): return n if n < 2 else f(n - 1) + f(n - 2)\n"                                       \
    "d = {str(i): [i] * 5 for i in range(2000)}\n"                                                 \
    "for i in range(60): f(15); json.loads(json.dumps(d)); sorted(d, key=lambda k: -int(k))\n"

/* A program, the shell text that makes what it reads, and its arguments. At every `every`th malloc
 * there is a stack, and so many stacks at the least; those that a timer brings come on top. */
static const struct subject {
    const char *program, *package;
    const char *before, *arguments;
    int every;
    long least;
} subjects[] = {
    {"programs/unwinds_alloca", NULL, ":", "20000", 3, 60000},
    {"programs/unwinds_exceptions", NULL, ":", "4000", 3, 20000},
    {"/usr/bin/perl", "perl-base", ":", "-e '" PERL "'", 3, 20000},
    {"/usr/bin/python3", "python3", "echo '" PYTHON "' >x.py", "x.py", 2, 1500},
    {"/usr/bin/git", "git",
     "git init -q . && for i in $(seq 30); do seq $i 300 >f$i; git add f$i;"
     " git -c user.email=a@b -c user.name=n commit -qm $i; done",
     "--no-pager log -p --stat", 1, 1000},
    {"/usr/lib/gcc/*/*/cc1", "gcc",
     "for i in $(seq 200); do echo \"int f$i(int *a, int n) { int s = $i; for (int i = 0; i < n; "
     "i++) { if (a[i] > s) s += a[i] * n; else a[i] = s / (n + 1); } return s; }\"; done >x.c",
     "-quiet -O2 x.c -o x.s", 5, 10000},
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

/* The number behind a name in the lines that the oracle wrote; all lines together. */
static long told(const struct outcome *lines, const char *name)
{
    long sum = 0;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s ", name);
    const char *at = strstr(lines->out, wanted);
    ck_assert_msg(at != NULL, "no '%s' in: %s", name, lines->out);
    for (; at; at = strstr(at + 1, wanted))
        sum += strtol(at + strlen(wanted), NULL, 10);
    return sum;
}

START_TEST(stacks_of_real_programs_are_those_that_libunwind_sees)
{
    const struct subject *subject = &subjects[_i];
    const char *program = subject->package ? needs(subject->program, subject->package)
                                           : built_program(subject->program);
    struct outcome before = shell("%s", subject->before);
    assert_fine(&before);
    struct outcome run = shell("exec timeout -k 1 100 env ORACLE_SHOW=3 ORACLE_EVERY=%d"
                               " ORACLE_OUT=books LD_PRELOAD='%s' '%s' %s >out",
                               subject->every, built_program("libraries/unwind_oracle.so"), program,
                               subject->arguments);
    ck_assert_msg(run.code == 0, "%s: %d\n%s", program, run.code, run.err);
    struct outcome books = shell("cat books");
    long stacks = told(&books, "stacks"), same = told(&books, "same");
    long faults = told(&books, "ours_short") + told(&books, "other_frame");
    ck_assert_int_ge(stacks, subject->least);
    ck_assert_msg(stacks - same <= stacks / 1000, "%s\n%s", books.out, run.err);
    ck_assert_msg(faults <= stacks / 10000, "%s\n%s", books.out, run.err);
    ck_assert_int_ge(told(&books, "resumed"), stacks / 2); /* so that was compared, too */
    outcome_free(&books);
    outcome_free(&run);
    outcome_free(&before);
}
END_TEST

/* ---- what the other tests share ---- */

#define OPAQUE __attribute__((noinline, noclone))

static struct unwind_walk kept = {.most = UNWIND_USUAL},
                          anew = {.most = UNWIND_USUAL}; /* one that remembers, one that does not */

static struct unwind_bounds own_stack(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attributes), 0);
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    return (struct unwind_bounds){(uintptr_t)low, (uintptr_t)low + size};
}

static const struct unwind_bounds unknown = {0, 0};

static void forget(struct unwind_walk *walk)
{
    walk->depth = 0;
}

/* The frame so many steps out of the innermost one. */
static const struct unwind_frame *outwards(const struct unwind_walk *walk, uint32_t steps)
{
    ck_assert_uint_lt(steps, walk->depth);
    return &walk->frame[walk->depth - 1 - steps];
}

/* Both have the same frames, as far as both go when they are cut for their depth. */
static int alike(const struct unwind_walk *one, const struct unwind_walk *two)
{
    uint32_t depth = one->depth < two->depth ? one->depth : two->depth;
    if (one->cut != two->cut || (one->depth != two->depth && one->cut != UNWIND_DEEP))
        return 0;
    for (uint32_t i = 0; i < depth; i++) {
        const struct unwind_frame *a = &one->frame[one->depth - 1 - i];
        const struct unwind_frame *b = &two->frame[two->depth - 1 - i];
        if (a->pc != b->pc || a->sp != b->sp || a->exact != b->exact)
            return 0;
    }
    return 1;
}

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

static const uint32_t depths[] = {UNWIND_LEAST, UNWIND_USUAL, UNWIND_MOST};

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

/* ---- H35: return addresses ---- */

static jmp_buf back;
void h35_take(void);
void h35_ends(void);
void h35_behind(void);

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

/* ---- H29: walks that are suspended, while others use their memory ---- */

enum { DEEP_WORDS = 4096, FRAME_WORDS = 4, KINDS = 4, TRAP_FLAG = 0x100, STEPS = 120000 };

static struct unwind_walk *shared;
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
    unwind(shared, &state, kind == 0 ? seen_bounds : kind == 1 ? deep : unknown, how);
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
    seen_bounds = own_stack();
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

/* ---- H29, H30: handlers at any instruction, libraries that come and go ---- */

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
    TCase *oracle = tcase_create("oracle"), *cases = tcase_create("alone"),
          *garbage = tcase_create("garbage");
    tcase_add_checked_fixture(oracle, enter_folder, leave_folder);
    tcase_set_timeout(oracle, 120);
    tcase_add_loop_test(oracle, stacks_of_real_programs_are_those_that_libunwind_sees, 0, SUBJECTS);
    suite_add_tcase(suite, oracle);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, h29_a_suspended_walk_comes_back_to_another_one_s_memory, 0, 3);
    tcase_add_test(cases, h30_handlers_unwind_while_libraries_come_and_go);
    tcase_add_loop_test(cases, h31_recursion_of_100000_frames_costs_a_few, 0, 3);
    tcase_add_test(cases, h32_an_alternative_stack_leads_back_to_the_known_one);
    tcase_add_test(cases, h32_a_thread_of_16_kib_is_seen_whole);
    tcase_add_test(cases, h32_a_fiber_is_seen_whole_or_its_caller_alone);
    tcase_add_test(garbage, h33_garbage_never_faults_and_replays_as_it_is);
    tcase_add_test(garbage, h33_any_stack_pointer_never_faults);
    tcase_add_test(garbage, h33_frame_pointers_only_lead_outwards);
    tcase_add_test(cases, h35_a_call_at_the_end_of_a_function_is_that_function_s);
    tcase_add_test(cases, ids_are_kept_only_when_they_were_given);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, garbage);
    return run_suite(suite);
}
