/* Finding the verb, and what every verb says in the same way. */
#include "cli/cli.h"

#include "runtime/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

const struct verb verbs[] = {
    {"run",
     "[-o FILE] [-f FORMAT] [--events LIST] [--stacks[=LIST]] [--stack-depth N] [--sample HZ] "
     "[--memory-sample BYTES] [--filter EXPR] [--weight W] [--keep] [--no-exec-env] [-q] -- CMD…",
     "run CMD traced and write one trace of it and its children", verb_run},
    {"record",
     "[-o NAME.vtrace] [--events LIST] [--stacks[=LIST]] [--stack-depth N] [--sample HZ] "
     "[--memory-sample BYTES] [--no-exec-env] [-q] -- CMD…",
     "only capture, into a session folder", verb_record},
    {"export",
     "SESSION [-f FORMAT] [-o FILE|-] [--filter EXPR] [--weight W] [--diff SESSION] "
     "[--orientation icicle|flame] [--no-lines] [--keep-going] [--remove] [-q]",
     "write a captured session as a trace", verb_export},
    {"report",
     "SESSION [--threads|--memory|--io|--locks|--tree] [--by WHAT] [--sort KEY] [-n ROWS] "
     "[--weight W] [--min PERCENT] "
     "[--filter EXPR] [--json] [--no-lines] [--keep-going]",
     "tables on the terminal", verb_report},
    {"info", "SESSION [--json] [--keep-going]", "what was captured, where, and what was not",
     verb_info},
    {NULL, NULL, NULL, NULL}};

int fail(int status, const char *format, ...)
{
    va_list arguments;
    fputs("vitte-trace: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    return status;
}

int fail_problem(const struct problem *problem)
{
    return fail(EXIT_FAILED, "%s", problem->text);
}

int usage(const char *name)
{
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (strcmp(verb->name, name) == 0)
            fprintf(stderr, "usage: vitte-trace %s %s\n", verb->name, verb->arguments);
    return EXIT_USAGE;
}

static void print_help(void)
{
    puts("vitte-trace " VT_VERSION
         ": one trace of a whole process tree: calls, memory, I/O, locks\n");
    for (const struct verb *verb = verbs; verb->name; verb++)
        printf("  vitte-trace %s %s\n      %s\n", verb->name, verb->arguments, verb->help);
    puts("\nOr without this command, for any program:\n\n  LD_PRELOAD=libvittetrace.so CMD…\n");
    puts("Formats:");
    for (size_t i = 0; writer_formats[i]; i++)
        printf("  %-13s %-11s %s\n", writer_formats[i]->name, writer_formats[i]->suffix,
               writer_formats[i]->help);
    puts("  and every suffix with .gz behind it\n\n"
         "What stacks are weighed by (--weight; folded, flamegraph, report --tree):");
    for (const struct weight *weight = weights; weight->name; weight++)
        printf("  %-10s %s\n", weight->name, weight->help);
    puts("\nWhat to capture (--events, VITTE_TRACE_EVENTS):");
#define X(NAME, option, tag, help) printf("  %-10s %s\n", option, help);
    EVENT_CATEGORIES(X)
#undef X
    puts("\nFilters: module(GLOB) function(GLOB) tag(NAME) thread(GLOB) process(GLOB)\n"
         "  duration > 1ms, joined by and, or, not and ( )\n\nEnvironment:");
#define OPTION(NAME, variable, argument, help) printf("  %-23s %s\n", variable, help);
#include "runtime/options.def"
#undef OPTION
    puts("\nMore: man vitte-trace");
}

static int print_verb(const struct verb *verb)
{
    printf("usage: vitte-trace %s %s\n  %s\n\nMore: vitte-trace --help, man vitte-trace\n",
           verb->name, verb->arguments, verb->help);
    return EXIT_OK;
}

static int is_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

/* Output that nobody got is a failure. */
static int finish(int status)
{
    int failed = ferror(stdout);
    failed |= fflush(stdout) != 0;
    return failed && status == EXIT_OK
               ? fail(EXIT_FAILED, "cannot write to standard output: %s", strerror(errno))
               : status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: vitte-trace run|record|export|report|info …   (vitte-trace --help)\n",
              stderr);
        return EXIT_USAGE;
    }
    if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
        print_help();
        return finish(EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("vitte-trace " VT_VERSION);
        return finish(EXIT_OK);
    }
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (strcmp(verb->name, argv[1]) == 0)
            return finish(argc > 2 && is_help(argv[2]) ? print_verb(verb)
                                                       : verb->run(argc - 1, argv + 1));
    return fail(EXIT_USAGE, "there is no verb '%s'; vitte-trace --help lists them", argv[1]);
}
