/* vitte_trace.h: a program's own events in its trace. MIT licence.
 *
 *     #include <vitte_trace.h>
 *
 *     void build(void)
 *     {
 *         VT_SCOPE("compilation_phase");          // until the end of the block
 *         vt_counter_int("open files", 12);
 *         vt_instant("cache miss", 2, (struct vt_arg[]){VT_STRING("key", key), VT_INT("size", n)});
 *     }
 *
 * Nothing needs to be linked. The functions are weak symbols that libvittetrace.so provides when it
 * is preloaded (or linked); without it every macro and function here costs one branch that is
 * always predicted, and does nothing. Everything may be called from any thread and from signal
 * handlers, takes no lock and allocates nothing. Names are copied on first use; strings that are
 * not NUL-terminated go to the forms that end in _n. Times are taken by the library. */
#ifndef VITTE_TRACE_H
#define VITTE_TRACE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define VT_WEAK __attribute__((weak))
#else
#error "vitte_trace.h needs a compiler with weak symbols (gcc, clang)"
#endif

/* Never instrumented itself: in a program built with -finstrument-functions, the exit of the
 * function that opens a scope would end the scope. */
#define VT_UNTRACED __attribute__((no_instrument_function, unused))

/* An argument: a key and a value. Up to VT_MAX_ARGS of them on one event; more are left out. */
enum vt_arg_type { VT_ARG_INT = 1, VT_ARG_DOUBLE = 2, VT_ARG_STRING = 3 };

struct vt_arg {
    const char *key;
    size_t key_length;
    enum vt_arg_type type;
    union {
        int64_t integer;
        double number;
        const char *string;
    } value;
    size_t string_length;
};

#define VT_MAX_ARGS 8

/* One argument, from NUL-terminated strings. */
/* clang-format off */
static inline VT_UNTRACED struct vt_arg VT_INT(const char *key, int64_t value)
{
    struct vt_arg arg;
    memset(&arg, 0, sizeof arg);
    arg.key = key;
    arg.key_length = strlen(key);
    arg.type = VT_ARG_INT;
    arg.value.integer = value;
    return arg;
}
static inline VT_UNTRACED struct vt_arg VT_DOUBLE(const char *key, double value)
{
    struct vt_arg arg = VT_INT(key, 0);
    arg.type = VT_ARG_DOUBLE;
    arg.value.number = value;
    return arg;
}
/* A string of `length` bytes; the key is NUL-terminated. */
static inline VT_UNTRACED struct vt_arg VT_STRING_N(const char *key, const char *data, size_t length)
{
    struct vt_arg arg = VT_INT(key, 0);
    arg.type = VT_ARG_STRING;
    arg.value.string = data;
    arg.string_length = length;
    return arg;
}
static inline VT_UNTRACED struct vt_arg VT_STRING(const char *key, const char *string)
{
    return VT_STRING_N(key, string, strlen(string));
}

/* clang-format on */

/* A place in the source that makes events: static, filled in by VT_SCOPE; `id` belongs to the
   library. */
struct vt_site {
    const char *name;
    const char *file;
    const char *function;
    uint32_t line;
    uint32_t id;
};

/* ---- the library's entry points; call them through the functions below ---- */
VT_WEAK void vt_library_site_begin(struct vt_site *site);
VT_WEAK void vt_library_site_end(struct vt_site *site);
VT_WEAK void vt_library_begin(const char *name, size_t length, unsigned count,
                              const struct vt_arg *args);
VT_WEAK void vt_library_end(void);
VT_WEAK void vt_library_instant(const char *name, size_t length, unsigned count,
                                const struct vt_arg *args);
VT_WEAK void vt_library_counter(const char *name, size_t length, const struct vt_arg *value);
VT_WEAK void vt_library_thread_name(const char *name, size_t length);
VT_WEAK int vt_library_tracer_open(const char *path, size_t length);
VT_WEAK int vt_library_tracer_flush(void);

/* Whether this process is being traced. */
static inline VT_UNTRACED int vt_enabled(void)
{
    return vt_library_begin != NULL;
}

/* ---- scopes ---- */

static inline VT_UNTRACED struct vt_site *vt_scope_open(struct vt_site *site)
{
    if (vt_library_site_begin)
        vt_library_site_begin(site);
    return site;
}
static inline VT_UNTRACED void vt_scope_close(struct vt_site **site)
{
    if (vt_library_site_end)
        vt_library_site_end(*site);
}

#define VT_JOIN2(a, b) a##b
#define VT_JOIN(a, b)  VT_JOIN2(a, b)

/* A scope from here to the end of the enclosing block, however it is left (except by longjmp).
 * `name` is a string literal. */
#define VT_SCOPE(name)                                                                             \
    static struct vt_site VT_JOIN(vt_site_, __LINE__) = {name, __FILE__, NULL, __LINE__, 0};       \
    __attribute__((cleanup(vt_scope_close), unused)) struct vt_site *VT_JOIN(                      \
        vt_scope_, __LINE__) = vt_scope_open(&VT_JOIN(vt_site_, __LINE__))

/* A scope whose name is made at run time. Each begin needs its end, on the same thread, and in the
 * same function where that is instrumented: a function's exit ends the scopes that were begun in
 * it. */
static inline VT_UNTRACED void vt_begin_n(const char *name, size_t length, unsigned count,
                                          const struct vt_arg *args)
{
    if (vt_library_begin)
        vt_library_begin(name, length, count, args);
}
static inline VT_UNTRACED void vt_begin(const char *name, unsigned count, const struct vt_arg *args)
{
    if (vt_library_begin)
        vt_library_begin(name, strlen(name), count, args);
}
static inline VT_UNTRACED void vt_end(void)
{
    if (vt_library_end)
        vt_library_end();
}

/* ---- instants and counters ---- */

static inline VT_UNTRACED void vt_instant_n(const char *name, size_t length, unsigned count,
                                            const struct vt_arg *args)
{
    if (vt_library_instant)
        vt_library_instant(name, length, count, args);
}
static inline VT_UNTRACED void vt_instant(const char *name, unsigned count,
                                          const struct vt_arg *args)
{
    if (vt_library_instant)
        vt_library_instant(name, strlen(name), count, args);
}
static inline VT_UNTRACED void vt_counter_int_n(const char *name, size_t length, int64_t value)
{
    if (vt_library_counter) {
        struct vt_arg arg = VT_INT("", value);
        vt_library_counter(name, length, &arg);
    }
}
static inline VT_UNTRACED void vt_counter_int(const char *name, int64_t value)
{
    vt_counter_int_n(name, strlen(name), value);
}
static inline VT_UNTRACED void vt_counter_double_n(const char *name, size_t length, double value)
{
    if (vt_library_counter) {
        struct vt_arg arg = VT_DOUBLE("", value);
        vt_library_counter(name, length, &arg);
    }
}
static inline VT_UNTRACED void vt_counter_double(const char *name, double value)
{
    vt_counter_double_n(name, strlen(name), value);
}

/* The calling thread's name in the trace; the kernel's name for it stays as it is. */
static inline VT_UNTRACED void vt_thread_name_n(const char *name, size_t length)
{
    if (vt_library_thread_name)
        vt_library_thread_name(name, length);
}
static inline VT_UNTRACED void vt_thread_name(const char *name)
{
    vt_thread_name_n(name, strlen(name));
}

/* ---- a trace file of the program's choosing ---- */

/* From now on vt_tracer_flush writes the session to `path` (its suffix chooses the format), and so
 * does the end of the program, unless the user named a file. 0, or a negative errno: -ENOSYS when
 * the program is not being traced, -ENAMETOOLONG. */
static inline VT_UNTRACED int vt_tracer_open_n(const char *path, size_t length)
{
    return vt_library_tracer_open ? vt_library_tracer_open(path, length) : -ENOSYS;
}
static inline VT_UNTRACED int vt_tracer_open(const char *path)
{
    return vt_tracer_open_n(path, strlen(path));
}

/* Writes everything that the session has up to now, of all its processes. Waits for it. 0, or a
 * negative errno: -ENOSYS when the program is not being traced, -EINVAL without vt_tracer_open,
 * -ENOENT when the vitte-trace command cannot be found, -EIO when it failed (it says why on
 * stderr). */
static inline VT_UNTRACED int vt_tracer_flush(void)
{
    return vt_library_tracer_flush ? vt_library_tracer_flush() : -ENOSYS;
}

#ifdef __cplusplus
}
#endif

#endif
