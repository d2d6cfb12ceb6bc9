/* vitte-trace info: what a session holds: host, command lines, process tree, modules, clock,
 * blocks, losses, and what was not covered. Everything is put into one JSON document, which is also
 * what the text is printed from. */
#include "cli/cli.h"

#include "base/text.h"
#include "collector/coverage.h"
#include "collector/memory.h"
#include "collector/stack_text.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static const char *const status_words[] = {[PROCESS_RUNNING] = "ended without a word, or runs",
                                           [PROCESS_EXITED] = "exited",
                                           [PROCESS_EXEC] = "became another program"};

static json_t *text_of(const char *text)
{
    return json_text(text, strlen(text));
}

static json_t *command_of(const struct image *image)
{
    size_t length;
    const char *command = image_command(image, &length);
    json_t *list = json_array();
    for (size_t at = 0; at < length;) {
        size_t part = strnlen(command + at, length - at);
        json_array_append_new(list, json_text(command + at, part));
        at += part + 1;
    }
    return list;
}

/* In the session's order; the parent of an image is the last one before it with the parent's pid.
 */
static long parent_of(const struct session *session, size_t number)
{
    const struct live_header *header = &session->images[number].header;
    for (size_t i = number; i-- > 0;) {
        const struct image_summary *other = &session->images[i];
        if (other->pid == header->pid && other->header.status == PROCESS_EXEC)
            return (long)i; /* the program before the exec */
        if (header->parent_pid
                ? other->pid == header->parent_pid && other->image == header->parent_image
                : other->pid == header->ppid)
            return (long)i;
    }
    return -1;
}

static void add_modules(json_t *modules, struct image *image)
{
    for (size_t i = 0; i < image->module_count; i++) {
        const struct image_module *module = &image->modules[i];
        char build_id[65] = "";
        json_t *path =
            json_text(module_file_path(module->file), strlen(module_file_path(module->file)));
        const char *key = json_string_value(path);
        for (size_t k = 0; k < module->build_id_size && k < 32; k++)
            snprintf(build_id + 2 * k, 3, "%02x", module->build_id[k]);
        if (!json_object_get(modules, key))
            json_object_set_new(modules, key,
                                json_pack("{s:s, s:s}", "build_id", build_id, "symbols",
                                          module_file_symbols(module->file)));
        json_decref(path);
    }
}

/* ---- what threads were doing when their process ended, or are doing ---- */

/* Collected while the session is walked: one object for each thread that did not come to its end.
 */
struct ends {
    json_t *list;
    struct image *image;
    struct thread_view thread;
    int told; /* of this thread: spans come from the inside out */
};

static void on_image(void *data, struct image *image)
{
    struct ends *ends = data;
    ends->image = image;
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct ends *ends = data;
    (void)image;
    ends->thread = *thread;
    ends->told = 0;
}

static const struct argument *argument_named(const struct argument *arguments, size_t count,
                                             const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (arguments[i].key_length == strlen(key) &&
            memcmp(arguments[i].key, key, arguments[i].key_length) == 0)
            return &arguments[i];
    return NULL;
}

/* "read(fd 5 = /var/x)", "pthread_mutex_lock(lock 0x55e0)": the call and its first argument. */
static void show_call(char *text, size_t size, struct image *image, const struct span *span)
{
    struct argument arguments[MAX_ARGUMENTS];
    struct argument_scratch scratch;
    size_t count = span->call ? span_arguments(image, span, arguments, &scratch) : 0;
    const struct argument *first = count ? &arguments[0] : NULL;
    const struct argument *path = argument_named(arguments, count, "path");
    struct text shown = text_on(text, size);
    text_string(&shown, span->name->text);
    if (!first || argument_named(first, 1, "unfinished"))
        return;
    text_string(&shown, "(");
    text_bytes(&shown, first->key, first->key_length);
    text_string(&shown, " ");
    if (first->type == ARGUMENT_STRING)
        text_bytes(&shown, first->string, first->string_length);
    else if (first->type == ARGUMENT_POINTER)
        text_string(&shown, "0x"), text_hex(&shown, (uint64_t)first->integer);
    else if (first->integer < 0)
        text_string(&shown, "-"), text_number(&shown, (uint64_t)-first->integer);
    else
        text_number(&shown, (uint64_t)first->integer);
    if (path && path != first) {
        text_string(&shown, " = ");
        text_bytes(&shown, path->string, path->string_length);
    }
    text_string(&shown, ")");
}

/* Who made the call that the thread is in, also in programs that are not instrumented; its function
 * is "" when that is not known. */
static struct source_frame caller_of(struct image *image, uint32_t tid)
{
    struct source_frame callers[LINES_FRAMES] = {{.function = ""}};
    for (uint32_t slot = 0; slot < image->header.slots && slot < SLOT_COUNT; slot++) {
        const struct slot_header *header = image_slot(image, slot);
        if (!header || header->tid != tid || !header->now.call || !header->now.caller)
            continue;
        image_lines(image, header->now.caller - 1, 0, callers);
        break;
    }
    return callers[0];
}

static void on_span(void *data, const struct span *span)
{
    struct ends *ends = data;
    char text[512], place[4096];
    struct source_frame caller = {.function = ""};
    if (!(span->flags & SPAN_UNFINISHED) || ends->told)
        return;
    ends->told = 1;
    show_call(text, sizeof text, ends->image, span);
    if (span->call)
        caller = caller_of(ends->image, ends->thread.tid);
    else if (span->depth)
        caller.function = span->stack[span->depth - 1].name->text;
    source_show(place, sizeof place, &caller, 0);
    const struct image_summary *summary = ends->image->summary;
    json_t *end = json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I}", "pid",
                            (json_int_t)summary->pid, "image", (json_int_t)summary->image, "tid",
                            (json_int_t)ends->thread.tid, "name", text_of(ends->thread.name),
                            "doing", text_of(text), "called_from", text_of(caller.function),
                            "called_at", text_of(place), "since_ns", (json_int_t)span->start_ns);
    if (span->native)
        json_object_set_new(end, "stack",
                            json_lines(stack_text(ends->image, span->native, span->tick)));
    json_array_append_new(ends->list, end);
}

/* The threads of an image, each with how long it had been at it by `end_ns`. */
static json_t *ends_of(const struct ends *ends, const struct image *image, uint64_t end_ns)
{
    json_t *list = json_array(), *end;
    size_t i;
    json_array_foreach(ends->list, i, end)
    {
        uint64_t since = (uint64_t)json_integer_value(json_object_get(end, "since_ns"));
        if (json_integer_value(json_object_get(end, "pid")) != image->summary->pid ||
            json_integer_value(json_object_get(end, "image")) != image->summary->image)
            continue;
        json_object_set_new(end, "for_ns",
                            json_integer((json_int_t)(end_ns > since ? end_ns - since : 0)));
        json_array_append(list, end);
    }
    return list;
}

static uint64_t now_ns(const struct session *session)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - session->clock.origin;
}

/* What a session is told of as a whole, beside its images. */
struct findings {
    struct ends ends;
    struct totals totals;
    int goes_on;  /* some process may still be alive */
    long *places; /* of the session's images in the list; -1: left out, its files are damaged */
};

static json_t *process_of(const struct findings *findings, struct session *session,
                          struct image *image, size_t number)
{
    const struct live_header *header = &image->header;
    size_t hint = 0;
    uint64_t start = clock_map_nsec(&session->clock, header->start.tick, &hint);
    const struct ending *ending = coverage_ending(session->coverage, header->pid, start);
    int died = header->status == PROCESS_RUNNING && ending;
    int runs = header->status == PROCESS_RUNNING && !ending && findings->goes_on &&
               kill((pid_t)header->pid, 0) == 0;
    uint64_t end = ending ? ending->ns : runs ? now_ns(session) : findings->totals.last_ns;
    long parent = parent_of(session, number);
    json_t *process = json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:I, s:s, s:b, s:I, s:o}", "pid", (json_int_t)header->pid,
        "ppid", (json_int_t)header->ppid, "parent",
        (json_int_t)(parent < 0 ? -1 : findings->places[parent]), "name", text_of(image->name),
        "command", command_of(image), "start_ns", (json_int_t)start, "status",
        died                             ? "ended without a word"
        : runs                           ? "runs"
        : header->status <= PROCESS_EXEC ? status_words[header->status]
                                         : "?",
        "instrumented", (int)header->instrumented, "threads", (json_int_t)header->threads, "at_end",
        ends_of(&findings->ends, image, end));
    if (died && WIFSIGNALED(ending->status))
        json_object_set_new(process, "killed_by", json_integer(WTERMSIG(ending->status)));
    if (died)
        json_object_set_new(process, "end_ns", json_integer((json_int_t)ending->ns));
    if (header->status != PROCESS_RUNNING)
        json_object_set_new(
            process, "end_ns",
            json_integer((json_int_t)clock_map_nsec(&session->clock, header->end.tick, &hint)));
    if (header->status == PROCESS_EXITED)
        json_object_set_new(process, "exit_status", json_integer(header->exit_status));
    return process;
}

static json_t *not_covered(const struct session *session)
{
    json_t *list = json_array();
    const char *line;
    for (size_t i = 0; (line = coverage_line(session->coverage, i)); i++)
        json_array_append_new(list, text_of(line));
    json_array_append_new(list, json_string(coverage_never));
    return list;
}

static json_t *losses(const struct totals *totals)
{
    static const char *const reasons[LOSS_REASONS] = {[LOSS_NONE] = "unknown",
                                                      [LOSS_DISK_FULL] = "disk_full",
                                                      [LOSS_WRITE] = "not_writable",
                                                      [LOSS_NO_SLOT] = "no_room_for_thread",
                                                      [LOSS_INTERRUPTED] = "interrupted",
                                                      [LOSS_DAMAGED] = "damaged",
                                                      [LOSS_SEALED] = "sandboxed",
                                                      [LOSS_NO_PLACE] = "sampled_blocks"};
    json_t *lost = json_object();
    for (int i = 0; i < LOSS_REASONS; i++)
        json_object_set_new(lost, reasons[i], json_integer((json_int_t)totals->lost[i]));
    json_object_set_new(lost, "names", json_integer((json_int_t)totals->names_lost));
    return lost;
}

static json_t *collect(struct session *session, struct problem *problem)
{
    struct findings findings = {.ends = {.list = json_array()},
                                .goes_on = session_goes_on(session->folder)};
    struct visitor visitor = {
        .image = on_image, .thread = on_thread, .span = on_span, .data = &findings.ends};
    struct totals *totals = &findings.totals;
    if (walk_session(session, &visitor, totals, NULL, NULL, problem) != 0) {
        json_decref(findings.ends.list);
        return NULL;
    }
    json_t *processes = json_array(), *modules = json_object(), *events = json_object();
    findings.places = need(calloc(session->image_count + 1, sizeof *findings.places));
    for (size_t i = 0; i < session->image_count; i++) {
        struct image *image = image_open(session, i, problem);
        findings.places[i] = image ? (long)json_array_size(processes) : -1;
        if (!image && session->keep_going)
            continue;
        if (!image) {
            free(findings.places);
            json_decref(processes);
            json_decref(modules);
            json_decref(events);
            json_decref(findings.ends.list);
            return NULL;
        }
        json_array_append_new(processes, process_of(&findings, session, image, i));
        add_modules(modules, image);
        image_close(image);
    }
    for (int i = 0; i < CATEGORY_COUNT; i++)
        json_object_set_new(events, category_tags[i], json_integer((json_int_t)totals->events[i]));
    free(findings.places);
    json_decref(findings.ends.list);
    return json_pack("{s:O, s:o, s:o, s:o, s:{s:I, s:b}, s:I, s:I, s:I, s:o, s:I, s:o}", "session",
                     session->manifest, "processes", processes, "modules", modules, "events",
                     events, "clock", "pairs", (json_int_t)session->clock.pair_count, "calibrated",
                     !session->clock.uncalibrated, "threads", (json_int_t)totals->threads, "blocks",
                     (json_int_t)totals->blocks, "events_lost", (json_int_t)totals_lost(totals),
                     "lost", losses(totals), "unmatched_exits", (json_int_t)totals->unmatched,
                     "not_covered", not_covered(session));
}

/* ---- printing ---- */

static const char *string_in(const json_t *object, const char *key)
{
    const char *string = json_string_value(json_object_get(object, key));
    return string ? string : "";
}

static json_int_t integer_in(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_command(const json_t *list)
{
    size_t i;
    json_t *argument;
    json_array_foreach(list, i, argument) printf("%s%s", i ? " " : "", json_string_value(argument));
}

/* The processes as a tree: who is the first child of each, and the next one of its parent; 0 when
 * there is none. Counted from 1; entry 0 stands above the roots. */
struct process_tree {
    const json_t *processes;
    size_t *first, *next;
};

static struct process_tree tree_of(const json_t *processes)
{
    size_t count = json_array_size(processes) + 1;
    struct process_tree tree = {processes, need(calloc(count, sizeof(size_t))),
                                need(calloc(count, sizeof(size_t)))};
    for (size_t i = count; i-- > 1;) {
        json_int_t parent = integer_in(json_array_get(processes, i - 1), "parent");
        size_t *first = &tree.first[parent < 0 ? 0 : (size_t)parent + 1];
        tree.next[i] = *first;
        *first = i;
    }
    return tree;
}

/* Of a path its last two components. */
static const char *last_parts(const char *path)
{
    const char *at = path + strlen(path);
    for (int slashes = 0; at > path; at--)
        if (at[-1] == '/' && ++slashes == 2)
            break;
    return at;
}

static void print_process(const struct process_tree *tree, size_t number, int depth)
{
    char time[32], lived[32];
    const json_t *process = json_array_get(tree->processes, number - 1);
    json_int_t start = integer_in(process, "start_ns"), end = integer_in(process, "end_ns");
    size_t i;
    json_t *other;
    printf("  %*s%lld  ", 2 * depth, "", (long long)integer_in(process, "pid"));
    print_command(json_object_get(process, "command"));
    printf("\n  %*s   began at %s, ", 2 * depth, "", show_time(time, (uint64_t)start));
    if (json_object_get(process, "end_ns"))
        printf("lived %s, ", show_time(lived, end > start ? (uint64_t)(end - start) : 0));
    printf("%s", string_in(process, "status"));
    if (json_object_get(process, "exit_status"))
        printf(" with %lld", (long long)integer_in(process, "exit_status"));
    if (json_object_get(process, "killed_by"))
        printf(", killed by SIG%s", sigabbrev_np((int)integer_in(process, "killed_by")));
    printf(", %lld thread%s\n", (long long)integer_in(process, "threads"),
           integer_in(process, "threads") == 1 ? "" : "s");
    json_array_foreach(json_object_get(process, "at_end"), i, other)
    {
        const char *caller = string_in(other, "called_from");
        const char *place = last_parts(string_in(other, "called_at"));
        printf("  %*s   thread %lld %s: in %s for %s%s%s%s%s%s\n", 2 * depth, "",
               (long long)integer_in(other, "tid"), string_in(other, "name"),
               string_in(other, "doing"), show_time(time, (uint64_t)integer_in(other, "for_ns")),
               caller[0] ? ", called from " : "", caller, place[0] ? " (" : "", place,
               place[0] ? ")" : "");
        size_t k;
        json_t *frame;
        json_array_foreach(json_object_get(other, "stack"), k, frame)
        {
            printf("  %*s       %s\n", 2 * depth, "", json_string_value(frame));
        }
    }
    for (size_t child = tree->first[number]; child; child = tree->next[child])
        print_process(tree, child, depth < 20 ? depth + 1 : depth);
}

static void print_info(const json_t *info)
{
    const json_t *session = json_object_get(info, "session");
    const struct process_tree tree = tree_of(json_object_get(info, "processes"));
    time_t start = (time_t)(integer_in(session, "start_realtime_ns") / 1000000000);
    char when[64], count[32];
    const char *key;
    size_t i;
    json_t *value;
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", localtime(&start));
    printf("command    ");
    print_command(json_object_get(session, "command"));
    printf("\nfolder     %s\nstarted    %s\nhost       %s, Linux %s, %s\n",
           string_in(session, "directory"), when, string_in(session, "host"),
           string_in(session, "kernel"), string_in(session, "machine"));
    printf("clock      %s, %lld pairs%s\n", string_in(session, "clock"),
           (long long)integer_in(json_object_get(info, "clock"), "pairs"),
           json_is_true(json_object_get(json_object_get(info, "clock"), "calibrated"))
               ? ""
               : ", not calibrated");
    printf("blocks     %s\nevents    ", show_count(count, (uint64_t)integer_in(info, "blocks")));
    json_object_foreach(json_object_get(info, "events"), key, value) if (json_integer_value(value))
        printf(" %s %s,", show_count(count, (uint64_t)json_integer_value(value)), key);
    printf(" lost %s\n\nprocesses\n", show_count(count, (uint64_t)integer_in(info, "events_lost")));
    for (size_t root = tree.first[0]; root; root = tree.next[root])
        print_process(&tree, root, 0);
    free(tree.first);
    free(tree.next);
    printf("\nmodules (symbols, build-id)\n");
    json_object_foreach(json_object_get(info, "modules"), key, value)
        printf("  %s  (%s%s%s)\n", key, string_in(value, "symbols"),
               string_in(value, "build_id")[0] ? ", " : "", string_in(value, "build_id"));
    printf("\nnot covered\n");
    json_array_foreach(json_object_get(info, "not_covered"), i, value)
        printf("  %s\n", json_string_value(value));
}

int verb_info(int argc, char **argv)
{
    enum { JSON = 256, KEEP_GOING };
    static const struct option options[] = {{"json", no_argument, NULL, JSON},
                                            {"keep-going", no_argument, NULL, KEEP_GOING},
                                            {NULL, 0, NULL, 0}};
    struct problem problem = {""};
    int json = 0, keep_going = 0, option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case JSON:
            json = 1;
            break;
        case KEEP_GOING:
            keep_going = 1;
            break;
        default:
            return usage("info");
        }
    if (optind + 1 != argc)
        return usage("info");
    struct session *session = session_open(argv[optind], keep_going, &problem);
    json_t *info = session ? collect(session, &problem) : NULL;
    int status = info ? EXIT_OK : fail_problem(&problem);
    plain_output(&stdout);
    if (info && json) {
        json_dumpf(info, stdout, JSON_INDENT(1));
        puts("");
    } else if (info) {
        print_info(info);
    }
    json_decref(info);
    session_close(session);
    return status;
}
