/* Sessions whose files are sound and whose contents make no sense, or are only unusual: they are
 * put together here, chunk by chunk. What fuzz_session.c found, and what was found on the way. */
#include "collector/heap.h"
#include "tests/session_chunks.h"
#include "tests/support.h"

#include <sys/resource.h>

enum { CALL_READ, CALL_OPEN };
enum { TICK = 1 << 20 }; /* when the image began, and its first block */

static uint64_t words[1 << 15];
static size_t count;
static uint16_t next_place;

/* ---- putting one together ---- */

static void put(struct chunk_header chunk, const void *payload, size_t size)
{
    chunk.words = (uint16_t)((size + 7) / 8);
    ck_assert_uint_le(count + 1 + chunk.words, sizeof words / sizeof words[0]);
    memcpy(words + count++, &chunk, sizeof chunk);
    memset(words + count, 0, chunk.words * sizeof *words);
    memcpy(words + count, payload, size);
    count += chunk.words;
}

/* Its id. */
static uint32_t define(enum definition_kind kind, const void *payload, size_t size)
{
    static uint64_t entry[CHUNK_WORDS];
    uint16_t place = next_place;
    entry[0] = (uint64_t)kind | (uint64_t)size << 32;
    memcpy(entry + 1, payload, size);
    put((struct chunk_header){.kind = CHUNK_DEFINITION, .place = place}, entry, 8 + size);
    next_place = (uint16_t)(place + 1 + (size + 7) / 8);
    return LAYOUT_PAGE + 8u * place;
}

static void put_image(unsigned image, struct live_header header)
{
    header.pid = chunk_pid(image);
    header.ppid = 1;
    header.slots = header.threads = 1;
    if (!header.start.tick)
        header.start = (struct clock_pair){TICK, TICK};
    if (!header.end.tick)
        header.end = (struct clock_pair){2 * TICK, 2 * TICK};
    put((struct chunk_header){.kind = CHUNK_LIVE, .image = (uint8_t)image}, &header, sizeof header);
    put((struct chunk_header){.kind = CHUNK_SLOT, .image = (uint8_t)image},
        &(struct slot_header){.tid = header.pid}, offsetof(struct slot_header, now));
}

static void put_calls(void)
{
    const struct definition_call calls[] = {
        {"read", CALL_READ, CATEGORY_IO, RESULT_BYTES, 0, 2, {FIELD_FD, FIELD_BYTES}},
        {"open", CALL_OPEN, CATEGORY_IO, RESULT_FD, 0, 1, {FIELD_PATH}}};
    define(DEFINITION_CALLS, calls, sizeof calls);
}

static void put_thread_block(uint32_t thread, const uint64_t *events, size_t event_count)
{
    uint64_t block[BLOCK_HEADER_WORDS + 64];
    struct block_header header = {.thread = thread, .start = {TICK, TICK}};
    memcpy(block, &header, sizeof header);
    memcpy(block + BLOCK_HEADER_WORDS, events, event_count * sizeof *events);
    put((struct chunk_header){.kind = CHUNK_FINISHED}, block, sizeof header + event_count * 8);
}

static void put_block(const uint64_t *events, size_t event_count)
{
    put_thread_block(0, events, event_count);
}

static uint64_t call(unsigned number, unsigned length)
{
    return event_record(EVENT_CALL + number, length, TICK + 100, 50);
}

/* An empty folder, and an empty session to put into it. */
static void begin(void)
{
    count = next_place = 0;
    enter_folder();
    ck_assert_int_eq(mkdir("s.vtrace", 0700), 0);
}

static void make(void)
{
    chunks_to_folder(words, count, "s.vtrace");
}

/* ---- looking at it ---- */

static json_t *look(const char *verb)
{
    struct outcome run = shell("exec '%s' %s s.vtrace >out.json", built_command(), verb);
    ck_assert_msg(run.code == 0 && run.err_size == 0, "%s: exit status %d: %s", verb, run.code,
                  run.err);
    outcome_free(&run);
    return load_json("out.json");
}

static json_t *events_of(const char *options)
{
    struct outcome run =
        shell("exec '%s' export -f json %s -o out.ndjson s.vtrace", built_command(), options);
    ck_assert_msg(run.code == 0 && run.err_size == 0, "exit status %d: %s", run.code, run.err);
    outcome_free(&run);
    return load_ndjson("out.ndjson");
}

/* ---- names ---- */

START_TEST(a_file_of_a_process_with_a_long_name_is_named_shortly)
{
    char command[300];
    memset(command, 'n', sizeof command);
    put_calls();
    put_image(0,
              (struct live_header){.command = define(DEFINITION_STRING, command, sizeof command)});
    put_block((uint64_t[]){call(CALL_READ, 3), 1, 7, 1}, 4);
    make();
    json_t *report = look("report --io --json");
    const char *file = json_string_value(
        json_object_get(json_array_get(json_object_get(report, "io"), 0), "file"));
    ck_assert_str_eq(file,
                     "fd 7 of 100 nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
    json_decref(report);
}
END_TEST

START_TEST(a_path_ends_at_its_first_nul)
{
    put_calls();
    uint32_t path = define(DEFINITION_STRING, "/a", 2),
             longer = define(DEFINITION_STRING, "/a\0b", 4);
    put_image(0, (struct live_header){.exe = 0});
    put_block((uint64_t[]){call(CALL_OPEN, 2), 3, path, call(CALL_OPEN, 2), 4, longer}, 6);
    make();
    json_t *report = look("report --io --json"), *rows = json_object_get(report, "io");
    ck_assert_uint_eq(json_array_size(rows), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(rows, 0), "calls")), 2);
    json_decref(report);
}
END_TEST

START_TEST(names_that_are_not_utf8_are_in_the_reports)
{
    struct {
        struct definition_module head;
        char path[8];
    } module = {{.low = 4096, .high = 8192, .path_size = 4}, "/m\377"};
    put_calls();
    uint32_t path = define(DEFINITION_STRING, "/f\377", 3);
    define(DEFINITION_MODULE, &module, sizeof module.head + 4);
    put_image(0, (struct live_header){.command = define(DEFINITION_STRING, "p\377", 2)});
    put_block((uint64_t[]){call(CALL_OPEN, 2), 3, path}, 3);
    make();
    json_t *report = look("report --io --json");
    ck_assert_str_eq(json_string_value(
                         json_object_get(json_array_get(json_object_get(report, "io"), 0), "file")),
                     "/f\xef\xbf\xbd");
    json_decref(report);
    json_t *info = look("info --json"),
           *process = json_array_get(json_object_get(info, "processes"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(process, "name")), "p\xef\xbf\xbd");
    ck_assert_ptr_nonnull(json_object_get(json_object_get(info, "modules"), "/m\xef\xbf\xbd"));
    json_decref(info);
}
END_TEST

/* ---- numbers ---- */

START_TEST(an_error_that_is_none_is_a_number)
{
    put_calls();
    put_image(0, (struct live_header){.exe = 0});
    put_block((uint64_t[]){call(CALL_READ, 3), UINT64_C(1) << 63, 7, 1}, 4);
    put_block((uint64_t[]){call(CALL_READ, 3), 0 - (UINT64_C(1) << 32) - 2, 7, 1}, 4);
    make();
    json_t *events = events_of("");
    ck_assert_uint_eq(count_events(events, "{s:s, s:{s:I}}", "name", "read", "args", "error",
                                   (json_int_t)INT64_MIN),
                      1);
    ck_assert_uint_eq(count_events(events, "{s:s, s:{s:I}}", "name", "read", "args", "error",
                                   ((json_int_t)1 << 32) + 2),
                      1);
    json_decref(events);
}
END_TEST

/* A last field beside the result: where all else is there, too; and in records that have no result,
 * or no room for one more word. */
START_TEST(a_packed_call_says_what_it_can)
{
    uint64_t packed = EVENT_CALL_PACKED << EVENT_INLINE_SHIFT,
             all = packed | (EVENT_CALL_STACK | EVENT_CALL_LONG) << EVENT_INLINE_SHIFT,
             both = UINT64_C(9) << EVENT_PACKED_SHIFT | 5;
    uint64_t events[1 + EVENT_MAX_PAYLOAD] = {call(CALL_READ, 2) | packed, both, 7};
    put_calls();
    put_image(0, (struct live_header){.exe = 0});
    put_block(events, 3);
    put_block((uint64_t[]){call(CALL_READ, 4) | all, both, 7, 0, 60}, 5);
    put_block((uint64_t[]){call(CALL_READ, 0) | packed}, 1);
    put_block((uint64_t[]){call(CALL_READ, 2) | all, 0, 60}, 3);
    events[0] = call(CALL_READ, EVENT_MAX_PAYLOAD) | packed;
    put_block(events, 1 + EVENT_MAX_PAYLOAD);
    make();
    json_t *stream = events_of(""), *report = look("report --io --json");
    ck_assert_uint_eq(count_events(stream, "{s:s, s:{s:i, s:i, s:i}}", "name", "read", "args", "fd",
                                   7, "size", 9, "bytes", 5),
                      2);
    ck_assert_uint_eq(count_events(stream, "{s:s}", "name", "read"), 5);
    json_decref(report);
    json_decref(stream);
}
END_TEST

/* Ticks that are as far as can be from a clock that is as fast as can be. */
START_TEST(a_damaged_clock_does_not_run_backwards)
{
    uint64_t end = 0;
    size_t i;
    json_t *event;
    put_image(0, (struct live_header){.end = {TICK + 1, UINT64_MAX}});
    put_block((uint64_t[]){event_function(EVENT_KIND_ENTER, TICK, 16),
                           event_time(UINT64_C(1) << 40), event_function(EVENT_KIND_ENTER, 0, 32),
                           event_time(UINT64_MAX), event_function(EVENT_KIND_EXIT, 0, 32),
                           event_function(EVENT_KIND_EXIT, 1, 16)},
              6);
    make();
    json_t *events = events_of("");
    ck_assert_uint_eq(count_events(events, "{s:s}", "type", "span"), 2);
    json_array_foreach(events, i, event)
    {
        uint64_t now = (uint64_t)json_integer_value(json_object_get(event, "ts")) +
                       (uint64_t)json_integer_value(json_object_get(event, "dur"));
        ck_assert(!json_object_get(event, "ts") || (now >= end && now <= INT64_MAX));
        end = now > end ? now : end;
    }
    json_decref(events);
}
END_TEST

/* A duration of 2^34 ticks does not fit into an event's header. */
START_TEST(a_thread_that_was_blocked_for_long_was_so_to_the_end)
{
    uint64_t long_after = TICK + (UINT64_C(1) << 36);
    put_calls();
    put_image(0, (struct live_header){.status = PROCESS_EXITED, .end = {long_after, long_after}});
    put((struct chunk_header){.kind = CHUNK_SLOT},
        &(struct slot_header){.tid = 100,
                              .now = {.since = TICK + 200, .first = 7, .call = CALL_READ + 1}},
        offsetof(struct slot_header, now) + sizeof(struct now_record));
    put_block((uint64_t[]){call(CALL_READ, 3), 1, 9, 1}, 4);
    make();
    json_t *events = events_of("");
    ck_assert_uint_eq(count_events(events, "{s:s, s:I, s:{s:i, s:i}}", "name", "read", "dur",
                                   (json_int_t)(long_after - TICK - 200), "args", "fd", 7,
                                   "unfinished", 1),
                      1);
    json_decref(events);
}
END_TEST

START_TEST(a_thread_s_number_makes_no_table_that_it_would_not_fit_into)
{
    struct problem problem = {""};
    put_image(0, (struct live_header){.exe = 0});
    define(DEFINITION_THREAD, &(struct definition_thread){.index = 1, .tid = 101},
           sizeof(struct definition_thread));
    define(DEFINITION_THREAD, &(struct definition_thread){.index = (1 << 24) - 1, .tid = 102},
           sizeof(struct definition_thread));
    make();
    struct session *session = session_open("s.vtrace", 0, &problem);
    struct image *image = session ? image_open(session, 0, &problem) : NULL;
    ck_assert_msg(image, "%s", problem.text);
    ck_assert_uint_eq(image->thread_count, 2);
    image_close(image);
    session_close(session);
}
END_TEST

/* ---- stacks and samples ---- */

/* Every reader of stacks comes to its end. */
static void read_stacks(void)
{
    static const char *const verbs[] = {"report",
                                        "report --tree",
                                        "report --memory --by stack",
                                        "export -f flamegraph -o out.svg",
                                        "export -f chrome -o out.json",
                                        "export -f json -o out.ndjson",
                                        "export -f vitte-profile -o out.vprof.json"};
    make();
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct outcome run = shell("exec '%s' %s s.vtrace", built_command(), verbs[i]);
        ck_assert_msg(run.code == 0, "%s: exit status %d: %s", verbs[i], run.code, run.err);
        outcome_free(&run);
    }
}

static uint32_t define_stack(uint64_t address, uint32_t caller)
{
    return define(DEFINITION_STACK, &(struct definition_stack){address, caller, 0},
                  sizeof(struct definition_stack));
}

static void put_samples(uint32_t stack, uint32_t step, uint64_t ns, size_t samples)
{
    uint64_t events[60];
    for (size_t done = 0; done < samples; done += 20) {
        for (size_t i = 0; i < 20; i++) {
            events[3 * i] = event_record(EVENT_SAMPLE, 2, TICK + 100, 0);
            events[3 * i + 1] = stack + step * (done + i);
            events[3 * i + 2] = ns;
        }
        put_block(events, 60);
    }
}

START_TEST(a_call_from_nowhere_is_one_of_an_address)
{
    put_image(0, (struct live_header){.exe = 0});
    uint32_t stack = define_stack(0, define_stack(0, define_stack(4096, 0)));
    put_samples(stack, 0, 1000, 20);
    read_stacks();
}
END_TEST

START_TEST(more_cpu_time_than_there_is_makes_no_picture_endless)
{
    enum { FRAMES = 1600 };
    put_image(0, (struct live_header){.exe = 0});
    uint32_t first = define_stack(4096, 0), second = define_stack(4096 + 64, 0);
    for (uint64_t i = 2; i < FRAMES; i++)
        define_stack(4096 + 64 * i, 0);
    put_samples(first, second - first, UINT64_MAX, FRAMES);
    read_stacks();
}
END_TEST

START_TEST(a_stack_of_ten_thousand_frames_is_read_as_far_as_one_can_be_recorded)
{
    uint32_t stack = 0;
    put_image(0, (struct live_header){.exe = 0});
    for (uint64_t i = 0; i < 3000; i++)
        stack = define_stack(4096 + 64 * i, stack);
    put_samples(stack, 0, 1000, 2000);
    read_stacks();
    struct outcome run = shell("'%s' export -f json -o - s.vtrace | grep -o '\"frames\".*' | "
                               "tr ',' '\\n' | wc -l",
                               built_command());
    ck_assert_int_eq(strtol(run.out, NULL, 10), STACK_FRAMES_MOST);
    outcome_free(&run);
}
END_TEST

/* In one format their names must be different. */
START_TEST(threads_that_are_called_like_our_names_for_others_are_told_apart)
{
    static const char *const names[] = {"x", "x (5)", "x (5, 4)", "x (5, 5)", "x"};
    put_image(0, (struct live_header){.exe = 0});
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t name = define(DEFINITION_STRING, names[i], strlen(names[i]));
        define(DEFINITION_THREAD, &(struct definition_thread){.index = i, .tid = 5, .name = name},
               sizeof(struct definition_thread));
    }
    for (uint32_t i = 0; i < 5; i++)
        put_thread_block(i, (uint64_t[]){event_record(EVENT_SAMPLE, 2, TICK + 100, 0), 0, 1000}, 3);
    make();
    struct outcome run =
        shell("exec '%s' export -f vitte-profile -o out.vprof.json s.vtrace", built_command());
    ck_assert_msg(run.code == 0, "exit status %d: %s", run.code, run.err);
    outcome_free(&run);
    json_t *profile = load_json("out.vprof.json"), *threads = json_object(), *thread;
    size_t i;
    json_array_foreach(json_object_get(profile, "threads"), i, thread)
    {
        json_object_set(threads, json_string_value(json_object_get(thread, "name")), thread);
    }
    ck_assert_uint_eq(json_object_size(threads), 5);
    json_decref(threads);
    json_decref(profile);
}
END_TEST

/* ---- what is missing ---- */

START_TEST(an_image_without_its_parent_s_definitions_is_refused_with_advice)
{
    struct arena_header header = {.magic = ARENA_MAGIC, .base = 2 * LAYOUT_PAGE};
    put_image(0, (struct live_header){.exe = 0});
    put((struct chunk_header){.kind = CHUNK_ARENA, .flags = CHUNK_RAW}, &header, sizeof header);
    make();
    struct outcome run = shell("exec '%s' export -o out.json s.vtrace", built_command());
    ck_assert_int_eq(run.code, 1);
    ck_assert_msg(strstr(run.err, "; export with --keep-going"), "%s", run.err);
    outcome_free(&run);
}
END_TEST

START_TEST(every_report_counts_an_image_that_was_left_out)
{
    put_image(0, (struct live_header){.exe = 0});
    put((struct chunk_header){.kind = CHUNK_LIVE, .image = 2, .flags = CHUNK_RAW}, "nonsense", 8);
    make();
    static const char *const verbs[] = {"report --keep-going --json",
                                        "report --keep-going --memory --json",
                                        "info --keep-going --json"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        json_t *report = look(verbs[i]);
        ck_assert_msg(json_integer_value(json_object_get(report, "events_lost")) == 1, "%s",
                      verbs[i]);
        json_decref(report);
    }
}
END_TEST

START_TEST(nonsense_behind_the_last_block_is_one_damage)
{
    put_image(0, (struct live_header){.exe = 0});
    put_block((uint64_t[]){event_record(EVENT_THREAD_START, 0, TICK, 0)}, 1);
    make();
    ck_assert_int_eq(truncate("s.vtrace/100-0.0.blocks", 4096), 0);
    json_t *report = look("report --keep-going --json");
    ck_assert_int_eq(json_integer_value(json_object_get(report, "events_lost")), 1);
    json_decref(report);
}
END_TEST

/* Each of them has a file of its own, and the usual limit is 1024. */
START_TEST(the_heap_of_a_thousand_threads_is_reported)
{
    enum { THREADS = 1100 };
    struct rlimit files;
    struct live_header header = {
        .magic = LIVE_MAGIC, .version = LAYOUT_VERSION, .slot_bytes = SLOT_BYTES, .slots = THREADS};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max < THREADS + 100)
        return;
    put_image(0, (struct live_header){.exe = 0});
    put((struct chunk_header){.kind = CHUNK_LIVE, .flags = CHUNK_RAW}, &header, sizeof header);
    put_block((uint64_t[]){event_record(EVENT_THREAD_START, 0, TICK, 0)}, 1);
    make();
    ck_assert_int_eq(truncate("s.vtrace/100-0.live", LAYOUT_PAGE + THREADS * (off_t)SLOT_BYTES), 0);
    struct outcome run =
        shell("for slot in $(seq 1 %d); do cp s.vtrace/100-0.0.blocks s.vtrace/100-0.$slot.blocks; "
              "done; ulimit -S -n 1024; exec '%s' report --memory --json s.vtrace",
              THREADS - 1, built_command());
    ck_assert_msg(run.code == 0, "%s", run.err);
    outcome_free(&run);
}
END_TEST

static const struct {
    const char *json;
    const char *says; /* what info makes of it */
} endings[] = {
    {"", "ended without a word, 1 thread"},
    {"[1, 2]", "ended without a word, 1 thread"},
    {"{\"pid\": 100, \"wait_status\": 9, \"tick\": 1, \"monotonic_ns\": \"x\"}",
     "ended without a word, 1 thread"},
    {"{\"pid\": 100, \"wait_status\": 9, \"tick\": 3000000, \"monotonic_ns\": 3000000}",
     "killed by SIGKILL"},
    {"{\"pid\": 7, \"wait_status\": 9, \"tick\": 3000000, \"monotonic_ns\": 3000000}",
     "ended without a word, 1 thread"},
    {"{\"pid\": 100, \"wait_status\": 77, \"tick\": 9223372036854775807, \"monotonic_ns\": 5}",
     "killed by "},
    {"{\"pid\": 100, \"wait_status\": 32, \"tick\": 3000000, \"monotonic_ns\": 3000000}",
     "killed by signal 32"},
    {"{\"pid\": 100, \"wait_status\": 768, \"tick\": 5, \"monotonic_ns\": 9223372036854775807}",
     "1 thread"},
    {"{\"pid\": 100, \"wait_status\": 768, \"tick\": 3000000, \"monotonic_ns\": 3000000}",
     "exited with 3"},
};

START_TEST(what_is_said_of_the_command_s_end_is_checked)
{
    put_image(0, (struct live_header){.end = {1, 0}});
    put_block((uint64_t[]){event_record(EVENT_THREAD_START, 0, TICK, 0)}, 1);
    put((struct chunk_header){.kind = CHUNK_MANIFEST, .flags = CHUNK_SECOND}, endings[_i].json,
        strlen(endings[_i].json));
    make();
    struct outcome run = shell("'%s' info s.vtrace && '%s' report --threads s.vtrace && '%s' "
                               "export -q -f json -o - s.vtrace",
                               built_command(), built_command(), built_command());
    ck_assert_msg(run.code == 0 && strstr(run.out, endings[_i].says) != NULL, "%s\n%s", run.err,
                  run.out);
    outcome_free(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bad values");
    TCase *values = tcase_create("values");
    tcase_add_checked_fixture(values, begin, leave_folder);
    tcase_set_timeout(values, 60);
    tcase_add_test(values, a_file_of_a_process_with_a_long_name_is_named_shortly);
    tcase_add_test(values, a_path_ends_at_its_first_nul);
    tcase_add_test(values, names_that_are_not_utf8_are_in_the_reports);
    tcase_add_test(values, an_error_that_is_none_is_a_number);
    tcase_add_test(values, a_packed_call_says_what_it_can);
    tcase_add_test(values, a_damaged_clock_does_not_run_backwards);
    tcase_add_test(values, a_thread_that_was_blocked_for_long_was_so_to_the_end);
    tcase_add_test(values, a_thread_s_number_makes_no_table_that_it_would_not_fit_into);
    tcase_add_test(values, a_call_from_nowhere_is_one_of_an_address);
    tcase_add_test(values, more_cpu_time_than_there_is_makes_no_picture_endless);
    tcase_add_test(values, a_stack_of_ten_thousand_frames_is_read_as_far_as_one_can_be_recorded);
    tcase_add_test(values, threads_that_are_called_like_our_names_for_others_are_told_apart);
    tcase_add_test(values, an_image_without_its_parent_s_definitions_is_refused_with_advice);
    tcase_add_test(values, every_report_counts_an_image_that_was_left_out);
    tcase_add_test(values, nonsense_behind_the_last_block_is_one_damage);
    tcase_add_test(values, the_heap_of_a_thousand_threads_is_reported);
    tcase_add_loop_test(values, what_is_said_of_the_command_s_end_is_checked, 0,
                        sizeof endings / sizeof endings[0]);
    suite_add_tcase(suite, values);
    return run_suite(suite);
}
