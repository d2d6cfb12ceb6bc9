/* See stacks_table.h. Three tables of growing size, so that a program of few stacks touches little
 * memory: an entry is in the first one that has room for it within a few probes, and is looked for
 * in the same order. Nothing is ever removed. */
#include "runtime/stacks_table.h"

#include "base/sys.h"
#include "runtime/definitions.h"
#include "runtime/process.h"

#include <stdatomic.h>

enum { PROBES = 8, TABLES = 3 };
static const uint32_t table_bits[TABLES] = {12, 16, 20};

static _Atomic uint64_t first_table[1 << 12]; /* hash << 32 | id */
static _Atomic(_Atomic uint64_t *) tables[TABLES] = {first_table};

static _Atomic uint64_t *table_at(int i)
{
    _Atomic uint64_t *there = atomic_load_explicit(&tables[i], memory_order_acquire);
    size_t size = sizeof *there << table_bits[i];
    if (there || process.sealed)
        return there;
    _Atomic uint64_t *made = sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made && !atomic_compare_exchange_strong(&tables[i], &there, made)) {
        sys_munmap((void *)made, size); /* another thread was first */
        made = there;
    }
    return made;
}

static int is_same(uint32_t id, const struct definition_stack *wanted)
{
    const struct definition_stack *there = definitions_payload(id);
    return there->address == wanted->address && there->caller == wanted->caller &&
           there->flags == wanted->flags;
}

void stacks_seal(void)
{
    table_at(1);
}

uint32_t stacks_intern(uint64_t address, uint32_t caller, uint32_t flags)
{
    struct definition_stack stack = {address, caller, flags};
    uint64_t mixed = (address ^ (uint64_t)caller << 29 ^ flags) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0xd6e8feb86659fd93);
    uint64_t hash = mixed >> 32;
    uint32_t id = 0;
    for (int i = 0; i < TABLES; i++) {
        _Atomic uint64_t *table = table_at(i);
        for (uint32_t probe = 0; table && probe < PROBES; probe++) {
            _Atomic uint64_t *entry = &table[(mixed + probe) & ((1u << table_bits[i]) - 1)];
            uint64_t value = atomic_load_explicit(entry, memory_order_acquire);
            if (value == 0) {
                if (id == 0)
                    id = definitions_append(DEFINITION_STACK, &stack, sizeof stack, NULL, 0);
                if (id == 0 || atomic_compare_exchange_strong(entry, &value, hash << 32 | id))
                    return id;
            }
            if (value >> 32 == hash && is_same((uint32_t)value, &stack))
                return (uint32_t)value;
        }
    }
    return id ? id : definitions_append(DEFINITION_STACK, &stack, sizeof stack, NULL, 0);
}
