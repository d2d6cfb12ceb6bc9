/* What the parts of the Chrome format share: chrome.c writes events, chrome_frames.c the table of
 * stack frames, chrome_samples.c the tracks of samples. */
#ifndef VT_WRITERS_CHROME_H
#define VT_WRITERS_CHROME_H

#include "writers/json_stacks.h"
#include "writers/writer.h"

/* The frames of all stacks, for "stackFrames": a tree in which each has its caller as parent. */
struct chrome_frame {
    uint32_t parent; /* a number, 0: none */
    const char *text;
};
struct chrome_frames {
    struct chrome_frame *list; /* number 1 is the first */
    uint32_t count;
    struct numbering texts, numbers; /* of texts by address; of frames by parent and text */
};

/* A function in the current run of samples. */
struct chrome_sampled {
    const char *function; /* JSON */
    uint64_t start_ns;
};
enum { CHROME_SAMPLED = 1024 };
struct chrome_samples {
    char head[96]; /* "pid":1,"tid":2,"ts": of the current thread's track; "": it has none yet */
    size_t head_length;
    struct chrome_sampled open[CHROME_SAMPLED]; /* outermost first */
    unsigned depth;
    uint64_t end_ns; /* of the last sample */
};

struct chrome {
    char head[96]; /* "pid":1,"tid":2,"ts": of the current thread */
    size_t head_length;
    int comma;
    struct json_stacks stacks;
    struct chrome_frames frames;
    struct chrome_samples samples;
};

/* A comma and a new line, but for the first event. */
void chrome_separate(struct writer *writer);
/* One metadata event: about the process, or (tid not 0) a thread of it. */
void chrome_metadata(struct writer *writer, const char *what, uint64_t tid, const char *key,
                     const char *text, uint64_t number);
/* "pid":1,"tid":2,"ts": into 96 bytes; returns the length. */
size_t chrome_head(char *head, uint64_t pid, uint64_t tid);

/* The key in stackFrames of a stack's innermost frame; 0 for an id that is none. */
uint32_t chrome_stack(struct writer *writer, uint32_t id, uint64_t tick);
/* ,"stackFrames":{…}; nothing when no stack was asked for. */
void chrome_put_frames(struct writer *writer);

void chrome_sample(struct writer *writer, const struct span *span);
/* No more samples of the current thread. */
void chrome_end_samples(struct writer *writer);

#endif
