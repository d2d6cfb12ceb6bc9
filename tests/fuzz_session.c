/* Any session folder can be read: no crash, no leak, no endless work, no memory for what a damaged
 * file only claims. Either there is a whole trace, or one line that says which file and what to do.
 * What is read makes sense: spans lie inside each other and end in order, whoever reads the session
 * counts the same losses, the output is JSON. The input is a session in chunks (session_chunks.h);
 * `fuzz_session.bin --seed FOLDER` writes a recorded one. */
#include "collector/aggregate.h"
#include "collector/heap.h"
#include "collector/lock_sums.h"
#include "collector/origins.h"
#include "collector/walk.h"
#include "tests/session_mutator.h"
#include "tests/session_seed.h"
#include "writers/writer.h"

#include <dirent.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t most, unsigned seed);

static char folder[64];

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void empty_folder(const char *path)
{
    char file[512];
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        snprintf(file, sizeof file, "%s/%.256s", path, entry->d_name);
        unlink(file);
    }
    if (entries)
        closedir(entries);
}

/* The folder is in memory, and goes when this process does, however it ends. */
static void make_folder(void)
{
    int lives[2];
    char end;
    snprintf(folder, sizeof folder, "/dev/shm/vitte-fuzz-XXXXXX");
    if (!mkdtemp(folder) || pipe(lives) != 0)
        abort();
    if (fork() == 0) {
        close(lives[1]);
        while (read(lives[0], &end, 1) > 0)
            ;
        empty_folder(folder);
        rmdir(folder);
        _exit(0);
    }
    close(lives[0]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc == 3 && strcmp((*argv)[1], "--seed") == 0)
        _exit(seed_write((*argv)[2]));
    make_folder();
    return 0;
}

/* ---- reading, all at once ---- */

enum { FORMATS = 2, STACK_FORMATS = 2 };

struct reading {
    struct writer writers[FORMATS];
    struct stacks *stacks;
    struct visitor sums, locks, tree; /* tree: of the stacks */
    struct image *image;
    struct thread_view thread;
    int in_thread;
    uint64_t last_end, spans;
};

static void on_image(void *data, struct image *image)
{
    struct reading *reading = data;
    MUST(!reading->in_thread);
    reading->image = image;
    reading->sums.image(reading->sums.data, image);
    reading->locks.image(reading->locks.data, image);
    reading->tree.image(reading->stacks, image);
    for (size_t i = 0; i < FORMATS; i++) {
        reading->writers[i].image = image;
        if (reading->writers[i].format->image)
            reading->writers[i].format->image(&reading->writers[i]);
    }
}

static void on_thread(void *data, struct image *image, const struct thread_view *thread)
{
    struct reading *reading = data;
    MUST(image == reading->image && !reading->in_thread);
    reading->in_thread = 1;
    reading->last_end = thread->start_ns;
    reading->sums.thread(reading->sums.data, image, thread);
    reading->locks.thread(reading->locks.data, image, thread);
    reading->tree.thread(reading->stacks, image, thread);
    for (size_t i = 0; i < FORMATS; i++) {
        reading->writers[i].thread = *thread;
        if (reading->writers[i].format->thread)
            reading->writers[i].format->thread(&reading->writers[i]);
    }
}

static void on_image_end(void *data, struct image *image)
{
    struct reading *reading = data;
    MUST(image == reading->image && !reading->in_thread);
    reading->locks.image_end(reading->locks.data, image);
}

static void on_span(void *data, const struct span *span)
{
    struct reading *reading = data;
    reading->locks.span(reading->locks.data, span);
    /* a sample's duration is what came before it, on another clock */
    uint64_t end = span->start_ns + (span->kind == SPAN_SAMPLE ? 0 : span->duration_ns);
    MUST(reading->in_thread);
    MUST(end <= INT64_MAX && end >= span->start_ns);
    MUST(end >= reading->last_end);
    MUST(span->self_ns <= span->duration_ns);
    /* what lies aside may have begun before the function that it ends in */
    MUST(span->depth == 0 || span->flags & SPAN_ASIDE ||
         span->start_ns >= span->stack[span->depth - 1].start_ns);
    reading->last_end = end;
    reading->spans++;
    reading->sums.span(reading->sums.data, span);
    reading->tree.span(reading->stacks, span);
    for (size_t i = 0; i < FORMATS; i++)
        reading->writers[i].format->span(&reading->writers[i], span);
}

static void on_thread_end(void *data, uint64_t end_ns)
{
    struct reading *reading = data;
    MUST(reading->in_thread && end_ns >= reading->last_end);
    reading->in_thread = 0;
    reading->sums.thread_end(reading->sums.data, end_ns);
    reading->tree.thread_end(reading->stacks, end_ns);
}

static void check_problem(const struct problem *problem)
{
    MUST(strstr(problem->text, folder));
    MUST(strstr(problem->text, "; "));
}

static void begin_writers(struct reading *reading, struct session *session)
{
    static const struct writer_format *const formats[FORMATS] = {&format_chrome, &format_ndjson};
    static const char *const outs[FORMATS] = {"out.json", "out.ndjson"};
    size_t weight = 0, count = 0; /* all of them in turn, and the default */
    while (weights[count].name)
        count++;
    weight = session->image_count ? session->images[0].header.pid % (count + 1) : count;
    reading->stacks = stacks_new(session, weight < count ? &weights[weight] : NULL);
    reading->tree = stacks_visitor(reading->stacks);
    for (size_t i = 0; i < FORMATS; i++) {
        struct writer *writer = &reading->writers[i];
        struct problem problem = {""};
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, outs[i]);
        writer->format = formats[i];
        writer->session = session;
        writer->sink = sink_open(path, &problem);
        writer->state = calloc(1, formats[i]->state_size + 1);
        MUST(writer->sink && writer->state);
        writer->format->begin(writer);
    }
}

/* What hangs together in every tree, and both pictures of it. */
static void end_stacks(struct reading *reading, struct session *session,
                       const struct totals *totals)
{
    static const struct writer_format *const formats[STACK_FORMATS] = {&format_folded,
                                                                       &format_flamegraph};
    static const char *const outs[STACK_FORMATS] = {"out.folded", "out.svg"};
    struct problem problem = {""};
    if (stacks_finish(reading->stacks, &problem) != 0)
        return;
    const struct tree *tree = stacks_tree(reading->stacks);
    for (uint32_t i = 1; i < tree->count; i++)
        MUST(tree->nodes[i].parent < i && tree->nodes[i].depth <= TREE_DEPTH + 1);
    for (size_t i = 0; i < STACK_FORMATS; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, outs[i]);
        struct writer writer = {.format = formats[i],
                                .session = session,
                                .stacks = reading->stacks,
                                .sink = sink_open(path, &problem)};
        MUST(writer.sink);
        formats[i]->end(&writer, totals);
        MUST(sink_close(writer.sink, 0, &problem) == 0);
        unlink(path);
    }
}

static void end_writers(struct reading *reading, const struct totals *totals, int failed)
{
    for (size_t i = 0; i < FORMATS; i++) {
        struct problem problem = {""};
        if (!failed)
            reading->writers[i].format->end(&reading->writers[i], totals);
        reading->writers[i].format->release(&reading->writers[i]);
        MUST(sink_close(reading->writers[i].sink, failed, &problem) == 0);
        free(reading->writers[i].state);
    }
}

/* Only Jansson minds a NUL in a key; it is one in a damaged file. */
static void check_json(json_t *json, const json_error_t *error, const char *text)
{
    if (!json && json_error_code(error) != json_error_null_byte_in_key) {
        fprintf(stderr, "%s\n%s:%d: %s\n", text, error->source, error->line, error->text);
        abort();
    }
    json_decref(json);
}

/* The whole of one, every line of the other. */
static void check_outputs(void)
{
    char path[128], *line = NULL;
    size_t room = 0;
    json_error_t error;
    snprintf(path, sizeof path, "%s/out.json", folder);
    check_json(json_load_file(path, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error), &error,
               path);
    snprintf(path, sizeof path, "%s/out.ndjson", folder);
    FILE *file = fopen(path, "r");
    MUST(file);
    while (getline(&line, &room, file) > 0)
        check_json(json_loads(line, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error), &error,
                   line);
    free(line);
    fclose(file);
}

static int read_spans(struct session *session, struct totals *totals, uint64_t *spans, int outputs)
{
    struct problem problem = {""};
    struct aggregate *aggregate = aggregate_new();
    struct lock_sums *locks = lock_sums_new();
    struct reading reading = {.sums = aggregate_visitor(aggregate),
                              .locks = lock_sums_visitor(locks)};
    struct visitor visitor = {.image = on_image,
                              .thread = on_thread,
                              .span = on_span,
                              .thread_end = on_thread_end,
                              .image_end = on_image_end,
                              .data = &reading};
    size_t count;
    begin_writers(&reading, session);
    int failed = walk_session(session, &visitor, totals, NULL, NULL, &problem);
    MUST(!reading.in_thread);
    end_writers(&reading, totals, failed);
    if (!failed && outputs)
        end_stacks(&reading, session, totals);
    stacks_free(reading.stacks);
    struct function_sum **functions = aggregate_functions(aggregate, &count);
    for (size_t i = 0; i < count; i++)
        MUST(function_quantile(functions[i], 0.5) <= function_quantile(functions[i], 0.99));
    aggregate_free(aggregate);
    lock_sums_free(locks);
    if (failed)
        check_problem(&problem);
    else if (outputs)
        check_outputs();
    *spans = reading.spans;
    return failed;
}

/* Where memory came from, in one of the ways. */
static void read_origins(struct session *session, int outputs, int failed)
{
    struct problem problem = {""};
    size_t count;
    names_without_lines(session->names);
    struct sums *sums = origins_of(session, outputs ? ORIGIN_STACK : ORIGIN_FUNCTION, &problem);
    MUST(!sums == failed < 0);
    if (!sums) {
        check_problem(&problem);
        return;
    }
    const struct sum *all = sums_all(sums, &count);
    for (size_t i = 0; i < count; i++)
        MUST(all[i].text[0] || all[i].values[ORIGIN_ALLOCATIONS]);
    sums_free(sums);
}

static void profile_image_begins(void *data, struct image *image)
{
    struct writer *writer = data;
    writer->image = image;
    if (writer->format->image)
        writer->format->image(writer);
}

static void profile_thread_begins(void *data, struct image *image, const struct thread_view *thread)
{
    struct writer *writer = data;
    (void)image;
    writer->thread = *thread;
    if (writer->format->thread)
        writer->format->thread(writer);
}

static void profile_sees(void *data, const struct span *span)
{
    struct writer *writer = data;
    writer->format->span(writer, span);
}

/* By itself: it marks frames, as the stacks do. */
static void read_profile(struct session *session)
{
    struct problem problem = {""};
    struct totals totals;
    char path[128];
    json_error_t error;
    snprintf(path, sizeof path, "%s/out.vprof.json", folder);
    struct writer writer = {.format = &format_vitte_profile,
                            .session = session,
                            .sink = sink_open(path, &problem),
                            .state = calloc(1, format_vitte_profile.state_size + 1)};
    struct visitor visitor = {.image = profile_image_begins,
                              .thread = profile_thread_begins,
                              .span = profile_sees,
                              .data = &writer};
    MUST(writer.sink && writer.state);
    writer.format->begin(&writer);
    int failed = walk_session(session, &visitor, &totals, NULL, NULL, &problem);
    if (!failed)
        writer.format->end(&writer, &totals);
    writer.format->release(&writer);
    MUST(sink_close(writer.sink, failed, &problem) == 0);
    free(writer.state);
    if (!failed)
        check_json(json_load_file(path, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error), &error,
                   path);
    unlink(path);
}

/* 0, or -1: there is no trace. */
static int read_session(int keep_going, struct totals *totals, uint64_t *spans, int outputs)
{
    struct problem problem = {""};
    struct totals heap_totals = {.blocks = 0};
    size_t count;
    struct session *session = session_open(folder, keep_going, &problem);
    if (!session) {
        check_problem(&problem);
        return -1;
    }
    int failed = read_spans(session, totals, spans, outputs);
    session_close(session);
    session = session_open(folder, keep_going, &problem);
    MUST(session);
    struct heap_sum *heaps = heap_session(session, &count, &heap_totals, &problem);
    MUST(!heaps == failed < 0);
    if (heaps)
        MUST(memcmp(totals->lost, heap_totals.lost, sizeof totals->lost) == 0);
    else
        check_problem(&problem);
    free(heaps);
    read_origins(session, outputs, failed);
    if (outputs)
        read_profile(session);
    session_close(session);
    return failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct totals strict, lenient;
    uint64_t strict_spans, lenient_spans, *words = malloc(size + 8);
    MUST(words);
    memcpy(words, data, size);
    empty_folder(folder);
    chunks_to_folder(words, size / 8, folder);
    free(words);
    /* what takes long is done for some */
    int outputs = size % 32 == 0, twice = size % 64 == 8;
    int failed = read_session(0, &strict, &strict_spans, outputs);
    if ((failed || twice) && read_session(1, &lenient, &lenient_spans, outputs) == 0 && !failed) {
        MUST(strict_spans == lenient_spans);
        MUST(memcmp(&strict, &lenient, sizeof strict) == 0);
    }
    return 0;
}

/* ---- changes ---- */

/* One chunk as bytes, by libFuzzer's own hand. */
static void change_bytes(struct mutator *mutator)
{
    if (mutator->count == 0)
        return;
    struct mutable_chunk *chunk = mutator->chunks[draw(mutator, mutator->count)];
    size_t size = chunk->head.words * sizeof *chunk->words;
    size_t got = LLVMFuzzerMutate((uint8_t *)chunk->words, size, sizeof chunk->words);
    memset((char *)chunk->words + got, 0, sizeof chunk->words - got);
    chunk->head.words = (uint16_t)((got + 7) / 8);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    struct mutator mutator = {.seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    take_chunks(&mutator, data, size);
    for (uint64_t changes = 1 + draw(&mutator, 6); changes > 0; changes--)
        switch (draw(&mutator, 8)) {
        case 0:
            change_bytes(&mutator);
            break;
        case 1:
            change_chunks(&mutator);
            break;
        case 2:
        case 3:
            change_field(&mutator);
            break;
        default:
            change_events(&mutator);
        }
    return give_chunks(&mutator, data, most);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size, const uint8_t *other,
                                 size_t other_size, uint8_t *out, size_t most, unsigned seed)
{
    struct mutator mutator = {.seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    take_chunks(&mutator, data, size);
    take_chunks(&mutator, other, other_size);
    for (size_t i = mutator.count; i-- > 0;)
        if (draw(&mutator, 3) == 0)
            drop_chunk(&mutator, i);
    return give_chunks(&mutator, out, most);
}
