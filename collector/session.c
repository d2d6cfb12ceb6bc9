/* See session.h. */
#include "collector/session.h"

#include "collector/alive.h"
#include "collector/coverage.h"

#include "base/sys.h"
#include "runtime/clock.h"
#include "runtime/options.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int another_version(const char *path, struct problem *problem)
{
    return problem_set(problem, "%s is of another version of vitte-trace; export it with that one",
                       path);
}

static int read_manifest(struct session *session, struct problem *problem)
{
    char path[PATH_MAX];
    json_error_t error;
    snprintf(path, sizeof path, "%s/session.json", session->folder);
    if (access(path, R_OK) != 0)
        return problem_set(
            problem,
            "%s is not a session: %s; give the .vtrace folder that `vitte-trace record` "
            "or a preloaded program left",
            session->folder,
            errno == ENOENT || errno == ENOTDIR ? "there is no session.json in it"
                                                : strerror(errno));
    session->manifest = json_load_file(path, 0, &error);
    if (!session->manifest)
        return problem_set(problem,
                           "%s is damaged (line %d: %s); without it the session cannot be read",
                           path, error.line, error.text);
    if (!json_is_object(session->manifest) ||
        session_number(session, "vitte_trace_session") != LAYOUT_VERSION)
        return another_version(path, problem);
    return 0;
}

const char *session_text(const struct session *session, const char *key)
{
    const char *text = json_string_value(json_object_get(session->manifest, key));
    return text ? text : "";
}

uint64_t session_number(const struct session *session, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(session->manifest, key));
    return number > 0 ? (uint64_t)number : 0;
}

unsigned session_categories(const struct session *session)
{
    const char *events = session_text(session, "events");
    return categories_parse(events[0] ? events : NULL, NULL);
}

/* Whether the machine has not been started again since: 1, 0, or -1 where it does not say. */
static int is_of_this_boot(const struct session *session)
{
    char boot[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file) {
        if (fgets(boot, sizeof boot, file))
            boot[strcspn(boot, "\n")] = '\0';
        fclose(file);
    }
    return boot[0] ? strcmp(boot, session_text(session, "boot_id")) == 0 : -1;
}

/* Whether the image has such a file with something in it. */
static int has_file(const struct session *session, uint32_t pid, uint32_t image, const char *suffix)
{
    char path[PATH_MAX];
    struct stat info;
    snprintf(path, sizeof path, "%s/%u-%u%s", session->folder, pid, image, suffix);
    return stat(path, &info) == 0 && info.st_size > 0;
}

/* 0: added or rightly left out, -1: a problem. */
static int add_image(struct session *session, uint32_t pid, uint32_t image, struct problem *problem)
{
    char path[PATH_MAX];
    struct live_header header = {0};
    snprintf(path, sizeof path, "%s/%u-%u.live", session->folder, pid, image);
    FILE *file = fopen(path, "rbe");
    size_t got = file ? fread(&header, 1, sizeof header, file) : 0;
    if (file)
        fclose(file);
    int bare = got == 0 || (got == sizeof header && header.magic == 0);
    if (bare && !has_file(session, pid, image, ".0.blocks") &&
        (got > 0 || !has_file(session, pid, image, ".defs"))) { /* it begins, or died beginning */
        session->stillborn++;
        return 0;
    }
    int is_ours = got == sizeof header && header.magic == LIVE_MAGIC;
    if (!is_ours || header.version != LAYOUT_VERSION || header.slot_bytes != SLOT_BYTES ||
        header.slots > 100 * SLOT_COUNT) {
        if (is_ours && header.version != LAYOUT_VERSION && !session->keep_going)
            return another_version(path, problem);
        if (!session->keep_going)
            return problem_set(problem,
                               "%s is damaged: its header cannot be read; export with "
                               "--keep-going to leave this process out",
                               path);
        session->damaged++;
        return 0;
    }
    struct image_summary *grown =
        realloc(session->images, (session->image_count + 1) * sizeof *grown);
    if (!grown)
        return problem_set(problem, "out of memory");
    session->images = grown;
    grown[session->image_count++] = (struct image_summary){
        .pid = pid,
        .image = image,
        .header = header,
        .lives = header.status == PROCESS_RUNNING && is_of_this_boot(session) != 0
                     ? image_lives(session->folder, pid, image)
                     : ALIVE_NO};
    return 0;
}

static int by_start(const void *a, const void *b)
{
    const struct image_summary *left = a, *right = b;
    uint64_t l = left->header.start.tick, r = right->header.start.tick;
    return l != r ? (l > r) - (l < r) : (left->pid > right->pid) - (left->pid < right->pid);
}

static int read_images(struct session *session, struct problem *problem)
{
    DIR *folder = opendir(session->folder);
    if (!folder)
        return problem_set(problem, "cannot read %s: %s", session->folder, strerror(errno));
    int failed = 0;
    for (struct dirent *entry; !failed && (entry = readdir(folder));) {
        unsigned pid, image;
        int end = 0;
        if (sscanf(entry->d_name, "%u-%u.live%n", &pid, &image, &end) == 2 && end > 0 &&
            entry->d_name[end] == '\0')
            failed = add_image(session, pid, image, problem);
    }
    closedir(folder);
    if (session->image_count)
        qsort(session->images, session->image_count, sizeof *session->images, by_start);
    return failed;
}

/* This machine's clocks, when they are the ones of the session. Of a session that has both ends
 * nothing depends on when it is read. */
static void add_now(struct session *session)
{
    if (is_of_this_boot(session) != 1)
        return;
    clock_in_nsec = strcmp(session_text(session, "clock"), "cycles") != 0;
    struct clock_pair now = clock_read_pair();
    session->now = now.tick;
    clock_map_add(&session->clock, now);
}

/* Pairs at the images' starts and ends; those of the blocks in between are read from their headers.
 */
static void add_block_pairs(struct session *session, const struct image_summary *image)
{
    for (uint32_t slot = 0; slot < image->header.slots && slot < SLOT_COUNT; slot++) {
        char path[PATH_MAX];
        struct block_header header;
        snprintf(path, sizeof path, "%s/%u-%u.%u.blocks", session->folder, image->pid, image->image,
                 slot);
        FILE *file = fopen(path, "rbe");
        if (!file)
            continue;
        setvbuf(file, NULL, _IONBF, 0);
        while (fread(&header, 1, sizeof header, file) == sizeof header &&
               header.magic == BLOCK_MAGIC && header.stored >= BLOCK_HEADER_WORDS) {
            struct clock_pair *last = session->clock.pair_count
                                          ? &session->clock.pairs[session->clock.pair_count - 1]
                                          : NULL;
            if (!last || header.start.nsec > last->nsec + 250000000u ||
                header.start.nsec < last->nsec)
                clock_map_add(&session->clock, header.start);
            if (fseek(file, (long)(header.stored - BLOCK_HEADER_WORDS) * 8, SEEK_CUR) != 0)
                break;
        }
        fclose(file);
    }
}

static int read_clock(struct session *session)
{
    struct clock_pair start = {session_number(session, "start_tick"),
                               session_number(session, "start_monotonic_ns")};
    session->clock.origin = start.nsec;
    int failed = clock_map_add(&session->clock, start), all_ended = 1;
    for (size_t i = 0; i < session->image_count && !failed; i++) {
        failed = clock_map_add(&session->clock, session->images[i].header.start) ||
                 clock_map_add(&session->clock, session->images[i].header.end);
        add_block_pairs(session, &session->images[i]);
        all_ended &= session->images[i].header.end.nsec != 0 ||
                     (session->endings.has_command &&
                      session->images[i].pid == session->endings.command.pid);
    }
    if (session->endings.has_command)
        failed |=
            clock_map_add(&session->clock, (struct clock_pair){session->endings.command.tick,
                                                               session->endings.command_nsec});
    if (!all_ended)
        add_now(session);
    if (failed || clock_map_build(&session->clock) != 0)
        return -1;
    size_t hint = 0;
    session->endings.command.ns =
        clock_map_nsec(&session->clock, session->endings.command.tick, &hint);
    return 0;
}

const struct ending *session_ending(const struct session *session,
                                    const struct image_summary *image)
{
    size_t hint = 0;
    if (image->header.status != PROCESS_RUNNING || image->lives == ALIVE_YES)
        return NULL;
    return endings_find(&session->endings, image->pid,
                        clock_map_nsec(&session->clock, image->header.start.tick, &hint));
}

struct session *session_open(const char *folder, int keep_going, struct problem *problem)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session || !(session->folder = strdup(folder))) {
        problem_set(problem, "out of memory");
        free(session);
        return NULL;
    }
    session->keep_going = keep_going;
    session->names = names_new();
    session->coverage = coverage_new();
    endings_read_command(&session->endings, folder);
    int failed = read_manifest(session, problem) || read_images(session, problem);
    if (!failed && read_clock(session))
        failed = problem_set(problem, "out of memory");
    if (failed) {
        session_close(session);
        return NULL;
    }
    return session;
}

void session_close(struct session *session)
{
    if (!session)
        return;
    json_decref(session->manifest);
    clock_map_free(&session->clock);
    names_free(session->names);
    pool_free(&session->texts);
    coverage_free(session->coverage);
    endings_free(&session->endings);
    free(session->images);
    free(session->folder);
    free(session);
}
