/* H51 to H53: whose blocks they are, in which order things happened to them, and by which names
 * they came. */
#include "tests/hazards.h"

#include <dlfcn.h>
#include <stdint.h>

/* What a line of programs/entry_points says of one call. */
struct line {
    char verb[16], name[32], block[32];
    size_t size;
};

/* The next line of the book that is about a call; where it ends, or NULL at the end. */
static const char *next_line(const char *at, struct line *line)
{
    while (at && *at) {
        int known = sscanf(at, "call %31s %zu %31s", line->name, &line->size, line->block) == 3 ||
                    sscanf(at, "release %31s %31s", line->name, line->block) == 2;
        snprintf(line->verb, sizeof line->verb, "%s", *at == 'c' ? "call" : "release");
        at = strchr(at, '\n');
        at += at != NULL;
        if (known)
            return at;
    }
    return NULL;
}

/* Whether an event of the stream is what the line says. */
static int is_line(const json_t *event, const struct line *line)
{
    const json_t *arguments = json_object_get(event, "args");
    const char *name = json_string_value(json_object_get(event, "name"));
    int call = line->verb[0] == 'c';
    const char *block = json_string_value(json_object_get(arguments, call ? "result" : "pointer"));
    return name && block && strcmp(name, line->name) == 0 && strcmp(block, line->block) == 0 &&
           (!call || (size_t)number_in(arguments, "size") == line->size);
}

/* From its first line on the book is in the trace line by line, and nothing else is, but for
 * `failed` events behind the last one that the target does not tell of. What was live before is
 * returned. */
static long check_calls(const struct outcome *run, const json_t *events, size_t failed)
{
    struct line line;
    size_t lines = 0, i, extra = 0;
    long before = 0;
    const char *at = next_line(run->out, &line);
    json_t *event;
    json_array_foreach(events, i, event)
    {
        const char *tag = json_string_value(json_object_get(event, "tag"));
        if (!tag || strcmp(tag, "memory") != 0)
            continue;
        if (at && is_line(event, &line)) {
            lines++;
            at = next_line(at, &line);
        } else if (lines == 0) {
            before += json_object_get(json_object_get(event, "args"), "result") ? 1 : -1;
        } else {
            extra++;
        }
    }
    ck_assert_msg(at == NULL, "%s %s is not there, or not in its place", line.name, line.block);
    ck_assert_uint_gt(lines, 20);
    ck_assert_uint_eq(extra, failed);
    return before;
}

static struct outcome entry_points(const char *neighbour, int ours)
{
    const char *list[2] = {neighbour, neighbour};
    list[ours] = built_library();
    struct outcome run = shell("timeout -k 1 40 env LD_PRELOAD='%s:%s' VITTE_TRACE_EVENTS=memory "
                               "VITTE_TRACE_OUT=trace.ndjson '%s'",
                               list[0], list[1], built_program("programs/entry_points"));
    assert_fine(&run);
    ck_assert_int_eq(book(&run, "wrong"), 0);
    ck_assert_int_eq(book(&run, "foreign"), 0);
    return run;
}

START_TEST(h51_every_call_goes_to_its_own_family)
{
    static const struct {
        const char *name;
        int calls;
    } strict[] = {{"malloc", 10},      {"calloc", 1},         {"realloc", 6},
                  {"reallocarray", 1}, {"posix_memalign", 1}, {"aligned_alloc", 3},
                  {"memalign", 1},     {"valloc", 1},         {"pvalloc", 1},
                  {"free_sized", 1},   {"free", 17},          {"free_aligned_sized", 1}};
    struct outcome run = entry_points(built_program("libraries/strict.so"), _i);
    char key[64];
    for (size_t i = 0; i < sizeof strict / sizeof strict[0]; i++) {
        snprintf(key, sizeof key, "strict_%s", strict[i].name);
        ck_assert_msg(book(&run, key) == strict[i].calls, "%s: %ld calls", strict[i].name,
                      book(&run, key));
    }
    json_t *events = load_ndjson("trace.ndjson");
    if (_i == 0)
        check_calls(&run, events, 3); /* malloc; realloc, which begins */
    else /* the family stands in front of us: nothing comes here, and nothing is made up (H50) */
        ck_assert_uint_eq(count_events(events, "{s:s}", "tag", "memory"), 0);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* A real one, which lacks some of the names: reallocarray, C23's. */
START_TEST(h51_names_that_a_family_lacks_do_not_mix_it_with_another)
{
    const char *library = needs("/usr/lib/*/libjemalloc.so.2", "libjemalloc2");
    struct outcome run = entry_points(library, _i);
    json_t *events = load_ndjson("trace.ndjson");
    if (_i == 0)
        check_calls(&run, events, 5);
    else
        ck_assert_uint_eq(count_events(events, "{s:s}", "tag", "memory"), 0);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* ---- H52 ---- */

/* What happened to an address, and when. */
struct change {
    uint64_t address;
    json_int_t time;
    int taken; /* else given back */
};

static int in_order(const void *a, const void *b)
{
    const struct change *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return left->taken - right->taken;
}

static uint64_t address_in(const json_t *arguments, const char *key)
{
    const char *text = json_string_value(json_object_get(arguments, key));
    return text ? strtoull(text, NULL, 16) : 0;
}

/* Adds what an event did: an allocation counts from its end, a release from its beginning. */
static size_t add_change(struct change *changes, size_t count, const json_t *event)
{
    const json_t *arguments = json_object_get(event, "args");
    json_int_t start = number_in(event, "ts");
    struct change change = {address_in(arguments, "result"), start, 1};
    if (change.address) {
        change.time += number_in(event, "dur");
    } else {
        change.address = address_in(arguments, "pointer");
        change.taken = 0;
    }
    changes[count] = change;
    return count + 1;
}

/* Follows every address through the trace: it is taken, given back, taken …; the addresses that end
 * taken are returned. */
static long follow(struct change *changes, size_t count)
{
    long live = 0;
    qsort(changes, count, sizeof *changes, in_order);
    for (size_t i = 0; i < count; i++) {
        int again = i > 0 && changes[i - 1].address == changes[i].address;
        int was_live = again && changes[i - 1].taken;
        ck_assert_msg(changes[i].taken != was_live,
                      "0x%" PRIx64 " is %s twice at %" JSON_INTEGER_FORMAT, changes[i].address,
                      was_live ? "taken" : "given back", changes[i].time);
        live += changes[i].taken ? 1 : -1;
    }
    return live;
}

/* With libc's allocator, and with one that gives every address away before free comes back. */
START_TEST(h52_no_address_is_live_twice)
{
    const char *neighbour = _i == 1 ? built_program("libraries/reusing.so") : "";
    struct outcome run = preloaded_beside(neighbour, "memory", built_program("programs/hand_over"));
    json_t *events = load_ndjson("trace.ndjson"), *event;
    json_t *report = look("report --memory", "vitte-trace-*.vtrace");
    json_t *heap = json_array_get(json_object_get(report, "memory"), 0);
    struct change *changes = calloc(json_array_size(events), sizeof *changes);
    size_t i, count = 0;
    json_array_foreach(events, i, event) if (json_object_get(event, "args")) count =
        add_change(changes, count, event);
    ck_assert_int_eq(book(&run, "wrong"), 0);
    ck_assert_int_eq(named(events, "malloc"), book(&run, "allocated"));
    ck_assert_int_eq(named(events, "realloc"), book(&run, "reallocated"));
    ck_assert_int_eq(named(events, "free"), book(&run, "freed"));
    long threads = named(events, "calloc"); /* libc's own, one for each, never given back */
    ck_assert_int_eq(threads, 3);
    ck_assert_int_eq(follow(changes, count), threads);
    ck_assert_int_eq(number_in(heap, "overlaps"), 0);
    ck_assert_int_eq(number_in(heap, "unknown_frees"), 0);
    ck_assert_int_eq(number_in(heap, "live_blocks"), threads);
    free(changes);
    json_decref(report);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

/* ---- H53 ---- */

START_TEST(h53_every_entry_point_is_recorded_once)
{
    char command[PATH_MAX + 32];
    snprintf(command, sizeof command, "'%s' %s", built_program("programs/entry_points"),
             dlsym(RTLD_DEFAULT, "free_sized") ? "c23" : "");
    struct outcome run = captured("--events memory", command);
    json_t *events = stream("x.vtrace"), *report = look("report --memory", "x.vtrace");
    json_t *heap = json_array_get(json_object_get(report, "memory"), 0);
    ck_assert_int_eq(book(&run, "wrong"), 0);
    long before =
        check_calls(&run, events, 5); /* malloc, realloc which begins, calloc, posix_memalign */
    ck_assert_int_eq(number_in(heap, "failed"), 4);
    ck_assert_int_eq(number_in(heap, "live_blocks"), before);
    ck_assert_int_eq(number_in(heap, "unknown_frees"), 0);
    ck_assert_int_eq(number_in(heap, "overlaps"), 0);
    json_decref(report);
    json_decref(events);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hazards_memory");
    TCase *cases = tcase_create("memory");
    tcase_add_checked_fixture(cases, enter_folder, leave_folder);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, h51_every_call_goes_to_its_own_family, 0, 2);
    tcase_add_loop_test(cases, h51_names_that_a_family_lacks_do_not_mix_it_with_another, 0, 2);
    tcase_add_loop_test(cases, h52_no_address_is_live_twice, 0, 2);
    tcase_add_test(cases, h53_every_entry_point_is_recorded_once);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
