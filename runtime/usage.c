/* See usage.h. */
#include "runtime/usage.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/clock.h"
#include "runtime/emit.h"

#include <sys/auxv.h>
#include <sys/resource.h>

enum { INTERVAL_NSEC = 20000000, RETRY_TICKS = 1 << 28 };

/* The second number of /proc/self/statm: resident pages. */
static uint64_t resident(void)
{
    char text[64];
    long fd = sys_open_high("/proc/self/statm", O_RDONLY, 0);
    long length = fd < 0 ? -1 : sys_read(fd, text, sizeof text - 1);
    if (fd >= 0)
        sys_close(fd);
    if (length <= 0)
        return UINT64_MAX;
    text[length] = '\0';
    const char *at = text;
    while (*at && *at != ' ')
        at++;
    at += *at == ' ';
    return text_read_number(&at) * getauxval(AT_PAGESZ);
}

/* Since Linux 6.2 the size of that folder; 0 before. */
static uint64_t descriptors(void)
{
    struct stat info = {0};
    long failed = SYS4(SYS_newfstatat, AT_FDCWD, "/proc/self/fd", &info, 0);
    return failed || info.st_size <= 0 ? UINT64_MAX : (uint64_t)info.st_size;
}

static void sample(void)
{
    struct rusage usage;
    if (SYS2(SYS_getrusage, RUSAGE_SELF, &usage) != 0)
        return;
    const uint64_t values[USAGE_COUNT] = {
        [USAGE_RSS] = resident(),
        [USAGE_FDS] = descriptors(),
        [USAGE_MINOR_FAULTS] = (uint64_t)usage.ru_minflt,
        [USAGE_MAJOR_FAULTS] = (uint64_t)usage.ru_majflt,
        [USAGE_VOLUNTARY] = (uint64_t)usage.ru_nvcsw,
        [USAGE_INVOLUNTARY] = (uint64_t)usage.ru_nivcsw,
    };
    emit_record(EVENT_USAGE, clock_tick(), 0, values, USAGE_COUNT);
}

/* The next one is due when this one is done; until then other threads pass by. */
void usage_sample(uint64_t tick)
{
    uint64_t due = process.usage_tick, next = UINT64_MAX;
    if (due == next || !__atomic_compare_exchange_n(&process.usage_tick, &due, next, 0,
                                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    if (process_captures(CATEGORY_COUNTERS) && !process.sealed)
        next = tick + RETRY_TICKS;
    if (next != UINT64_MAX && thread_room()) {
        uint64_t mask = sys_signals_block();
        sample();
        next = tick + clock_ticks_since(process.live->start, INTERVAL_NSEC);
        sys_signals_restore(mask);
    }
    __atomic_store_n(&process.usage_tick, next, __ATOMIC_RELAXED);
}
