/* See coverage.h. */
#include "collector/coverage.h"

#include "collector/memory.h"
#include "collector/pairing.h"
#include "collector/program.h"
#include "collector/show.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

const char coverage_never[] =
    "never seen: static and setuid programs, system calls made without libc, stdio by character "
    "and of wide characters, message queues, extended attributes, mapped files, locks that were "
    "free";

/* A process that some other one started or became. */
struct child {
    uint32_t pid;
    uint32_t is_exec; /* the same process goes on as another program */
    uint64_t ns;
    char *path; /* of the program, or NULL */
};

/* How many images have a gap, and the name and pid of the first. */
struct gap_sum {
    size_t images;
    uint32_t pid;
    char name[64];
};

/* What an image's header has as bits, then what is seen from here. */
enum { NO_ALLOCATIONS, RAW_FUTEXES, MEMORY_SAMPLED, HEADER_GAPS };
static const struct gap {
    uint32_t bit; /* enum process_gap, or 0 */
    const char *text;
} gap_table[] = {
    [NO_ALLOCATIONS] = {0, "made no allocation that was seen: it may have an allocator of its own"},
    [RAW_FUTEXES] = {0, "waits or wakes by the futex system call, without libc: these waits are "
                        "not seen"},
    [MEMORY_SAMPLED] = {0,
                        "had only some of its allocations recorded (--memory-sample): figures of "
                        "memory are estimates"},
    [HEADER_GAPS] = {GAP_OWN_MALLOC, "has a malloc of its own in front of the tracer's: its "
                                     "allocations are not seen"},
    {GAP_DEEPBIND, "loaded a library with RTLD_DEEPBIND: its calls may not be seen"},
    {GAP_NAMESPACE, "loaded a library by dlmopen: its calls are not seen"},
    {GAP_IO_URING, "uses io_uring: that I/O is not seen"},
    {GAP_SEALED, "entered a seccomp sandbox: from then on only as much is seen as the open blocks "
                 "can hold"},
    {GAP_UNWINDER, "was to find stacks in a way that is not there (VITTE_TRACE_UNWIND): they were "
                   "found as by auto"},
    {GAP_OPTIONS,
     "was given a value that makes no sense in one of the variables VITTE_TRACE_…: what of it is "
     "not understood was left out"},
    {GAP_UNSAMPLED,
     "has threads that were not sampled: a debugger has them, the program wants the signal itself "
     "or uses io_uring, or there was no room for their timers or on their stacks for handlers"},
};
enum { GAP_SUMS = sizeof gap_table / sizeof gap_table[0] };
enum { MANY_EVENTS = 1000 };

struct coverage {
    struct child *children;
    size_t child_count;
    struct gap_sum gaps[GAP_SUMS];
    char **lines;
    size_t line_count, gap_lines;
};

struct coverage *coverage_new(void)
{
    return need(calloc(1, sizeof(struct coverage)));
}

void coverage_clear(struct coverage *coverage)
{
    for (size_t i = 0; i < coverage->child_count; i++)
        free(coverage->children[i].path);
    for (size_t i = 0; i < coverage->line_count; i++)
        free(coverage->lines[i]);
    free(coverage->children);
    free(coverage->lines);
    memset(coverage, 0, sizeof *coverage);
}

void coverage_free(struct coverage *coverage)
{
    if (coverage)
        coverage_clear(coverage);
    free(coverage);
}

static void add_child(struct coverage *coverage, struct image *image, const struct span *span,
                      uint32_t pid, int is_exec)
{
    size_t length;
    const char *path = arena_string(image->arena, (uint32_t)span_field(span, FIELD_PATH), &length);
    coverage->children =
        grow_array(coverage->children, coverage->child_count, sizeof *coverage->children);
    coverage->children[coverage->child_count++] =
        (struct child){.pid = pid,
                       .is_exec = (uint32_t)is_exec,
                       .ns = span->start_ns,
                       .path = length ? need(strndup(path, length)) : NULL};
}

/* An exec that failed: nobody is to be looked for. It was noted behind the call's beginning. */
static void drop_exec(struct coverage *coverage, uint32_t pid, uint64_t since)
{
    size_t last = coverage->child_count - 1;
    if (!coverage->child_count || !coverage->children[last].is_exec ||
        coverage->children[last].pid != pid || coverage->children[last].ns < since)
        return;
    free(coverage->children[last].path);
    coverage->child_count = last;
}

void coverage_call(struct session *session, struct image *image, const struct span *span)
{
    struct coverage *coverage = session->coverage;
    enum event_category category = span->name->category;
    int64_t result = span_result(span);
    uint64_t end = span->start_ns + span->duration_ns;
    if (span->flags & SPAN_UNFINISHED)
        return;
    if (category == CATEGORY_WAITS && call_has(span->call, FIELD_STATUS)) {
        int status = (int)(int64_t)span_field(span, FIELD_STATUS);
        int64_t pid = result ? result : (int64_t)span_field(span, FIELD_PID); /* waitid answers 0 */
        if (status >= 0 && pid > 0 && (WIFEXITED(status) || WIFSIGNALED(status))) /* not stopped */
            endings_add(&session->endings, (struct ending){(uint32_t)pid, status, span->tick, end});
    } else if (category == CATEGORY_PROCESSES && span->kind == SPAN_INSTANT) {
        if (call_has(span->call, FIELD_ARGUMENTS)) /* exec */
            add_child(coverage, image, span, image->summary->pid, 1);
    } else if (category == CATEGORY_PROCESSES && result < 0) {
        drop_exec(coverage, image->summary->pid, span->start_ns);
    } else if (category == CATEGORY_PROCESSES && call_has(span->call, FIELD_PATH) &&
               call_has(span->call, FIELD_PID) && result == 0) {
        add_child(coverage, image, span, (uint32_t)span_field(span, FIELD_PID), 0);
    }
}

static void add_gap(struct coverage *coverage, int gap, const struct image *image)
{
    struct gap_sum *sum = &coverage->gaps[gap];
    if (!sum->images++) {
        sum->pid = image->summary->pid;
        snprintf(sum->name, sizeof sum->name, "%s", image->name);
    }
}

void coverage_image(struct coverage *coverage, const struct image *image, uint64_t events,
                    uint64_t allocations)
{
    const struct live_header *header = &image->header;
    for (int gap = HEADER_GAPS; gap < GAP_SUMS; gap++)
        if (header->gaps & gap_table[gap].bit)
            add_gap(coverage, gap, image);
    if (header->raw_futexes)
        add_gap(coverage, RAW_FUTEXES, image);
    if (header->memory_rate)
        add_gap(coverage, MEMORY_SAMPLED, image);
    if (!allocations && events >= MANY_EVENTS && !(header->gaps & GAP_OWN_MALLOC))
        add_gap(coverage, NO_ALLOCATIONS, image);
}

/* ---- the lines ---- */

static void say(struct coverage *coverage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct coverage *coverage, const char *format, ...)
{
    char line[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(line, sizeof line, format, values);
    va_end(values);
    coverage->lines = grow_array(coverage->lines, coverage->line_count, sizeof *coverage->lines);
    coverage->lines[coverage->line_count++] = need(strdup(line));
}

static void say_gap(struct coverage *coverage, int gap)
{
    const char *what = gap_table[gap].text;
    const struct gap_sum *sum = &coverage->gaps[gap];
    if (sum->images == 1)
        say(coverage, "%s (pid %u) %s", sum->name, sum->pid, what);
    else if (sum->images)
        say(coverage, "%s (pid %u, and %zu more process%s) %s", sum->name, sum->pid,
            sum->images - 1, sum->images == 2 ? "" : "es", what);
}

static uint64_t start_of(const struct session *session, size_t image, size_t *hint)
{
    return clock_map_nsec(&session->clock, session->images[image].header.start.tick, hint);
}

static uint64_t end_of(const struct session *session, size_t image, size_t *hint)
{
    const struct live_header *header = &session->images[image].header;
    return header->end.tick ? clock_map_nsec(&session->clock, header->end.tick, hint) : UINT64_MAX;
}

/* A child has been captured when an image of its pid lived at the time, or began behind it. An exec
 * ends one image, and the next one begins behind it. */
static int is_captured(const struct session *session, const struct child *child)
{
    size_t hint = 0;
    for (size_t i = 0; i < session->image_count; i++)
        if (session->images[i].pid == child->pid &&
            (child->is_exec ? start_of(session, i, &hint) > child->ns
                            : end_of(session, i, &hint) >= child->ns))
            return 1;
    return 0;
}

static int by_path(const void *a, const void *b)
{
    const struct child *left = a, *right = b;
    return strcmp(left->path ? left->path : "", right->path ? right->path : "");
}

static void say_untraced(struct coverage *coverage, const char *path, size_t count, uint32_t pid)
{
    char times[48] = "", file[PATH_MAX] = "";
    if (path)
        program_find(path, file, sizeof file);
    const char *why = file[0] ? program_untraceable(file) : NULL;
    if (count > 1)
        snprintf(times, sizeof times, ", and %zu times more", count - 1);
    say(coverage, "not captured: pid %u%s%s%s%s%s%s", pid, times, path ? ": " : "",
        path ? path : "", why ? " " : "", why ? why : "",
        why ? "" : ": it had no tracer, or ended before it began");
}

static void say_children(struct coverage *coverage, const struct session *session)
{
    size_t kept = 0;
    for (size_t i = 0; i < coverage->child_count; i++)
        if (is_captured(session, &coverage->children[i]))
            free(coverage->children[i].path);
        else
            coverage->children[kept++] = coverage->children[i];
    coverage->child_count = kept;
    if (kept)
        qsort(coverage->children, kept, sizeof *coverage->children, by_path);
    for (size_t i = 0, same; i < kept; i += same) {
        const struct child *child = &coverage->children[i];
        for (same = 1; i + same < kept && by_path(child, child + same) == 0; same++)
            ;
        say_untraced(coverage, child->path, same, child->pid);
    }
}

/* Those that were waited for, but that no call made: children of vfork, of raw system calls. */
static void say_reaped(struct coverage *coverage, const struct session *session)
{
    size_t unknown = 0;
    uint32_t first = 0;
    for (size_t i = 0; i < session->endings.count; i++) {
        const struct ending *ending = &session->endings.list[i];
        int known = 0;
        for (size_t k = 0; k < session->image_count && !known; k++)
            known = session->images[k].pid == ending->pid;
        for (size_t k = 0; k < coverage->child_count && !known; k++)
            known = coverage->children[k].pid == ending->pid;
        if (!known && !unknown++)
            first = ending->pid;
    }
    if (unknown)
        say(coverage, "not captured: %zu process%s that ended and %s waited for, pid %u%s", unknown,
            unknown == 1 ? "" : "es", unknown == 1 ? "was" : "were", first,
            unknown == 1 ? "" : " the first");
}

static void say_silent(struct coverage *coverage, const struct session *session)
{
    size_t silent = 0, alive = 0, hidden = 0;
    char signal[32];
    for (size_t i = 0; i < session->image_count; i++) {
        const struct image_summary *image = &session->images[i];
        const struct ending *ending = session_ending(session, image);
        alive += image->lives == ALIVE_YES;
        hidden += image->lives == ALIVE_PERHAPS && !ending;
        silent += image->header.status == PROCESS_RUNNING && image->lives == ALIVE_NO && !ending;
        if (ending && session->endings.has_command && ending == &session->endings.command &&
            WIFSIGNALED(ending->status))
            say(coverage, "the command (pid %u) was killed by %s", image->pid,
                show_signal(signal, WTERMSIG(ending->status)));
    }
    if (alive)
        say(coverage, "%zu process%s still run%s", alive, alive == 1 ? "" : "es",
            alive == 1 ? "s" : "");
    if (hidden)
        say(coverage,
            "%zu process%s ended without a word (signal, crash), or still run%s: not ours to see",
            hidden, hidden == 1 ? "" : "es", hidden == 1 ? "s" : "");
    if (silent)
        say(coverage,
            "%zu process%s ended without a word (signal, crash), and nobody waited for %s", silent,
            silent == 1 ? "" : "es", silent == 1 ? "it" : "them");
    if (session->stillborn)
        say(coverage,
            "%zu process%s could not be captured: no room for the files, or ended too early",
            session->stillborn, session->stillborn == 1 ? "" : "es");
}

void coverage_finish(struct coverage *coverage, const struct session *session,
                     const struct totals *totals)
{
    const char *events = session_text(session, "events");
    say_silent(coverage, session);
    say_children(coverage, session);
    say_reaped(coverage, session);
    for (int gap = 0; gap < GAP_SUMS; gap++)
        if (gap != NO_ALLOCATIONS || totals->events[CATEGORY_MEMORY] || !events[0])
            say_gap(coverage, gap);
    if (events[0])
        say(coverage, "captured was only: %s", events);
    coverage->gap_lines = coverage->line_count;
    if (!totals->events[CATEGORY_FUNCTIONS])
        say(coverage, "no function calls: no program was built with -finstrument-functions, or "
                      "functions were not asked for");
}

const char *coverage_line(const struct coverage *coverage, size_t i)
{
    return i < coverage->line_count ? coverage->lines[i] : NULL;
}

size_t coverage_gaps(const struct coverage *coverage)
{
    return coverage->gap_lines;
}
