/* vitte-trace export: a session becomes a trace. Also what `run` does at the end. */
#include "cli/cli.h"

#include "collector/alive.h"
#include "collector/memory.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct exporting {
    struct writer writer;
    struct visitor stacks; /* with writer.stacks, else all NULL */
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
        fail(EXIT_USAGE,
             "there is no format '%s'; there are chrome, json, folded, flamegraph "
             "and vitte-profile",
             name);
    else if (!format)
        fail(
            EXIT_USAGE,
            "%s says no format by its suffix (.json, .ndjson, .folded, .svg, .vprof.json, or these "
            "with .gz); give one with -f",
            out);
    return format;
}

const struct weight *choose_weight(const char *name)
{
    const struct weight *weight = weight_named(name);
    if (weight)
        return weight;
    fprintf(stderr, "vitte-trace: --weight: there is no '%s'; there are", name);
    for (weight = weights; weight->name; weight++)
        fprintf(stderr, " %s", weight->name);
    fputs("\n", stderr);
    return NULL;
}

int check_export(const struct export_job *job)
{
    const struct writer_format *format = choose_format(job->format, job->out);
    if (!format || (job->weight && !choose_weight(job->weight)))
        return EXIT_USAGE;
    if ((job->weight || job->diff || job->orientation) && !format->stacks)
        return fail(EXIT_USAGE,
                    "--weight, --diff and --orientation are for the formats folded and flamegraph, "
                    "not for %s",
                    format->name);
    if (job->orientation && strcmp(job->orientation, "icicle") != 0 &&
        strcmp(job->orientation, "flame") != 0)
        return fail(EXIT_USAGE, "--orientation is icicle or flame, not '%s'", job->orientation);
    return EXIT_OK;
}

void allow_many_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void on_image(void *data, struct image *image)
{
    struct exporting *exporting = data;
    struct writer *writer = &exporting->writer;
    writer->image = image;
    if (writer->stacks)
        exporting->stacks.image(writer->stacks, image);
    else if (writer->format->image)
        writer->format->image(writer);
    if (exporting->also && exporting->also->image)
        exporting->also->image(exporting->also->data, image);
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct exporting *exporting = data;
    struct writer *writer = &exporting->writer;
    writer->thread = *thread;
    if (writer->stacks)
        exporting->stacks.thread(writer->stacks, image, thread);
    else if (writer->format->thread)
        writer->format->thread(writer);
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
    if (writer->stacks)
        (passes ? exporting->stacks.span : exporting->stacks.left_out)(writer->stacks, span);
    else if (passes)
        writer->format->span(writer, span);
    if (exporting->also && exporting->also->span)
        exporting->also->span(exporting->also->data, span);
}

static void on_thread_end(void *data, uint64_t end_ns)
{
    struct exporting *exporting = data;
    if (exporting->writer.stacks)
        exporting->stacks.thread_end(exporting->writer.stacks, end_ns);
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

/* Reads the session, and the one that it is compared with, into the writer. */
static int read_sessions(struct exporting *exporting, const struct export_job *job,
                         struct totals totals[2], struct problem *problem)
{
    struct writer *writer = &exporting->writer;
    struct visitor visitor = {.image = on_image,
                              .thread = on_thread,
                              .span = on_span,
                              .thread_end = on_thread_end,
                              .data = exporting,
                              .heap = writer->format->counters};
    int percent = -1;
    walk_progress *progress = job->progress ? show_progress : NULL;
    if (walk_session(writer->session, &visitor, &totals[0], progress, &percent, problem) != 0 ||
        (writer->stacks && stacks_finish(writer->stacks, problem) != 0))
        return -1;
    if (!job->diff)
        return 0;
    writer->other = session_open(job->diff, writer->session->keep_going, problem);
    if (!writer->other)
        return -1;
    exporting->also = NULL;
    writer->other_totals = &totals[1];
    stacks_compare(writer->stacks);
    return walk_session(writer->other, &visitor, &totals[1], progress, &percent, problem) != 0
               ? -1
               : stacks_finish(writer->stacks, problem);
}

int export_session(struct session *session, const struct export_job *job, struct totals *totals)
{
    struct problem problem = {""};
    struct exporting exporting = {.also = job->also};
    struct totals both[2] = {{.unmatched = 0}};
    struct filter *filter = NULL;
    if (check_export(job) != EXIT_OK || (job->filter && !(filter = parse_filter(job->filter))))
        return EXIT_USAGE;
    const struct writer_format *format = choose_format(job->format, job->out);
    struct writer *writer = &exporting.writer;
    exporting.filter = filter;
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error like a full disk */
    allow_many_files();
    *writer = (struct writer){.format = format, .session = session};
    writer->is_flame = job->orientation && strcmp(job->orientation, "flame") == 0;
    writer->sink = sink_open(job->out, &problem);
    if (!writer->sink) {
        filter_free(filter);
        return fail_problem(&problem);
    }
    writer->state = format->state_size ? need(calloc(1, format->state_size)) : NULL;
    if (format->stacks) {
        writer->stacks = stacks_new(session, job->weight ? weight_named(job->weight) : NULL);
        exporting.stacks = stacks_visitor(writer->stacks);
    } else {
        format->begin(writer);
    }
    int failed = read_sessions(&exporting, job, both, &problem);
    *totals = both[0];
    if (!failed)
        format->end(writer, totals);
    failed |= sink_close(writer->sink, failed, &problem);
    if (job->progress)
        fputs("\r\033[K", stderr);
    if (format->release)
        format->release(writer);
    stacks_free(writer->stacks);
    session_close(writer->other);
    free(writer->state);
    filter_free(filter);
    if (!failed)
        note_empty_filter(job->filter, exporting.spans, exporting.passed);
    return failed ? fail_problem(&problem) : EXIT_OK;
}

struct export_options {
    struct export_job job;
    int keep_going, remove, as_planned, no_lines;
};

static int parse_export(int argc, char **argv, struct export_options *options)
{
    enum { KEEP_GOING = 256, REMOVE, AS_PLANNED, NO_LINES, FILTER, WEIGHT, DIFF, ORIENTATION };
    static const struct option known[] = {{"format", required_argument, NULL, 'f'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"filter", required_argument, NULL, FILTER},
                                          {"keep-going", no_argument, NULL, KEEP_GOING},
                                          {"remove", no_argument, NULL, REMOVE},
                                          {"as-planned", no_argument, NULL, AS_PLANNED},
                                          {"no-lines", no_argument, NULL, NO_LINES},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"weight", required_argument, NULL, WEIGHT},
                                          {"diff", required_argument, NULL, DIFF},
                                          {"orientation", required_argument, NULL, ORIENTATION},
                                          {NULL, 0, NULL, 0}};
    struct export_job *job = &options->job;
    const char **const texts[] = {[FILTER - FILTER] = &job->filter,
                                  [WEIGHT - FILTER] = &job->weight,
                                  [DIFF - FILTER] = &job->diff,
                                  [ORIENTATION - FILTER] = &job->orientation};
    int option;
    while ((option = getopt_long(argc, argv, "f:o:q", known, NULL)) != -1)
        switch (option) {
        case 'f':
            job->format = optarg;
            break;
        case 'o':
            job->out = optarg;
            break;
        case 'q':
            job->progress = 0;
            break;
        case FILTER:
        case WEIGHT:
        case DIFF:
        case ORIENTATION:
            *texts[option - FILTER] = optarg;
            break;
        case KEEP_GOING:
            options->keep_going = 1;
            break;
        case REMOVE:
            options->remove = 1;
            break;
        case NO_LINES:
            options->no_lines = 1;
            break;
        case AS_PLANNED:
            options->as_planned = 1;
            break;
        default:
            return usage("export");
        }
    if (optind + 1 != argc)
        return usage("export");
    return job->format && !choose_format(job->format, NULL) ? EXIT_USAGE : EXIT_OK;
}

int verb_export(int argc, char **argv)
{
    struct export_options options = {.job.progress = isatty(STDERR_FILENO)};
    struct export_job *job = &options.job;
    struct problem problem = {""};
    struct totals totals;
    int status = parse_export(argc, argv, &options);
    if (status != EXIT_OK)
        return status;
    if (options.remove &&
        session_goes_on(argv[optind])) /* asked before it is read: what comes later is not in it */
        options.remove = 0;
    struct session *session = session_open(argv[optind], options.keep_going, &problem);
    if (!session)
        return fail_problem(&problem);
    if (options.no_lines)
        names_without_lines(session->names);
    char fallback[64];
    if (options.as_planned && !job->out && session_text(session, "out")[0])
        job->out = session_text(session, "out");
    if (!job->out) {
        const struct writer_format *format =
            choose_format(job->format ? job->format : "chrome", NULL);
        snprintf(fallback, sizeof fallback, "vitte-trace%s", format ? format->suffix : "");
        job->out = fallback;
    }
    status = export_session(session, job, &totals);
    if (status == EXIT_OK && strcmp(job->out, "-") != 0 && !options.remove && isatty(STDERR_FILENO))
        print_losses(stderr, session, &totals);
    if (status == EXIT_OK && options.remove)
        remove_session(argv[optind]);
    session_close(session);
    return status;
}
