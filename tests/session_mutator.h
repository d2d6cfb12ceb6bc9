/* Changes to a session in chunks (session_chunks.h) that random bytes would hardly make: events
 * that are well formed and make no sense, definitions of every kind, ids that are some entry's,
 * the values at which arithmetic goes wrong. */
#ifndef VT_TESTS_SESSION_MUTATOR_H
#define VT_TESTS_SESSION_MUTATOR_H

#include "tests/session_chunks.h"

enum { MUTATOR_CHUNKS = 256 };

struct mutable_chunk {
    struct chunk_header head;
    uint64_t words[CHUNK_WORDS];
};

struct mutator {
    struct mutable_chunk *chunks[MUTATOR_CHUNKS];
    size_t count;
    uint64_t seed;
};

static inline uint64_t draw(struct mutator *mutator, uint64_t below)
{
    mutator->seed ^= mutator->seed << 13;
    mutator->seed ^= mutator->seed >> 7;
    mutator->seed ^= mutator->seed << 17;
    return (mutator->seed * UINT64_C(0x2545f4914f6cdd1d) >> 20) % below;
}

static inline struct mutable_chunk *add_chunk(struct mutator *mutator, struct chunk_header head,
                                              const uint64_t *words)
{
    if (mutator->count == MUTATOR_CHUNKS)
        return NULL;
    struct mutable_chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk)
        abort();
    chunk->head = head;
    if (words)
        memcpy(chunk->words, words, head.words * sizeof *words);
    return mutator->chunks[mutator->count++] = chunk;
}

static inline void drop_chunk(struct mutator *mutator, size_t number)
{
    free(mutator->chunks[number]);
    memmove(mutator->chunks + number, mutator->chunks + number + 1,
            (--mutator->count - number) * sizeof *mutator->chunks);
}

/* A chunk of the kind (of `or` if there is none), or NULL. */
static inline struct mutable_chunk *draw_chunk(struct mutator *mutator, unsigned kind, unsigned or)
{
    size_t start = mutator->count ? (size_t)draw(mutator, mutator->count) : 0;
    for (size_t i = 0; i < 2 * mutator->count; i++) {
        struct mutable_chunk *chunk = mutator->chunks[(start + i) % mutator->count];
        if (chunk->head.kind == (i < mutator->count ? kind : or))
            return chunk;
    }
    return NULL;
}

/* ---- values ---- */

static inline uint32_t draw_id(struct mutator *mutator)
{
    const struct mutable_chunk *entry = draw_chunk(mutator, CHUNK_DEFINITION, CHUNK_DEFINITION);
    uint32_t near = (uint32_t)draw(mutator, 8) * (draw(mutator, 4) == 0);
    return LAYOUT_PAGE + 8 * (entry ? entry->head.place : (uint32_t)draw(mutator, 64)) + near;
}

static inline uint64_t draw_value(struct mutator *mutator)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     7,
                                     8,
                                     31,
                                     4095,
                                     4096,
                                     UINT64_C(1) << 14,
                                     UINT64_C(1) << 24,
                                     INT32_MAX,
                                     UINT32_MAX,
                                     UINT64_C(1) << 32,
                                     EVENT_CALL_LONG,
                                     UINT64_C(1) << 47,
                                     UINT64_C(1) << 62,
                                     INT64_MAX,
                                     UINT64_C(1) << 63,
                                     UINT64_MAX};
    switch (draw(mutator, 6)) {
    case 0:
        return edges[draw(mutator, sizeof edges / sizeof edges[0])] + draw(mutator, 3) - 1;
    case 1:
        return draw_id(mutator);
    case 2:
        return (uint64_t)draw_id(mutator) << 32 | draw(mutator, 8);
    case 3:
        return 0 - draw(mutator, 140);
    case 4:
        return draw(mutator, UINT64_MAX) >> draw(mutator, 64);
    default:
        return 0x1000 * draw(mutator, 8);
    }
}

/* An event that fits behind `before`: its payload comes after it. */
static inline uint64_t draw_event(struct mutator *mutator, uint64_t before)
{
    uint64_t tick = event_low_tick(before) + draw(mutator, 40);
    uint64_t address = draw(mutator, 3) ? 0x401000 + 16 * draw(mutator, 6)
                                        : (before & EVENT_ADDRESS_MASK) + draw(mutator, 2);
    unsigned length = (unsigned)draw(mutator, draw(mutator, 8) ? 5 : 32);
    uint64_t value = draw(mutator, 3) ? draw_id(mutator) : draw_value(mutator);
    switch (draw(mutator, 8)) {
    case 0:
    case 1:
        return event_function(EVENT_KIND_ENTER, tick, address);
    case 2:
        return event_function(EVENT_KIND_EXIT, tick, address);
    case 3:
        return event_time(draw(mutator, 4) ? draw(mutator, 1 << 24) : draw_value(mutator));
    case 4:
    case 5:
        return event_record((unsigned)draw(mutator, 12), length, tick, value & EVENT_INLINE_MAX);
    default:
        return event_record(EVENT_CALL + (unsigned)draw(mutator, 100), length, tick,
                            (draw(mutator, 4) ? draw(mutator, 5000) : EVENT_CALL_LONG) |
                                (draw(mutator, 2) ? EVENT_CALL_STACK : 0) |
                                (draw(mutator, 2) ? EVENT_CALL_PACKED : 0));
    }
}

/* ---- changes to one chunk ---- */

static inline void insert_words(struct mutable_chunk *chunk, size_t at, size_t count)
{
    if (count > CHUNK_WORDS - (size_t)chunk->head.words)
        count = CHUNK_WORDS - (size_t)chunk->head.words;
    memmove(chunk->words + at + count, chunk->words + at,
            (chunk->head.words - at) * sizeof *chunk->words);
    chunk->head.words = (uint16_t)(chunk->head.words + count);
}

static inline void remove_words(struct mutable_chunk *chunk, size_t at, size_t count)
{
    if (count > chunk->head.words - at)
        count = chunk->head.words - at;
    memmove(chunk->words + at, chunk->words + at + count,
            (chunk->head.words - at - count) * sizeof *chunk->words);
    chunk->head.words = (uint16_t)(chunk->head.words - count);
}

static inline void insert_event(struct mutator *mutator, struct mutable_chunk *chunk, size_t at)
{
    uint64_t event = draw_event(mutator, at ? chunk->words[at - 1] : 0);
    int record = event_kind(event) == EVENT_KIND_RECORD && event_type(event) != EVENT_TIME;
    size_t count = 1 + (record ? event_length(event) : 0);
    if (chunk->head.words + count > CHUNK_WORDS)
        return;
    insert_words(chunk, at, count);
    chunk->words[at] = event;
    for (size_t i = 1; i < count; i++)
        chunk->words[at + i] = draw_value(mutator);
    if (record && count > 1 &&
        (event_type(event) == EVENT_SETJMP || event_type(event) == EVENT_LONGJMP))
        chunk->words[at + 1] = draw(mutator, 3); /* the same buffer again */
    else if (record && draw(mutator, 3) == 0)    /* arguments: type and key, value */
        for (size_t i = 1; i < count; i += 2)
            chunk->words[at + i] = draw(mutator, 5) << 32 | draw_id(mutator);
}

/* A run of events several times: deep stacks, many threads' ends, jumps. */
static inline void repeat_words(struct mutator *mutator, struct mutable_chunk *chunk, size_t at)
{
    size_t run = 1 + (size_t)draw(mutator, 6), times = 1 + (size_t)draw(mutator, 24);
    if (at + run > chunk->head.words || chunk->head.words + run * times > CHUNK_WORDS)
        return;
    insert_words(chunk, at + run, run * times);
    for (size_t i = 0; i < run * times; i++)
        chunk->words[at + run + i] = chunk->words[at + i];
}

static inline void change_events(struct mutator *mutator)
{
    unsigned kind = draw(mutator, 2) ? CHUNK_FINISHED : CHUNK_OPEN;
    struct mutable_chunk *chunk = draw_chunk(mutator, kind, CHUNK_OPEN);
    if (!chunk || chunk->head.words < BLOCK_HEADER_WORDS)
        return;
    size_t room = chunk->head.words - (size_t)BLOCK_HEADER_WORDS;
    size_t at = BLOCK_HEADER_WORDS + (size_t)draw(mutator, room + 1);
    switch (draw(mutator, 6)) {
    case 0:
        repeat_words(mutator, chunk, at);
        break;
    case 1:
        remove_words(chunk, at, 1 + (size_t)draw(mutator, 8));
        break;
    case 2:
        if (at < chunk->head.words)
            chunk->words[at] = draw_value(mutator);
        break;
    default:
        insert_event(mutator, chunk, at);
    }
}

/* A field of four or eight bytes of any structure. */
static inline void change_field(struct mutator *mutator)
{
    static const uint8_t kinds[] = {CHUNK_LIVE,  CHUNK_SLOT,       CHUNK_OPEN,  CHUNK_FINISHED,
                                    CHUNK_ARENA, CHUNK_DEFINITION, CHUNK_PATCH, CHUNK_CUT};
    struct mutable_chunk *chunk =
        draw_chunk(mutator, kinds[draw(mutator, sizeof kinds)], CHUNK_LIVE);
    if (!chunk || chunk->head.words == 0)
        return;
    size_t words = chunk->head.words;
    if (words > BLOCK_HEADER_WORDS &&
        (chunk->head.kind == CHUNK_OPEN || chunk->head.kind == CHUNK_FINISHED))
        words = BLOCK_HEADER_WORDS;
    uint64_t *word = &chunk->words[draw(mutator, words)], value = draw_value(mutator);
    if (draw(mutator, 2))
        *word = value;
    else if (draw(mutator, 2))
        *word = (*word & UINT32_MAX) | value << 32;
    else
        *word = (*word & ~(uint64_t)UINT32_MAX) | (value & UINT32_MAX);
}

/* ---- whole chunks ---- */

static inline size_t put_text(struct mutator *mutator, uint64_t *words, size_t most)
{
    static const char *const texts[] = {"a",    "/tmp/x",     "m\303\251",  "\377\376",
                                        "a\0b", "\"\\\n\001", "very/long/", "_ZN3foo3barEv",
                                        "main", "; "};
    const char *text = texts[draw(mutator, sizeof texts / sizeof texts[0])];
    size_t size = 1 + (size_t)draw(mutator, most), length = strlen(text) + 1;
    for (size_t i = 0; i < size; i++)
        ((char *)words)[i] = text[i % length];
    return size;
}

static inline void draw_call(struct mutator *mutator, struct definition_call *call)
{
    put_text(mutator, (uint64_t *)(void *)call->name, 28);
    call->number = (uint16_t)draw(mutator, draw(mutator, 8) ? 100 : 600);
    call->category = (uint8_t)draw(mutator, CATEGORY_COUNT + 1);
    call->result = (uint8_t)draw(mutator, 7);
    call->flags = (uint8_t)draw(mutator, 4);
    call->field_count = (uint8_t)draw(mutator, CALL_FIELDS + 2);
    for (size_t i = 0; i < CALL_FIELDS; i++)
        call->fields[i] = (uint8_t)draw(mutator, 16);
}

static inline size_t draw_module(struct mutator *mutator, struct definition_module *module)
{
    module->low = 0x401000 + 16 * draw(mutator, 6);
    module->high = module->low + draw(mutator, 200);
    module->bias = draw_value(mutator);
    module->tick = draw_value(mutator);
    module->build_id_size = (uint32_t)draw(mutator, 40);
    module->path_size = (uint32_t)put_text(mutator, (uint64_t *)(void *)(module + 1), 64);
    return sizeof *module + module->path_size;
}

static inline void new_definition(struct mutator *mutator)
{
    struct mutable_chunk *chunk =
        add_chunk(mutator,
                  (struct chunk_header){
                      CHUNK_DEFINITION, (uint8_t)draw(mutator, 3), 0, 0, 0,
                      (uint16_t)(draw(mutator, 2) ? draw(mutator, 64) : draw(mutator, 4000))},
                  NULL);
    if (!chunk)
        return;
    uint64_t *payload = chunk->words + 1, kind = draw(mutator, 10);
    size_t size = 8 * (size_t)draw(mutator, 8);
    for (size_t i = 0; i < size / 8; i++)
        payload[i] = draw_value(mutator);
    if (kind == DEFINITION_STRING)
        size = put_text(mutator, payload, draw(mutator, 16) ? 64 : 6000);
    else if (kind == DEFINITION_CALLS)
        for (size = 0; size < 400 && draw(mutator, 8); size += sizeof(struct definition_call))
            draw_call(mutator, (struct definition_call *)(void *)((char *)payload + size));
    else if (kind == DEFINITION_MODULE)
        size = draw_module(mutator, (struct definition_module *)(void *)payload);
    else if (kind == DEFINITION_STACK) {
        payload[0] = draw(mutator, 4) ? 0x401000 + 16 * draw(mutator, 6) : payload[0];
        payload[1] = draw_id(mutator) | draw(mutator, 4) << 32;
    } else if (kind == DEFINITION_THREAD && draw(mutator, 4))
        payload[0] = draw(mutator, 8) | payload[0] >> 32 << 32;
    chunk->words[0] = kind | (uint64_t)size << 32;
    chunk->head.words = (uint16_t)(1 + (size + 7) / 8);
}

static inline void change_chunks(struct mutator *mutator)
{
    size_t number = mutator->count ? (size_t)draw(mutator, mutator->count) : 0;
    struct mutable_chunk *chunk = mutator->count ? mutator->chunks[number] : NULL;
    struct chunk_header fresh = {(uint8_t)draw(mutator, CHUNK_KINDS), (uint8_t)draw(mutator, 3),
                                 (uint8_t)draw(mutator, 3),           0,
                                 (uint16_t)draw(mutator, 20),         (uint16_t)draw(mutator, 9)};
    switch (draw(mutator, 8)) {
    case 0:
        if (fresh.kind != CHUNK_MANIFEST)
            add_chunk(mutator, fresh, NULL);
        break;
    case 1:
        if (chunk)
            drop_chunk(mutator, number);
        break;
    case 2:
        if (chunk && (chunk = add_chunk(mutator, chunk->head, chunk->words)))
            chunk->head.slot = (uint8_t)draw(mutator, 4);
        break;
    case 3:
        if (chunk)
            chunk->head.image = (uint8_t)draw(mutator, 4);
        break;
    case 4:
        if (chunk && draw(mutator, 4) == 0)
            chunk->head.flags ^= CHUNK_RAW;
        else if (chunk)
            chunk->head.flags ^= CHUNK_SECOND;
        break;
    case 5:
        if (chunk && chunk->head.kind >= CHUNK_DEFINITION)
            chunk->head.place = (uint16_t)(chunk->head.place + draw(mutator, 5) - 2);
        break;
    default:
        new_definition(mutator);
    }
}

static inline void take_chunks(struct mutator *mutator, const uint8_t *data, size_t size)
{
    uint64_t *words = malloc(size + 8);
    const uint64_t *payload;
    struct chunk_header chunk;
    if (!words)
        abort();
    memcpy(words, data, size);
    for (size_t at = 0; chunk_next(words, size / 8, &at, &chunk, &payload);)
        add_chunk(mutator, chunk, payload);
    free(words);
}

static inline size_t give_chunks(struct mutator *mutator, uint8_t *data, size_t most)
{
    size_t size = 0;
    for (size_t i = 0; i < mutator->count; i++) {
        const struct mutable_chunk *chunk = mutator->chunks[i];
        size_t bytes = chunk->head.words * sizeof *chunk->words;
        if (size + sizeof chunk->head + bytes <= most) {
            memcpy(data + size, &chunk->head, sizeof chunk->head);
            memcpy(data + size + sizeof chunk->head, chunk->words, bytes);
            size += sizeof chunk->head + bytes;
        }
    }
    while (mutator->count)
        drop_chunk(mutator, mutator->count - 1);
    return size;
}

#endif
