/* vitte-trace info: the document as a text for people. */
#include "cli/info.h"

#include "collector/memory.h"

#include <stdlib.h>
#include <time.h>

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

static void print_end(const json_t *end, int indent)
{
    char time[32];
    const char *caller = json_string_value(json_object_get(end, "called_from"));
    const char *place = json_string_value(json_object_get(end, "called_at"));
    const char *holder = json_string_value(json_object_get(end, "held_by"));
    const char *after = json_string_value(json_object_get(end, "after"));
    size_t i;
    json_t *frame;
    printf("  %*s   thread %lld %s: in %s for %s%s", indent, "", (long long)integer_in(end, "tid"),
           string_in(end, "name"), string_in(end, "doing"),
           json_is_true(json_object_get(end, "at_least")) ? "at least " : "",
           show_time(time, (uint64_t)integer_in(end, "for_ns")));
    if (holder)
        printf(", held by %s", holder);
    if (after)
        printf(", since %s", after);
    if (caller && caller[0])
        printf(", called from %s", caller);
    if (place && place[0])
        printf(" (%s)", last_parts(place));
    puts("");
    json_array_foreach(json_object_get(end, "stack"), i, frame)
    {
        printf("  %*s       %s\n", indent, "", json_string_value(frame));
    }
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
        printf(", killed by %s", show_signal(time, (int)integer_in(process, "killed_by")));
    printf(", %lld thread%s\n", (long long)integer_in(process, "threads"),
           integer_in(process, "threads") == 1 ? "" : "s");
    json_array_foreach(json_object_get(process, "at_end"), i, other) print_end(other, 2 * depth);
    for (size_t child = tree->first[number]; child; child = tree->next[child])
        print_process(tree, child, depth < 20 ? depth + 1 : depth);
}

void info_print(const json_t *info)
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
