/* See memory_samples.h. */
#include "preload/memory_samples.h"

#include "base/sys.h"
#include "preload/exponential.h"
#include "runtime/clock.h"

#include <errno.h>
#include <stdatomic.h>

enum { TABLE_BITS = 18, PROBES = 16 };

uint32_t memory_samples_rate;

static _Atomic(uintptr_t) *table; /* addresses; 0: free. A fork's child has its parent's */

static __thread int64_t left __attribute__((tls_model("initial-exec"))); /* bytes until the next */
static __thread uint64_t state __attribute__((tls_model("initial-exec")));

long memory_samples_begin(uint32_t rate)
{
    table = sys_mmap(NULL, sizeof *table << TABLE_BITS, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!table)
        return -ENOMEM;
    memory_samples_rate = rate;
    return 0;
}

/* xorshift64*, seeded by what the thread is and when. Never 0. */
static uint64_t draw_bits(void)
{
    if (!state)
        state = ((uint64_t)(uintptr_t)&state ^ clock_tick() * UINT64_C(0x9e3779b97f4a7c15)) | 1;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

static int64_t draw_distance(void)
{
    unsigned __int128 distance = fixed_exponential(draw_bits());
    return (int64_t)(distance * memory_samples_rate >> EXPONENTIAL_BITS);
}

int memory_samples_draw(size_t size)
{
    int64_t bytes = size > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)size;
    if (!state) /* a thread's first */
        left = draw_distance();
    left -= bytes;
    if (__builtin_expect(left >= 0, 1))
        return 0;
    left = draw_distance();
    return 1;
}

static size_t home(uintptr_t address)
{
    return (size_t)((address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - TABLE_BITS));
}

static _Atomic(uintptr_t) *place(uintptr_t address, size_t probe)
{
    return &table[(home(address) + probe) & ((1u << TABLE_BITS) - 1)];
}

int memory_samples_add(const void *block)
{
    for (size_t probe = 0; probe < PROBES; probe++) {
        uintptr_t nobody = 0;
        if (atomic_compare_exchange_strong_explicit(place((uintptr_t)block, probe), &nobody,
                                                    (uintptr_t)block, memory_order_relaxed,
                                                    memory_order_relaxed))
            return 1;
    }
    return 0;
}

/* Places are not kept for those behind: all of an address's are looked at. They share two lines of
 * the cache. */
int memory_samples_remove(const void *block)
{
    for (size_t probe = 0; probe < PROBES; probe++) {
        _Atomic(uintptr_t) *at = place((uintptr_t)block, probe);
        if (atomic_load_explicit(at, memory_order_relaxed) == (uintptr_t)block) {
            atomic_store_explicit(at, 0, memory_order_relaxed);
            return 1;
        }
    }
    return 0;
}
