/* Decoding payloads into keys and values: the reading side of call rows and of vitte_trace.h. */
#include "collector/span.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const char *const field_keys[] = {
    [FIELD_FD] = "fd",
    [FIELD_BYTES] = "size",
    [FIELD_POINTER] = "pointer",
    [FIELD_PATH] = "path",
    [FIELD_FLAGS] = "flags",
    [FIELD_OFFSET] = "offset",
    [FIELD_NUMBER] = "number",
    [FIELD_PID] = "pid",
    [FIELD_THREAD] = "thread",
    [FIELD_LOCK] = "lock",
    [FIELD_CONDITION] = "condition",
    [FIELD_NAME] = "name",
    [FIELD_ARGUMENTS] = "command",
    [FIELD_COMMAND] = "command",
    [FIELD_TARGET] = "target",
    [FIELD_TARGET_FD] = "to_fd",
    [FIELD_PEER] = "peer",
    [FIELD_SERVICE] = "service",
    [FIELD_COUNT] = "count",
    [FIELD_TIMEOUT] = "timeout_ms",
    [FIELD_SIGNAL] = "signal",
    [FIELD_STATUS] = "status",
    [FIELD_REQUEST] = "request",
    [FIELD_FAMILY] = "family",
    [FIELD_SOCKET_TYPE] = "type",
    [FIELD_LEVEL] = "level",
    [FIELD_OPTION] = "option",
    [FIELD_HOLDER] = "holder_tid",
    [FIELD_CODE] = "taken_in",
    [FIELD_WAITERS] = "waiters",
};

struct list {
    struct argument *items;
    size_t count;
    struct argument_scratch *scratch;
    uint64_t end_ns; /* of the span */
};

static struct argument *add(struct list *list, const char *key, enum argument_type type)
{
    struct argument *argument =
        &list->items[list->count < MAX_ARGUMENTS - 1 ? list->count : MAX_ARGUMENTS - 1];
    if (list->count < MAX_ARGUMENTS - 1)
        list->count++;
    *argument = (struct argument){.key = key, .key_length = strlen(key), .type = type};
    return argument;
}

static void add_integer(struct list *list, const char *key, int64_t value)
{
    add(list, key, ARGUMENT_INTEGER)->integer = value;
}

static void add_pointer(struct list *list, const char *key, uint64_t value)
{
    add(list, key, ARGUMENT_POINTER)->integer = (int64_t)value;
}

static void add_string(struct list *list, const char *key, const char *string, size_t length)
{
    struct argument *argument = add(list, key, ARGUMENT_STRING);
    argument->string = string;
    argument->string_length = length;
}

static void add_id(struct list *list, const struct image *image, const char *key, uint32_t id)
{
    size_t length;
    const char *string = image_text(image, id, &length);
    if (id)
        add_string(list, key, string, length);
}

/* Room in the scratch text, or NULL. */
static char *scratch(struct list *list, size_t size)
{
    struct argument_scratch *room = list->scratch;
    if (size > sizeof room->text - room->used)
        return NULL;
    room->used += size;
    return room->text + room->used - size;
}

static void add_error(struct list *list, int64_t error)
{
    const char *name = error == (int)error ? strerrorname_np((int)error) : NULL;
    if (name)
        add_string(list, "error", name, strlen(name));
    else
        add_integer(list, "error", error);
}

static void add_flags(struct list *list, uint64_t flags)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{O_CREAT, "O_CREAT"},   {O_EXCL, "O_EXCL"},           {O_TRUNC, "O_TRUNC"},
                 {O_APPEND, "O_APPEND"}, {O_NONBLOCK, "O_NONBLOCK"},   {O_CLOEXEC, "O_CLOEXEC"},
                 {O_PATH, "O_PATH"},     {O_DIRECTORY, "O_DIRECTORY"}, {O_NOFOLLOW, "O_NOFOLLOW"}};
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "3"};
    char *text = scratch(list, 160);
    if (!text)
        return;
    size_t length = (size_t)snprintf(text, 160, "%s", modes[flags & 3]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((flags & names[i].bit) == names[i].bit)
            length += (size_t)snprintf(text + length, 160 - length, "|%s", names[i].name);
    add_string(list, "flags", text, length);
}

/* A command line as one string: the arguments with spaces between them. */
static void add_command(struct list *list, const struct image *image, uint32_t id)
{
    size_t length;
    const char *command = arena_string(image->arena, id, &length);
    if (length > 1024)
        length = 1024;
    char *text = scratch(list, length);
    if (!text)
        return;
    for (size_t i = 0; i < length; i++)
        text[i] = command[i] ? command[i] : ' ';
    add_string(list, "command", text, length);
}

static void add_thread(struct list *list, const struct image *image, uint64_t handle)
{
    size_t hint = 0;
    for (size_t i = image->thread_count; i-- > 0;) /* handles are reused: who had it by then */
        if (image->threads[i].handle == handle && image->threads[i].name &&
            clock_map_nsec(&image->session->clock, image->threads[i].tick, &hint) <= list->end_ns) {
            add_integer(list, "thread", image->threads[i].tid);
            return;
        }
    add_pointer(list, "thread", handle);
}

/* A word with a name, in a table that ends with NULL; else its number. */
struct word_name {
    int64_t word;
    const char *name;
};

static void add_named(struct list *list, const char *key, int64_t word,
                      const struct word_name *names)
{
    for (; names->name; names++)
        if (names->word == word) {
            add_string(list, key, names->name, strlen(names->name));
            return;
        }
    add_integer(list, key, word);
}

static const struct word_name families[] = {{AF_UNIX, "AF_UNIX"},     {AF_INET, "AF_INET"},
                                            {AF_INET6, "AF_INET6"},   {AF_NETLINK, "AF_NETLINK"},
                                            {AF_PACKET, "AF_PACKET"}, {0, NULL}};
static const struct word_name socket_types[] = {{SOCK_STREAM, "SOCK_STREAM"},
                                                {SOCK_DGRAM, "SOCK_DGRAM"},
                                                {SOCK_SEQPACKET, "SOCK_SEQPACKET"},
                                                {SOCK_RAW, "SOCK_RAW"},
                                                {0, NULL}};

static void add_signal(struct list *list, const char *key, int signal)
{
    const char *name = sigabbrev_np(signal);
    char *text = name ? scratch(list, 24) : NULL;
    if (text)
        add_string(list, key, text, (size_t)snprintf(text, 24, "SIG%s", name));
    else
        add_integer(list, key, signal);
}

/* How a child ended, as the shell would have it: its code, or the signal that killed it. */
static void add_status(struct list *list, int64_t word)
{
    int status = (int)word;
    if (word < 0)
        return;
    if (WIFEXITED(status))
        add_integer(list, "exit_status", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        add_signal(list, "killed_by", WTERMSIG(status));
    else if (WIFSTOPPED(status))
        add_signal(list, "stopped_by", WSTOPSIG(status));
}

/* Whoever holds a lock: by its number, and by its name where it is one of this process. */
static void add_holder(struct list *list, const struct image *image, uint32_t tid)
{
    if (!tid)
        return;
    add_integer(list, field_keys[FIELD_HOLDER], tid);
    for (size_t i = image->thread_count; i-- > 0;)
        if (image->threads[i].tid == tid && image->threads[i].name) {
            add_string(list, "holder", image->threads[i].name, strlen(image->threads[i].name));
            return;
        }
}

/* A return address: the function that made the call. */
static void add_code(struct list *list, struct image *image, uint64_t address)
{
    const struct name *name = address ? image_function(image, address - 1, 0) : NULL;
    if (name)
        add_string(list, field_keys[FIELD_CODE], name->text, strlen(name->text));
}

/* What a descriptor is: beside a path of the call's own, it is the folder that the path begins in.
 */
static const char *descriptor_key(const struct definition_call *call)
{
    return memchr(call->fields, FIELD_PATH, sizeof call->fields) ? "folder" : "path";
}

static void add_field(struct list *list, struct image *image, const struct definition_call *call,
                      enum call_field field, uint64_t word)
{
    const char *key = field < sizeof field_keys / sizeof field_keys[0] ? field_keys[field] : NULL;
    if (!key)
        return;
    switch (field) {
    case FIELD_FD:
        add_integer(list, key, (int32_t)(uint32_t)word);
        add_id(list, image, descriptor_key(call), (uint32_t)(word >> 32));
        break;
    case FIELD_TARGET_FD:
        add_integer(list, key, (int32_t)(uint32_t)word);
        add_id(list, image, "to", (uint32_t)(word >> 32));
        break;
    case FIELD_PATH:
    case FIELD_NAME:
    case FIELD_COMMAND:
    case FIELD_TARGET:
    case FIELD_PEER:
    case FIELD_SERVICE:
        add_id(list, image, key, (uint32_t)word);
        break;
    case FIELD_FLAGS:
        add_flags(list, word);
        break;
    case FIELD_ARGUMENTS:
        add_command(list, image, (uint32_t)word);
        break;
    case FIELD_THREAD:
        add_thread(list, image, word);
        break;
    case FIELD_POINTER:
    case FIELD_LOCK:
    case FIELD_CONDITION:
    case FIELD_REQUEST:
        add_pointer(list, key, word);
        break;
    case FIELD_SIGNAL:
        add_signal(list, key, (int)word);
        break;
    case FIELD_STATUS:
        add_status(list, (int64_t)word);
        break;
    case FIELD_FAMILY:
        add_named(list, key, (int64_t)word, families);
        break;
    case FIELD_SOCKET_TYPE:
        add_named(list, key, (int64_t)word & 0xf, socket_types);
        break;
    case FIELD_HOLDER:
        add_holder(list, image, (uint32_t)word);
        break;
    case FIELD_CODE:
        add_code(list, image, word);
        break;
    default:
        add_integer(list, key, (int64_t)word);
    }
}

static void add_result(struct list *list, enum call_result result, int64_t word)
{
    if (result == RESULT_POINTER || (result == RESULT_MAPPED && word >= 0))
        add_pointer(list, "result", (uint64_t)word);
    else if (result == RESULT_ANSWER)
        add_integer(list, "result", word);
    else if (result == RESULT_ERROR && word != 0)
        add_error(list, word);
    else if (result != RESULT_NONE && result != RESULT_ERROR && word < 0)
        add_error(list, (int64_t)(0 - (uint64_t)word));
    else if (result == RESULT_BYTES)
        add_integer(list, "bytes", word);
    else if (result == RESULT_NUMBER || result == RESULT_FD)
        add_integer(list, "result", word);
}

static int64_t result_word(const struct span *span)
{
    return span->call && !(span->call->definition.flags & CALL_BEFORE) && span->words
               ? (int64_t)span->payload[0]
               : 0;
}

int64_t span_result(const struct span *span)
{
    int64_t word = result_word(span);
    return word > 0 && span->call->definition.result == RESULT_FD ? (int64_t)(uint32_t)word : word;
}

uint64_t span_opened(const struct span *span)
{
    int64_t word = result_word(span);
    return word > 0 && span->call->definition.result == RESULT_FD ? (uint64_t)word : 0;
}

/* The word of field number `i`, whether it is there. */
static int field_word(const struct span *span, unsigned i, uint64_t *word)
{
    unsigned at = i + !(span->call->definition.flags & CALL_BEFORE);
    if (at >= span->words)
        return 0;
    *word = span->payload[at];
    return 1;
}

uint64_t span_field(const struct span *span, enum call_field field)
{
    uint64_t word;
    for (unsigned i = 0; span->call && i < span->call->definition.field_count; i++)
        if (span->call->definition.fields[i] == field && field_word(span, i, &word))
            return word;
    return 0;
}

static void add_user_argument(struct list *list, const struct image *image, uint64_t key_word,
                              uint64_t value)
{
    size_t key_length;
    const char *key = arena_string(image->arena, (uint32_t)key_word, &key_length);
    struct argument *argument = add(list, "", ARGUMENT_INTEGER);
    argument->key = key_length ? key : "value";
    argument->key_length = key_length ? key_length : strlen("value");
    argument->integer = (int64_t)value;
    if (key_word >> 32 == EVENT_ARGUMENT_DOUBLE) {
        argument->type = ARGUMENT_DOUBLE;
        memcpy(&argument->number, &value, sizeof value);
    } else if (key_word >> 32 == EVENT_ARGUMENT_STRING) {
        argument->type = ARGUMENT_STRING;
        argument->string = arena_string(image->arena, (uint32_t)value, &argument->string_length);
    }
}

size_t span_arguments(struct image *image, const struct span *span, struct argument *arguments,
                      struct argument_scratch *scratch_text)
{
    struct list list = {arguments, 0, scratch_text, span->start_ns + span->duration_ns};
    uint64_t word;
    scratch_text->used = 0;
    if (!span->call) {
        for (unsigned i = 0; i + 1 < span->words; i += 2)
            add_user_argument(&list, image, span->payload[i], span->payload[i + 1]);
    } else {
        const struct definition_call *call = &span->call->definition;
        for (unsigned i = 0; i < call->field_count; i++)
            if (field_word(span, i, &word))
                add_field(&list, image, call, (enum call_field)call->fields[i], word);
        if (!(call->flags & CALL_BEFORE) && span->words && !(span->flags & SPAN_UNFINISHED))
            add_result(&list, (enum call_result)call->result, span_result(span));
    }
    if (span->flags & SPAN_UNFINISHED)
        add_integer(&list, "unfinished", 1);
    if (span->flags & SPAN_UNWOUND)
        add_integer(&list, "unwound", 1);
    return list.count;
}
