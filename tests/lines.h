/* Reading the JSON event stream line by line, millions of them, without building objects. Strict: a
 * line that is not one flat object with, at most, a nested "args" and "command" is a failed test.
 *
 *     struct stream stream;
 *     struct line line;
 *     stream_open(&stream, "vitte-trace export -f json -o - x.vtrace");
 *     while (stream_next(&stream, &line)) …
 *     ck_assert_int_eq(stream_close(&stream), 0); */
#ifndef VT_TESTS_LINES_H
#define VT_TESTS_LINES_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct slice {
    const char *at; /* strings: as they stand in the file, without the quotes */
    size_t length;
};

struct line {
    const char *text;
    size_t length;
    struct slice type, name, tag, args;
    uint64_t pid, tid, ts, dur, self, depth, aside, events_lost;
};

struct stream {
    FILE *pipe;
    char *buffer;
    size_t start, end, room;
    uint64_t lines;
};

static inline int slice_is(struct slice slice, const char *text)
{
    return slice.length == strlen(text) && memcmp(slice.at, text, slice.length) == 0;
}

static inline int slice_has(struct slice slice, const char *text)
{
    return slice.at && memmem(slice.at, slice.length, text, strlen(text)) != NULL;
}

/* ---- one line ---- */

/* Behind the closing quote of the string that begins at `at` (behind its opening one), or NULL. */
static inline const char *skip_string(const char *at, const char *end)
{
    while (at < end && *at != '"')
        at += 1 + (*at == '\\');
    return at < end ? at + 1 : NULL;
}

/* Behind an object or a list that begins at `at`, or NULL. */
static inline const char *skip_nested(const char *at, const char *end)
{
    int open = 0;
    while (at && at < end) {
        char c = *at++;
        if (c == '"')
            at = skip_string(at, end);
        open += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (open == 0)
            return at;
    }
    return NULL;
}

static inline void line_set(struct line *line, struct slice key, struct slice text, uint64_t number)
{
    static const struct {
        const char *key;
        size_t length, slice, number;
    } members[] = {
#define TEXT(name)   {#name, sizeof #name - 1, offsetof(struct line, name), 0},
#define NUMBER(name) {#name, sizeof #name - 1, 0, offsetof(struct line, name)},
        TEXT(type) TEXT(name) TEXT(tag) NUMBER(pid) NUMBER(tid) NUMBER(ts) NUMBER(dur) NUMBER(self)
            NUMBER(depth) NUMBER(aside) TEXT(args) NUMBER(events_lost)
#undef TEXT
#undef NUMBER
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (members[i].length != key.length || memcmp(members[i].key, key.at, key.length) != 0)
            continue;
        if (members[i].slice)
            memcpy((char *)line + members[i].slice, &text, sizeof text);
        else
            memcpy((char *)line + members[i].number, &number, sizeof number);
        return;
    }
}

/* Takes one "key":value apart; behind it, or NULL. */
static inline const char *line_member(struct line *line, const char *at, const char *end)
{
    struct slice key = {at + 1, 0}, text = {NULL, 0};
    uint64_t number = 0;
    const char *behind = at < end && *at == '"' ? skip_string(at + 1, end) : NULL;
    if (!behind || behind >= end || *behind != ':')
        return NULL;
    key.length = (size_t)(behind - key.at) - 1;
    at = behind + 1;
    if (at < end && *at == '"') {
        behind = skip_string(at + 1, end);
        text = (struct slice){at + 1, behind ? (size_t)(behind - at) - 2 : 0};
    } else if (at < end && (*at == '{' || *at == '[')) {
        behind = skip_nested(at, end);
        text = (struct slice){at, behind ? (size_t)(behind - at) : 0};
    } else {
        for (behind = at; behind < end && *behind >= '0' && *behind <= '9'; behind++)
            number = number * 10 + (uint64_t)(*behind - '0');
        if (behind == at)
            return NULL;
    }
    if (behind)
        line_set(line, key, text, number);
    return behind;
}

/* 1 when the line (without its newline) is what the stream promises. */
static inline int line_read(struct line *line, const char *text, size_t length)
{
    const char *at = text + 1, *end = text + length - 1;
    memset(line, 0, sizeof *line);
    line->text = text;
    line->length = length;
    if (length < 2 || text[0] != '{' || *end != '}')
        return 0;
    while (at && at < end) {
        at = line_member(line, at, end);
        if (at && at < end)
            at = *at == ',' ? at + 1 : NULL;
    }
    return at == end && line->type.at != NULL;
}

/* ---- a stream of them ---- */

static inline void stream_open(struct stream *stream, const char *command)
{
    memset(stream, 0, sizeof *stream);
    stream->room = 1 << 20;
    stream->buffer = malloc(stream->room);
    stream->pipe = popen(command, "r");
    ck_assert_ptr_nonnull(stream->buffer);
    ck_assert_ptr_nonnull(stream->pipe);
}

/* More bytes behind those that are there; 0 at the end. */
static inline int stream_fill(struct stream *stream)
{
    memmove(stream->buffer, stream->buffer + stream->start, stream->end - stream->start);
    stream->end -= stream->start;
    stream->start = 0;
    ck_assert_msg(stream->end < stream->room, "a line of more than %zu bytes", stream->room);
    ssize_t got =
        read(fileno(stream->pipe), stream->buffer + stream->end, stream->room - stream->end);
    ck_assert_int_ge((int)got, 0);
    stream->end += (size_t)got;
    return got > 0;
}

/* The next line, valid until the one after it is asked for; 0 at the end. */
static inline int stream_next(struct stream *stream, struct line *line)
{
    for (;;) {
        char *at = stream->buffer + stream->start;
        char *newline = memchr(at, '\n', stream->end - stream->start);
        if (newline) {
            stream->start = (size_t)(newline - stream->buffer) + 1;
            stream->lines++;
            if (!line_read(line, at, (size_t)(newline - at)))
                ck_abort_msg("not a line of the stream: %.*s", (int)(newline - at), at);
            return 1;
        }
        if (!stream_fill(stream)) {
            ck_assert_msg(stream->end == stream->start, "the last line has no newline");
            return 0;
        }
    }
}

/* The command's exit code, or 128 + its signal. */
static inline int stream_close(struct stream *stream)
{
    int status = pclose(stream->pipe);
    free(stream->buffer);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
