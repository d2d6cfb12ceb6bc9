/* vitte-trace run and record: capture a command; run also exports and says what there was to see.
 */
#include "cli/cli.h"

#include "collector/aggregate.h"
#include "collector/alive.h"
#include "runtime/options.h"
#include "runtime/unwind.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static int absolute(const char *path, char *buffer, size_t size)
{
    char folder[PATH_MAX];
    if (path[0] == '/')
        return snprintf(buffer, size, "%s", path) < (int)size ? 0 : -1;
    if (!getcwd(folder, sizeof folder))
        return -1;
    return snprintf(buffer, size, "%s/%s", folder, path) < (int)size ? 0 : -1;
}

static int check_list(const char *option, const char *list,
                      unsigned parse(const char *, const char **), const char *words)
{
    const char *unknown = NULL;
    if (list)
        parse(list, &unknown);
    if (!unknown)
        return EXIT_OK;
    return fail(EXIT_USAGE, "%s: there is no '%.*s'; there are %s", option,
                (int)strcspn(unknown, ","), unknown, words);
}

static int check_settings(const struct capture *capture)
{
    const char *sample = capture->settings[OPTION_SAMPLE];
    const char *memory = capture->settings[OPTION_MEMORY_SAMPLE];
    const char *depth = capture->settings[OPTION_STACK_DEPTH];
    int only_uninstrumented, is_valid;
    int status = check_list("--events", capture->settings[OPTION_EVENTS], categories_parse,
                            "functions, memory, io, waits, threads, locks, counters, maps, "
                            "samples, processes, scopes and all");
    if (status == EXIT_OK)
        status = check_list("--stacks", capture->settings[OPTION_STACKS], stacks_parse,
                            "memory, io, waits, threads, locks, maps, processes, failed and all");
    sample_parse(sample, &only_uninstrumented, &is_valid);
    if (status == EXIT_OK && sample && !is_valid)
        return fail(EXIT_USAGE,
                    "--sample takes a number of samples a second up to %d, or auto; not '%s'",
                    SAMPLES_MAX, sample);
    if (status == EXIT_OK && !stack_depth_parse(depth))
        return fail(EXIT_USAGE, "--stack-depth takes a number of frames from %d to %d; not '%s'",
                    UNWIND_LEAST, UNWIND_MOST, depth);
    if (status == EXIT_OK && memory && !bytes_parse(memory))
        return fail(EXIT_USAGE,
                    "--memory-sample takes a number of bytes below 4096M, such as 512K; not '%s'",
                    memory);
    return status;
}

static int by_self(const void *a, const void *b)
{
    const struct function_sum *left = *(struct function_sum *const *)a;
    const struct function_sum *right = *(struct function_sum *const *)b;
    return (left->self_ns < right->self_ns) - (left->self_ns > right->self_ns);
}

static int by_cpu(const void *a, const void *b)
{
    const struct function_sum *left = *(struct function_sum *const *)a;
    const struct function_sum *right = *(struct function_sum *const *)b;
    return (left->cpu_ns < right->cpu_ns) - (left->cpu_ns > right->cpu_ns);
}

/* Where the time went, and in unmodified programs where they computed. */
static void summarise_functions(struct aggregate *aggregate)
{
    enum { SHOWN = 5 };
    char time[32];
    size_t count;
    struct function_sum **functions = aggregate_functions(aggregate, &count);
    if (count && aggregate_is_sampled(aggregate)) {
        qsort(functions, count, sizeof *functions, by_cpu);
        for (size_t i = 0; i < count && i < SHOWN && functions[i]->cpu_ns; i++)
            fprintf(stderr, "  %9s CPU   %s\n", show_time(time, functions[i]->cpu_ns),
                    functions[i]->name->text);
    }
    if (count)
        qsort(functions, count, sizeof *functions, by_self);
    for (size_t i = 0; i < count && i < SHOWN && functions[i]->self_ns; i++)
        fprintf(stderr, "  %9s self  %s%s\n", show_time(time, functions[i]->self_ns),
                functions[i]->name->text, functions[i]->name->waits ? " (waiting)" : "");
}

static void summarise_sums(struct aggregate *aggregate)
{
    size_t count;
    char bytes[32], more[32];
    uint64_t allocations = 0, allocated = 0, read_bytes = 0, written = 0;
    struct memory_sum *memory = aggregate_memory(aggregate, &count);
    for (size_t i = 0; i < count; i++) {
        allocations += memory[i].allocations;
        allocated += memory[i].allocated;
    }
    const struct file_sum *files = aggregate_files(aggregate, &count);
    for (size_t i = 0; i < count; i++) {
        read_bytes += files[i].read_bytes;
        written += files[i].written_bytes;
    }
    fprintf(stderr, "  allocated %s in %s allocations", show_bytes(bytes, allocated),
            show_count(more, allocations));
    fprintf(stderr, "; read %s", show_bytes(bytes, read_bytes));
    fprintf(stderr, ", written %s\n", show_bytes(bytes, written));
    summarise_functions(aggregate);
}

static void summarise(const struct session *session, const struct totals *totals,
                      struct aggregate *aggregate, uint64_t wall_ns, const char *out)
{
    char time[32], count[32];
    plain_output(&stderr);
    fprintf(stderr, "vitte-trace: %s wall, ", show_time(time, wall_ns));
    fprintf(stderr, "%llu process%s, ", (unsigned long long)totals->processes,
            totals->processes == 1 ? "" : "es");
    fprintf(stderr, "%llu thread%s\n ", (unsigned long long)totals->threads,
            totals->threads == 1 ? "" : "s");
    for (int i = 0; i < CATEGORY_COUNT; i++)
        if (totals->events[i])
            fprintf(stderr, " %s %s events,", show_count(count, totals->events[i]),
                    category_tags[i]);
    fprintf(stderr, " lost: %s\n", show_count(count, totals_lost(totals)));
    summarise_sums(aggregate);
    print_losses(stderr, session, totals);
    fprintf(stderr, "  trace: %s\n", out);
}

struct run_options {
    struct capture capture;
    struct export_job job;
    char out[PATH_MAX], folder[PATH_MAX];
    int keep, quiet;
};

/* Checked before the command runs: it would be sad to find out afterwards. */
static int check_place(struct run_options *run)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", run->out);
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    if (access(folder, W_OK) != 0)
        return fail(EXIT_FAILED, "cannot write into %s: %s; name another file with -o", folder,
                    strerror(errno));
    int length = snprintf(run->folder, sizeof run->folder, "%s/vitte-trace-%d.vtrace",
                          folder[1] ? folder : "", (int)getpid());
    return length < (int)sizeof run->folder
               ? EXIT_OK
               : fail(EXIT_FAILED, "the path %s is too long", run->out);
}

static int export_and_summarise(struct run_options *run, uint64_t wall_ns)
{
    struct problem problem = {""};
    struct totals totals;
    int goes_on = session_goes_on(run->folder);
    struct session *session = session_open(run->folder, 0, &problem);
    if (!session)
        return fail_problem(&problem);
    struct aggregate *aggregate = aggregate_new();
    struct visitor sums = aggregate_visitor(aggregate);
    run->job.also = run->quiet ? NULL : &sums;
    run->job.progress = !run->quiet && isatty(STDERR_FILENO);
    int status = export_session(session, &run->job, &totals);
    if (status == EXIT_OK && !run->quiet)
        summarise(session, &totals, aggregate, wall_ns, run->job.out);
    if (status == EXIT_OK && goes_on)
        fail(0,
             "some processes of the command still run; when they have ended, `vitte-trace export "
             "%s` "
             "has their events too",
             run->folder);
    else if (status != EXIT_OK || run->keep)
        fprintf(stderr, "  session: %s\n", run->folder);
    else
        remove_session(run->folder);
    aggregate_free(aggregate);
    session_close(session);
    return status;
}

static int parse_run(int argc, char **argv, struct run_options *run)
{
    enum { EVENTS = 256, STACKS, STACK_DEPTH, SAMPLE, MEMORY_SAMPLE, FILTER, KEEP, NO_ENV, WEIGHT };
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"format", required_argument, NULL, 'f'},
        {"events", required_argument, NULL, EVENTS},
        {"stacks", optional_argument, NULL, STACKS},
        {"stack-depth", required_argument, NULL, STACK_DEPTH},
        {"sample", required_argument, NULL, SAMPLE},
        {"memory-sample", required_argument, NULL, MEMORY_SAMPLE},
        {"filter", required_argument, NULL, FILTER},
        {"keep", no_argument, NULL, KEEP},
        {"quiet", no_argument, NULL, 'q'},
        {"no-exec-env", no_argument, NULL, NO_ENV},
        {"weight", required_argument, NULL, WEIGHT},
        {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "+o:f:q", options, NULL)) != -1)
        switch (option) {
        case 'o':
            run->job.out = optarg;
            break;
        case 'f':
            run->job.format = optarg;
            break;
        case 'q':
            run->quiet = 1;
            break;
        case EVENTS:
            run->capture.settings[OPTION_EVENTS] = optarg;
            break;
        case STACKS:
            run->capture.settings[OPTION_STACKS] = optarg ? optarg : "all";
            break;
        case STACK_DEPTH:
            run->capture.settings[OPTION_STACK_DEPTH] = optarg;
            break;
        case SAMPLE:
            run->capture.settings[OPTION_SAMPLE] = optarg;
            break;
        case MEMORY_SAMPLE:
            run->capture.settings[OPTION_MEMORY_SAMPLE] = optarg;
            break;
        case FILTER:
            run->job.filter = optarg;
            break;
        case WEIGHT:
            run->job.weight = optarg;
            break;
        case KEEP:
            run->keep = 1;
            break;
        case NO_ENV:
            run->capture.settings[OPTION_EXEC_ENV] = "0";
            break;
        default:
            return usage(argv[0]);
        }
    if (optind >= argc)
        return usage(argv[0]);
    run->capture.command = argv + optind;
    if (!run->capture.settings[OPTION_SAMPLE] && !getenv(option_variables[OPTION_SAMPLE]))
        run->capture.settings[OPTION_SAMPLE] = "auto";
    return check_settings(&run->capture);
}

int verb_run(int argc, char **argv)
{
    struct run_options run = {.keep = 0};
    uint64_t wall_ns;
    int exit_status, status = parse_run(argc, argv, &run);
    if (status != EXIT_OK)
        return status;
    if (!run.job.out)
        run.job.out = getenv(option_variables[OPTION_OUT]);
    if (!run.job.format)
        run.job.format = getenv(option_variables[OPTION_FORMAT]);
    if (!run.job.out) {
        const struct writer_format *format =
            run.job.format ? choose_format(run.job.format, NULL) : NULL;
        if (run.job.format && !format)
            return EXIT_USAGE;
        static char fallback[64];
        snprintf(fallback, sizeof fallback, "vitte-trace%s", format ? format->suffix : ".json");
        run.job.out = fallback;
    }
    if (strcmp(run.job.out, "-") == 0)
        return fail(EXIT_USAGE,
                    "run cannot write to standard output, which is the command's; name a file");
    struct filter *filter = run.job.filter ? parse_filter(run.job.filter) : NULL;
    if (check_export(&run.job) != EXIT_OK || (run.job.filter && !filter))
        return EXIT_USAGE;
    filter_free(filter);
    if (absolute(run.job.out, run.out, sizeof run.out) != 0)
        return fail(EXIT_FAILED, "cannot find out the current folder: %s", strerror(errno));
    status = check_place(&run);
    if (status != EXIT_OK)
        return status;
    run.capture.folder = run.folder;
    run.capture.out = run.out;
    run.capture.format = run.job.format;
    int wait_status = capture_run(&run.capture, &exit_status, &wall_ns);
    if (wait_status < 0)
        return exit_status;
    export_and_summarise(&run, wall_ns);
    end_like(wait_status);
}

int verb_record(int argc, char **argv)
{
    struct run_options run = {.keep = 0};
    uint64_t wall_ns;
    int exit_status, status = parse_run(argc, argv, &run);
    if (status != EXIT_OK)
        return status;
    if (run.job.format || run.job.filter || run.job.weight)
        return fail(EXIT_USAGE,
                    "record only captures; give -f, --filter and --weight to `vitte-trace export`");
    if (absolute(run.job.out ? run.job.out : "vitte-trace.vtrace", run.folder, sizeof run.folder) !=
        0)
        return fail(EXIT_FAILED, "cannot find out the current folder: %s", strerror(errno));
    run.capture.folder = run.folder;
    int wait_status = capture_run(&run.capture, &exit_status, &wall_ns);
    if (wait_status < 0)
        return exit_status;
    if (!run.quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "vitte-trace: captured %s; look with `vitte-trace report` or `export`\n",
                run.folder);
    end_like(wait_status);
}
