/* The implementation of vitte_trace.h: the program's own scopes, instants, counters and names.
 * Names become site ids in the definitions; an event carries the id alone. */
#include "include/vitte_trace.h"

#include "base/sys.h"
#include "base/text.h"
#include "runtime/definitions.h"
#include "runtime/emit.h"
#include "runtime/export.h"
#include "runtime/process.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* Room for an event of ours, in a process that wants them. Definitions may be written only with it.
 */
static int has_room(void)
{
    return process_captures(CATEGORY_SCOPES) && thread_room() != NULL;
}

static uint32_t string_of(const char *string)
{
    return string ? definitions_string(string, strlen(string)) : 0;
}

static uint32_t site_of(struct vt_site *site)
{
    uint32_t id = __atomic_load_n(&site->id, __ATOMIC_RELAXED);
    if (__builtin_expect(id == 0, 0)) {
        struct definition_site definition = {string_of(site->name), string_of(site->file),
                                             string_of(site->function), site->line};
        id = definitions_append(DEFINITION_SITE, &definition, sizeof definition, NULL, 0);
        __atomic_store_n(&site->id, id, __ATOMIC_RELAXED);
    }
    return id;
}

/* A site for a name alone is the name's string id with the top bit of the inline value set. */
static uint64_t named(const char *name, size_t length)
{
    return EVENT_INLINE_NAME | definitions_string(name, length);
}

static unsigned put_arguments(uint64_t *payload, unsigned count, const struct vt_arg *args)
{
    unsigned words = 0;
    for (unsigned i = 0; i < count && i < VT_MAX_ARGS; i++) {
        payload[words++] =
            (uint64_t)args[i].type << 32 | definitions_string(args[i].key, args[i].key_length);
        if (args[i].type == VT_ARG_STRING)
            payload[words] = definitions_string(args[i].value.string, args[i].string_length);
        else
            memcpy(&payload[words], &args[i].value, sizeof payload[words]);
        words++;
    }
    return words;
}

static void emit_named(unsigned type, const char *name, size_t length, unsigned count,
                       const struct vt_arg *args)
{
    uint64_t payload[2 * VT_MAX_ARGS];
    if (!has_room())
        return;
    uint64_t id = named(name, length);
    unsigned words = put_arguments(payload, count, args);
    emit_record(type, clock_tick(), id, payload, words);
}

EXPORT void vt_library_site_begin(struct vt_site *site)
{
    if (has_room())
        emit_record(EVENT_SCOPE_BEGIN, clock_tick(), site_of(site), NULL, 0);
}

EXPORT void vt_library_site_end(struct vt_site *site)
{
    if (has_room())
        emit_record(EVENT_SCOPE_END, clock_tick(), site_of(site), NULL, 0);
}

EXPORT void vt_library_begin(const char *name, size_t length, unsigned count,
                             const struct vt_arg *args)
{
    emit_named(EVENT_SCOPE_BEGIN, name, length, count, args);
}

EXPORT void vt_library_end(void)
{
    if (has_room())
        emit_record(EVENT_SCOPE_END, clock_tick(), 0, NULL, 0);
}

EXPORT void vt_library_instant(const char *name, size_t length, unsigned count,
                               const struct vt_arg *args)
{
    emit_named(EVENT_INSTANT, name, length, count, args);
}

EXPORT void vt_library_counter(const char *name, size_t length, const struct vt_arg *value)
{
    emit_named(EVENT_COUNTER, name, length, 1, value);
}

EXPORT void vt_library_thread_name(const char *name, size_t length)
{
    if (thread_attach())
        thread_define_name(pthread_self(), name, length);
}

static char tracer_path[PATH_MAX];

EXPORT int vt_library_tracer_open(const char *path, size_t length)
{
    char path_made[PATH_MAX];
    struct text text = text_on(path_made, sizeof path_made);
    if (atomic_load(&process.state) != PROCESS_ON)
        return -ENOSYS;
    if (length == 0)
        return -EINVAL;
    if (path[0] != '/') {
        if (sys_getcwd(path_made, sizeof path_made) < 0)
            return -ENAMETOOLONG;
        text.length = strlen(path_made);
        text_string(&text, "/");
    }
    text_bytes(&text, path, length);
    if (text_overflowed(&text))
        return -ENAMETOOLONG;
    memcpy(tracer_path, path_made, text.length + 1);
    if (!export_request.out_is_users)
        export_request.out = tracer_path;
    return 0;
}

EXPORT int vt_library_tracer_flush(void)
{
    int saved = errno;
    struct export_request request = export_request;
    if (atomic_load(&process.state) != PROCESS_ON)
        return -ENOSYS;
    if (!tracer_path[0])
        return -EINVAL;
    request.out = tracer_path;
    request.format = NULL;
    request.remove = 0;
    request.environment = environ;
    int result = (int)export_run(&request);
    errno = saved;
    return result;
}
