/* vitte-trace info: what a session holds: host, command lines, process tree, modules, clock,
 * blocks, losses, and what was not covered. Everything is put into one JSON document, which is also
 * what the text is printed from (info_text.c). */
#include "cli/info.h"

#include "collector/alive.h"
#include "collector/coverage.h"
#include "collector/memory.h"

#include <getopt.h>
#include <stdlib.h>
#include <sys/wait.h>

static json_t *command_of(const struct image *image)
{
    size_t length;
    const char *command = image_command(image, &length);
    json_t *list = json_array();
    for (size_t at = 0; at < length;) {
        size_t part = strnlen(command + at, length - at);
        json_array_append_new(list, json_bytes(command + at, part));
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
        json_t *path = json_text(module_file_path(module->file));
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

/* What a session is told of as a whole, beside its images. */
struct findings {
    struct ends ends;
    struct totals totals;
    int goes_on;  /* some process may still be alive, perhaps one that we cannot see */
    long *places; /* of the session's images in the list; -1: left out, its files are damaged */
};

/* What became of an image: in words, and how its process ended where somebody saw it. */
static const char *status_of(const struct findings *findings, const struct live_header *header,
                             const struct image_summary *summary, const struct ending *ending)
{
    if (header->status == PROCESS_EXEC)
        return "became another program";
    if (header->status == PROCESS_EXITED || (ending && WIFEXITED(ending->status)))
        return "exited";
    if (header->status != PROCESS_RUNNING)
        return "?";
    return summary->lives == ALIVE_YES ? "runs"
           : ending || (!findings->goes_on && summary->lives == ALIVE_NO)
               ? "ended without a word"
               : "ended without a word, or runs";
}

static json_t *process_of(const struct findings *findings, struct session *session,
                          struct image *image, size_t number)
{
    const struct live_header *header = &image->header;
    const struct ending *ending = session_ending(session, image->summary);
    size_t hint = 0;
    int ended = ending || header->status != PROCESS_RUNNING;
    uint64_t start = clock_map_nsec(&session->clock, header->start.tick, &hint);
    uint64_t end = clock_map_nsec(&session->clock, image_end_tick(image), &hint);
    long parent = parent_of(session, number);
    json_t *process = json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:I, s:s, s:b, s:I, s:o}", "pid", (json_int_t)header->pid,
        "ppid", (json_int_t)header->ppid, "parent",
        (json_int_t)(parent < 0 ? -1 : findings->places[parent]), "name", json_text(image->name),
        "command", command_of(image), "start_ns", (json_int_t)start, "status",
        status_of(findings, header, image->summary, ending), "instrumented",
        (int)header->instrumented, "threads", (json_int_t)header->threads, "at_end",
        ends_of(&findings->ends, image, end, ended || image->summary->lives == ALIVE_YES));
    if (ended)
        json_object_set_new(process, "end_ns", json_integer((json_int_t)end));
    if (ending && WIFSIGNALED(ending->status))
        json_object_set_new(process, "killed_by", json_integer(WTERMSIG(ending->status)));
    if (header->status == PROCESS_EXITED || (ending && WIFEXITED(ending->status)))
        json_object_set_new(
            process, "exit_status",
            json_integer(ending ? WEXITSTATUS(ending->status) : header->exit_status));
    return process;
}

static json_t *not_covered(const struct session *session)
{
    json_t *list = json_array();
    const char *line;
    for (size_t i = 0; (line = coverage_line(session->coverage, i)); i++)
        json_array_append_new(list, json_text(line));
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
    struct visitor visitor = ends_visitor(&findings.ends);
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
        info_print(info);
    }
    json_decref(info);
    session_close(session);
    return status;
}
