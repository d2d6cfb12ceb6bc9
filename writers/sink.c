/* See sink.h.
 *
 * Two buffers: while the writer fills one, a thread of the sink's compresses and writes the other,
 * so that formatting and the kernel's copying go on at the same time. The thread owns `pending`;
 * everything else belongs to the writer. `failed` may be set by both and is only ever set once. */
#include "writers/sink.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER = 4 * SINK_ROOM, COMPRESSED = 64 << 10, GZIP_LEVEL = 4 };

struct sink {
    struct sink_buffer buffer; /* first: sink_room looks at it */
    char *memory[2];
    int filling; /* which one the writer fills */
    int fd;
    _Atomic int failed; /* errno of the first failure */
    pthread_t thread;
    int threaded, closing;
    pthread_mutex_t mutex; /* for pending, pending_size and closing */
    pthread_cond_t changed;
    char *pending; /* what the thread is to write; NULL: nothing */
    size_t pending_size;
    int renames;
    char path[PATH_MAX], temporary[PATH_MAX + 32];
    z_stream *gzip;
};

static void write_out(struct sink *sink, const char *bytes, size_t size)
{
    while (size > 0 && !sink->failed) {
        ssize_t wrote = write(sink->fd, bytes, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0) {
            sink->failed = errno;
            return;
        }
        bytes += wrote;
        size -= (size_t)wrote;
    }
}

static void compress_out(struct sink *sink, char *bytes, size_t size, int flush)
{
    unsigned char out[COMPRESSED];
    sink->gzip->next_in = (unsigned char *)bytes;
    sink->gzip->avail_in = (unsigned)size;
    do {
        sink->gzip->next_out = out;
        sink->gzip->avail_out = sizeof out;
        deflate(sink->gzip, flush);
        write_out(sink, (char *)out, sizeof out - sink->gzip->avail_out);
    } while (sink->gzip->avail_out == 0);
}

static void put_out(struct sink *sink, char *bytes, size_t size)
{
    if (sink->failed)
        return;
    if (sink->gzip)
        compress_out(sink, bytes, size, Z_NO_FLUSH);
    else
        write_out(sink, bytes, size);
}

static void *write_pending(void *data)
{
    struct sink *sink = data;
    pthread_mutex_lock(&sink->mutex);
    for (;;) {
        while (!sink->pending && !sink->closing)
            pthread_cond_wait(&sink->changed, &sink->mutex);
        if (!sink->pending)
            break;
        pthread_mutex_unlock(&sink->mutex);
        put_out(sink, sink->pending, sink->pending_size);
        pthread_mutex_lock(&sink->mutex);
        sink->pending = NULL;
        pthread_cond_signal(&sink->changed);
    }
    pthread_mutex_unlock(&sink->mutex);
    return NULL;
}

/* A signal that ends us leaves no half a file behind. The one that is being written, or "". */
static char unfinished[PATH_MAX + 32];

static void remove_unfinished(int number)
{
    unlink(unfinished);
    raise(number); /* once more, by default */
}

static void watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction before,
            action = {.sa_handler = remove_unfinished, .sa_flags = (int)SA_RESETHAND};
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
    }
}

struct sink *sink_open(const char *path, struct problem *problem)
{
    struct sink *sink = calloc(1, sizeof *sink);
    size_t length = strlen(path);
    if (!sink || !(sink->memory[0] = malloc(2 * BUFFER)) || length >= sizeof sink->path) {
        problem_set(problem,
                    sink && sink->memory[0] ? "the name %.40s… is too long" : "out of memory",
                    path);
        goto out;
    }
    sink->memory[1] = sink->memory[0] + BUFFER;
    sink->buffer = (struct sink_buffer){sink->memory[0], sink->memory[0] + BUFFER};
    memcpy(sink->path, path, length + 1);
    sink->fd = STDOUT_FILENO;
    if (strcmp(path, "-") != 0) {
        struct stat there;
        /* a device or a pipe is written to; a file is replaced when the new one is whole */
        sink->renames = stat(path, &there) != 0 || S_ISREG(there.st_mode) || S_ISDIR(there.st_mode);
        snprintf(sink->temporary, sizeof sink->temporary, sink->renames ? "%s.%d.part" : "%s", path,
                 (int)getpid());
        sink->fd = open(sink->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (sink->fd < 0) {
            problem_set(problem, "cannot write %s: %s; name another file with -o", path,
                        strerror(errno));
            goto out;
        }
        if (sink->renames) {
            strcpy(unfinished, sink->temporary);
            watch_signals();
        }
    }
    if (length > 3 && strcmp(path + length - 3, ".gz") == 0) {
        sink->gzip = calloc(1, sizeof *sink->gzip);
        if (!sink->gzip || deflateInit2(sink->gzip, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8,
                                        Z_DEFAULT_STRATEGY) != Z_OK)
            sink->failed = ENOMEM;
    }
    pthread_mutex_init(&sink->mutex, NULL);
    pthread_cond_init(&sink->changed, NULL);
    sink->threaded = pthread_create(&sink->thread, NULL, write_pending, sink) == 0;
    return sink;
out:
    if (sink)
        free(sink->memory[0]);
    free(sink);
    return NULL;
}

char *sink_flush(struct sink *sink)
{
    char *full = sink->memory[sink->filling];
    size_t size = (size_t)(sink->buffer.at - full);
    if (!sink->threaded) {
        put_out(sink, full, size);
        sink->buffer.at = full;
        return full;
    }
    pthread_mutex_lock(&sink->mutex);
    while (sink->pending)
        pthread_cond_wait(&sink->changed, &sink->mutex);
    sink->pending = full;
    sink->pending_size = size;
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->mutex);
    sink->filling ^= 1;
    char *empty = sink->memory[sink->filling];
    sink->buffer = (struct sink_buffer){empty, empty + BUFFER};
    return empty;
}

/* Waits until everything was written. */
static void join(struct sink *sink)
{
    if (!sink->threaded)
        return;
    pthread_mutex_lock(&sink->mutex);
    sink->closing = 1;
    pthread_cond_signal(&sink->changed);
    pthread_mutex_unlock(&sink->mutex);
    pthread_join(sink->thread, NULL);
}

int sink_close(struct sink *sink, int discard, struct problem *problem)
{
    sink_flush(sink);
    join(sink);
    if (sink->gzip && !sink->failed)
        compress_out(sink, NULL, 0, Z_FINISH);
    if (sink->gzip)
        deflateEnd(sink->gzip);
    if (sink->fd != STDOUT_FILENO && close(sink->fd) != 0 && !sink->failed)
        sink->failed = errno;
    if (sink->renames && !sink->failed && !discard && rename(sink->temporary, sink->path) != 0)
        sink->failed = errno;
    if (sink->renames && (sink->failed || discard))
        unlink(sink->temporary);
    unfinished[0] = '\0';
    int failed = sink->failed;
    if (failed && !discard)
        problem_set(problem, "cannot write %s: %s%s",
                    strcmp(sink->path, "-") == 0 ? "to standard output" : sink->path,
                    strerror(failed),
                    failed == ENOSPC ? "; make room, or name a file on another disk with -o" : "");
    free(sink->gzip);
    free(sink->memory[0]);
    free(sink);
    return failed && !discard ? -1 : 0;
}

void sink_bytes(struct sink *sink, const char *bytes, size_t size)
{
    while (size > 0) {
        size_t part = size < SINK_ROOM ? size : SINK_ROOM;
        sink_wrote(sink, put_bytes(sink_room(sink, part), bytes, part));
        bytes += part;
        size -= part;
    }
}

void sink_string(struct sink *sink, const char *string)
{
    sink_bytes(sink, string, strlen(string));
}

void sink_number(struct sink *sink, uint64_t number)
{
    sink_wrote(sink, put_number(sink_room(sink, 20), number));
}

void sink_json(struct sink *sink, const char *bytes, size_t size)
{
    enum { LONGEST = SINK_ROOM / 8 };
    if (size > LONGEST)
        size = LONGEST;
    struct text text = text_on(sink_room(sink, SINK_ROOM), SINK_ROOM);
    text_json(&text, bytes, size);
    sink_wrote(sink, text.data + text.length);
}

static const char pairs[201] = "0001020304050607080910111213141516171819202122232425262728293031323"
                               "334353637383940414243444546474849"
                               "5051525354555657585960616263646566676869707172737475767778798081828"
                               "384858687888990919293949596979899";

char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t used = 0;
    while (number >= 100) {
        memcpy(digits + sizeof digits - (used += 2), pairs + 2 * (number % 100), 2);
        number /= 100;
    }
    if (number >= 10)
        memcpy(digits + sizeof digits - (used += 2), pairs + 2 * number, 2);
    else
        digits[sizeof digits - ++used] = (char)('0' + number);
    return put_bytes(at, digits + sizeof digits - used, used);
}

char *put_microseconds(char *at, uint64_t nsec)
{
    unsigned fraction = (unsigned)(nsec % 1000);
    at = put_number(at, nsec / 1000);
    *at++ = '.';
    *at++ = (char)('0' + fraction / 100);
    return put_bytes(at, pairs + 2 * (fraction % 100), 2);
}
