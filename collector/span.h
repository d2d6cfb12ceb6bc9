/* What a trace consists of, as writers see it: spans with a start and a duration, instants,
 * counters. A span is given when it ends, so those inside it come first. Everything pointed to is
 * valid during the call only, but for names. */
#ifndef VT_COLLECTOR_SPAN_H
#define VT_COLLECTOR_SPAN_H

#include "collector/image.h"

/* A span that is open. */
struct frame {
    const struct name *name;
    uint64_t key;   /* address, site, or 0 */
    uint64_t start; /* ticks */
    uint64_t start_ns;
    uint64_t children_ns;      /* time of the finished spans directly in it */
    const uint64_t *arguments; /* copied payload of a scope, or NULL */
    uint32_t argument_words;
    uint32_t mark; /* the visitor's own, 0 when the frame is new */
    uint8_t kind;  /* EVENT_KIND_ENTER, or EVENT_SCOPE_BEGIN */
};

struct thread_view {
    uint32_t index, tid;
    const char *name; /* "" when it has none */
    uint64_t start_ns;
};

/* A sample stands for `duration_ns` of CPU time up to its moment; its name is that of the function
 * that was executing. */
enum span_kind { SPAN_COMPLETE, SPAN_INSTANT, SPAN_COUNTER, SPAN_SAMPLE };

enum span_flags {
    SPAN_UNFINISHED = 1, /* open when the process died, or when the session was read */
    SPAN_UNWOUND = 2,    /* ended without an exit: longjmp, or a missing event */
    SPAN_RECURSIVE = 4,  /* inside a span of the same name */
    SPAN_ASIDE = 8,      /* overlaps the thread's other spans: no part of its stack, no self time */
};

struct span {
    enum span_kind kind;
    unsigned flags;
    const struct name *name;
    uint64_t start_ns, duration_ns; /* since the session's start */
    uint64_t self_ns;               /* without the spans directly in it */
    uint64_t sampled_ns;           /* how much of self_ns is CPU time that samples stand for, too */
    struct frame *stack;           /* the open spans around it, outermost first */
    size_t depth;                  /* how many */
    const struct image_call *call; /* for calls: what the payload means; else NULL */
    const uint64_t *payload;       /* a call's words, or pairs of arguments (event.h) */
    unsigned words;
    uint32_t native; /* id of the stack of the program's own functions (image_frame), or 0 */
    uint64_t tick;   /* for image_frame */
};

/* What kind of thing it tells of: of a sample that is not the function that it is named after. */
static inline enum event_category span_category(const struct span *span)
{
    return span->kind == SPAN_SAMPLE ? CATEGORY_SAMPLES : (enum event_category)span->name->category;
}

/* Who wants to see them. Every function may be NULL. */
struct visitor {
    void (*image)(void *data, struct image *image);
    void (*thread)(void *data, struct image *image, const struct thread_view *thread);
    void (*span)(void *data, const struct span *span);
    /* One that a filter keeps from span(), for those who have to follow all of them. */
    void (*left_out)(void *data, const struct span *span);
    void (*thread_end)(void *data, uint64_t end_ns); /* of the current thread */
    void (*image_end)(void *data, struct image *image);
    void *data;
    int heap; /* the size of the heap over time too, as counters behind each image's threads */
};

/* ---- what a span's payload says ---- */

enum argument_type { ARGUMENT_INTEGER, ARGUMENT_DOUBLE, ARGUMENT_STRING, ARGUMENT_POINTER };

struct argument {
    const char *key;
    size_t key_length;
    enum argument_type type;
    int64_t integer; /* also a pointer */
    double number;
    const char *string; /* not NUL-terminated */
    size_t string_length;
};

enum { MAX_ARGUMENTS = 24 };

/* The arguments of a span, decoded; returns how many. A failed call has its error as "error".
 * Strings that are made here live in `scratch`. */
struct argument_scratch {
    char text[4096];
    size_t used;
};
size_t span_arguments(struct image *image, const struct span *span, struct argument *arguments,
                      struct argument_scratch *scratch);

/* The result word of a call span, or 0. Negative: a negative errno. */
int64_t span_result(const struct span *span);
/* The word of the descriptor that the call made, as a FIELD_FD's; or 0. */
uint64_t span_opened(const struct span *span);
/* The first field of the kind, or 0. */
uint64_t span_field(const struct span *span, enum call_field field);

#endif
