/* vitte-trace export: a session becomes a trace. Also what `run` does at the end. */
#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct exporting {
    struct writer writer;
    const struct filter *filter;
    const struct visitor *also;
    uint64_t spans, passed; /* of the filter */
};

int span_passes(const struct filter *filter, const struct image *image,
                const struct thread_view *thread, const struct span *span)
{
    struct filter_fields fields = {
        .module = span->name->module,
        .function = span->name->text,
        .tag = category_tags[span_category(span)],
        .thread = thread->name,
        .process = image->name,
        .tid = thread->tid,
        .pid = image->summary->pid,
        .duration_ns = span->duration_ns,
    };
    return filter_match(filter, &fields);
}

struct filter *parse_filter(const char *expression)
{
    struct filter_error error;
    struct filter *filter = filter_parse(expression, &error);
    if (!filter) {
        fail(EXIT_USAGE, "--filter: %s, at character %zu:", error.message, error.position + 1);
        fprintf(stderr, "  %s\n  %*s^\n", expression, (int)error.position, "");
    }
    return filter;
}

void note_empty_filter(const char *expression, uint64_t spans, uint64_t passed)
{
    if (expression && spans && !passed)
        fail(0, "none of the %llu spans passes the filter %s", (unsigned long long)spans,
             expression);
}

const struct writer_format *choose_format(const char *name, const char *out)
{
    const struct writer_format *format = name  ? writer_format_named(name)
                                         : out ? writer_format_of_file(out)
                                               : NULL;
    if (!format && name)
        fail(EXIT_USAGE, "there is no format '%s'; there are chrome, json and folded", name);
    else if (!format)
        fail(EXIT_USAGE,
             "%s says no format by its suffix (.json, .ndjson, .folded, or these with .gz); "
             "give one with -f",
             out);
    return format;
}

static void on_image(void *data, struct image *image)
{
    struct exporting *exporting = data;
    exporting->writer.image = image;
    if (exporting->writer.format->image)
        exporting->writer.format->image(&exporting->writer);
    if (exporting->also && exporting->also->image)
        exporting->also->image(exporting->also->data, image);
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct exporting *exporting = data;
    exporting->writer.thread = *thread;
    if (exporting->writer.format->thread)
        exporting->writer.format->thread(&exporting->writer);
    if (exporting->also && exporting->also->thread)
        exporting->also->thread(exporting->also->data, image, thread);
}

static void on_span(void *data, const struct span *span)
{
    struct exporting *exporting = data;
    struct writer *writer = &exporting->writer;
    int passes =
        !exporting->filter || span_passes(exporting->filter, writer->image, &writer->thread, span);
    exporting->spans++;
    exporting->passed += (uint64_t)passes;
    if (passes)
        writer->format->span(writer, span);
    if (exporting->also && exporting->also->span)
        exporting->also->span(exporting->also->data, span);
}

static void on_thread_end(void *data, uint64_t end_ns)
{
    struct exporting *exporting = data;
    if (exporting->also && exporting->also->thread_end)
        exporting->also->thread_end(exporting->also->data, end_ns);
}

static void show_progress(void *data, double done)
{
    int *last = data, percent = (int)(done * 100);
    if (percent != *last)
        fprintf(stderr, "\rvitte-trace: exporting %d %%", percent);
    *last = percent;
}

int export_session(struct session *session, const struct export_job *job, struct totals *totals)
{
    struct problem problem = {""};
    int percent = -1;
    struct exporting exporting = {.also = job->also};
    struct filter *filter = NULL;
    const struct writer_format *format = choose_format(job->format, job->out);
    if (!format || (job->filter && !(filter = parse_filter(job->filter))))
        return EXIT_USAGE;
    struct writer *writer = &exporting.writer;
    struct visitor visitor = {on_image,      on_thread,  on_span,
                              on_thread_end, &exporting, format->counters};
    exporting.filter = filter;
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error like a full disk */
    writer->format = format;
    writer->session = session;
    writer->sink = sink_open(job->out, &problem);
    writer->state = format->state_size ? calloc(1, format->state_size) : NULL;
    if (!writer->sink || (format->state_size && !writer->state)) {
        problem_set(&problem, "out of memory");
        filter_free(filter);
        free(writer->state);
        return fail_problem(&problem);
    }
    format->begin(writer);
    int failed = walk_session(session, &visitor, totals, job->progress ? show_progress : NULL,
                              &percent, &problem);
    format->end(writer, totals);
    failed |= sink_close(writer->sink, failed, &problem);
    if (job->progress)
        fputs("\r\033[K", stderr);
    free(writer->state);
    filter_free(filter);
    if (!failed)
        note_empty_filter(job->filter, exporting.spans, exporting.passed);
    return failed ? fail_problem(&problem) : EXIT_OK;
}

/* Only files that a session consists of: a folder that somebody put more into is kept. */
void remove_session(const char *folder)
{
    char path[PATH_MAX];
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        size_t length = strlen(entry->d_name);
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || length < 2)
            continue;
        if (strcmp(dot, ".live") == 0 || strcmp(dot, ".defs") == 0 || strcmp(dot, ".blocks") == 0 ||
            strcmp(entry->d_name, "session.json") == 0) {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            unlink(path);
        }
    }
    if (entries)
        closedir(entries);
    rmdir(folder);
}

int verb_export(int argc, char **argv)
{
    enum { KEEP_GOING = 256, REMOVE, FILTER, AS_PLANNED, NO_LINES };
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"filter", required_argument, NULL, FILTER},
                                            {"keep-going", no_argument, NULL, KEEP_GOING},
                                            {"remove", no_argument, NULL, REMOVE},
                                            {"as-planned", no_argument, NULL, AS_PLANNED},
                                            {"no-lines", no_argument, NULL, NO_LINES},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {NULL, 0, NULL, 0}};
    struct export_job job = {.progress = isatty(STDERR_FILENO)};
    struct problem problem = {""};
    struct totals totals;
    int keep_going = 0, remove = 0, as_planned = 0, no_lines = 0, option;
    while ((option = getopt_long(argc, argv, "f:o:q", options, NULL)) != -1)
        switch (option) {
        case 'f':
            job.format = optarg;
            break;
        case 'o':
            job.out = optarg;
            break;
        case 'q':
            job.progress = 0;
            break;
        case FILTER:
            job.filter = optarg;
            break;
        case KEEP_GOING:
            keep_going = 1;
            break;
        case REMOVE:
            remove = 1;
            break;
        case NO_LINES:
            no_lines = 1;
            break;
        case AS_PLANNED:
            as_planned = 1;
            break;
        default:
            return usage("export");
        }
    if (optind + 1 != argc)
        return usage("export");
    if (job.format && !choose_format(job.format, NULL))
        return EXIT_USAGE;
    if (remove &&
        session_goes_on(argv[optind])) /* asked before it is read: what comes later is not in it */
        remove = 0;
    struct session *session = session_open(argv[optind], keep_going, &problem);
    if (!session)
        return fail_problem(&problem);
    if (no_lines)
        names_without_lines(session->names);
    char fallback[64];
    if (as_planned && !job.out && session_text(session, "out")[0])
        job.out = session_text(session, "out");
    if (!job.out) {
        const struct writer_format *format =
            choose_format(job.format ? job.format : "chrome", NULL);
        snprintf(fallback, sizeof fallback, "vitte-trace%s", format ? format->suffix : "");
        job.out = fallback;
    }
    if (!choose_format(job.format, job.out)) {
        session_close(session);
        return EXIT_USAGE;
    }
    int status = export_session(session, &job, &totals);
    if (status == EXIT_OK && strcmp(job.out, "-") != 0 && !remove && isatty(STDERR_FILENO))
        print_losses(stderr, session, &totals);
    if (status == EXIT_OK && remove)
        remove_session(argv[optind]);
    session_close(session);
    return status;
}
