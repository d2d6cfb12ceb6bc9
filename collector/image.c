/* See image.h. */
#include "collector/image.h"

#include "collector/addresses.h"
#include "collector/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* An arena has no room for more: a higher index is damage. */
enum { MAX_THREADS = ARENA_BYTES / (8 + sizeof(struct definition_thread)) };

/* Whether the live file of a process that came to its end was cut off later: it grows by whole
 * slots, and a slot that has finished blocks is in it. */
static int is_cut(const struct image *image)
{
    size_t slots = (image->live_size - LAYOUT_PAGE) / SLOT_BYTES;
    char path[PATH_MAX];
    if (slots == 0)
        return 1; /* the first one is made with the header */
    if (image->header.status == PROCESS_RUNNING)
        return 0;
    for (size_t slot = slots; slot < image->header.slots && slot < SLOT_COUNT; slot++) {
        snprintf(path, sizeof path, "%s/%u-%u.%zu.blocks", image->session->folder,
                 image->summary->pid, image->summary->image, slot);
        if (access(path, F_OK) == 0)
            return 1;
    }
    return (image->live_size - LAYOUT_PAGE) % SLOT_BYTES != 0;
}

static int map_live(struct image *image, struct problem *problem)
{
    char path[PATH_MAX];
    struct stat info;
    snprintf(path, sizeof path, "%s/%u-%u.live", image->session->folder, image->summary->pid,
             image->summary->image);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        problem_set(problem, "cannot read %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    void *live = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    image->live_fd = fd;
    if (live == MAP_FAILED)
        return problem_set(problem, "cannot map %s: %s", path, strerror(errno));
    image->live = live;
    image->live_size = (size_t)info.st_size;
    if (image->live_size < LAYOUT_PAGE)
        return problem_set(
            problem,
            "%s is damaged: cut off inside its header; export with --keep-going to leave "
            "this process out",
            path);
    memcpy(&image->header, live, sizeof image->header);
    if (is_cut(image) && !image->session->keep_going)
        return problem_set(problem,
                           "%s is damaged: cut off after %zu bytes; export with --keep-going "
                           "to take what is left",
                           path, image->live_size);
    return 0;
}

static void add_module(struct image *image, const struct definition_module *module, size_t size)
{
    if (size < sizeof *module || module->path_size > size - sizeof *module ||
        module->build_id_size > sizeof module->build_id)
        return;
    struct module_file *file =
        names_module(image->session->names, (const char *)(module + 1), module->path_size,
                     module->build_id, module->build_id_size);
    for (size_t i = image->module_count; i-- > 0;) {
        const struct image_module *other = &image->modules[i];
        if (module->low >= other->high || other->low >= module->high)
            continue;
        if (other->file == file && other->low == module->low)
            return; /* listed at the start, and announced by its own _init; or loaded once more */
        image->modules_overlap = 1;
        break;
    }
    image->modules = grow_array(image->modules, image->module_count, sizeof *image->modules);
    struct image_module *added = &image->modules[image->module_count++];
    *added = (struct image_module){
        .low = module->low,
        .high = module->high,
        .bias = module->bias,
        .tick = module->tick,
        .file = file,
        .build_id_size = module->build_id_size,
    };
    memcpy(added->build_id, module->build_id, sizeof added->build_id);
}

static char *copy_string(const struct image *image, uint32_t id)
{
    size_t length;
    const char *bytes = arena_string(image->arena, id, &length);
    return strndup(bytes, length);
}

static void add_thread(struct image *image, const struct definition_thread *thread)
{
    if (thread->index >= MAX_THREADS)
        return;
    while (image->thread_count <= thread->index) {
        image->threads = grow_array(image->threads, image->thread_count, sizeof *image->threads);
        image->threads[image->thread_count] =
            (struct image_thread){.index = (uint32_t)image->thread_count};
        image->thread_count++;
    }
    struct image_thread *added = &image->threads[thread->index];
    if (added->tick == 0 || thread->tick < added->tick)
        added->tick = thread->tick; /* the second time it knows when it was made */
    added->tid = thread->tid;
    added->handle = thread->handle;
    added->parent = thread->parent ? thread->parent : added->parent;
    free(added->name);
    added->name = copy_string(image, thread->name);
}

/* Once all threads are known: who makes a thread may name it before it says that it is there. */
static void rename_thread(struct image *image, const struct definition_thread_name *given)
{
    for (size_t i = image->thread_count; i-- > 0;) /* handles are reused: the latest owner */
        if (image->threads[i].handle == given->handle && image->threads[i].tick <= given->tick) {
            free(image->threads[i].name);
            image->threads[i].name = copy_string(image, given->name);
            return;
        }
}

static void add_calls(struct image *image, const struct definition_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct definition_call *call = &calls[i];
        size_t length = strnlen(call->name, sizeof call->name);
        if (call->number >= 1 << EVENT_TYPE_BITS || call->category >= CATEGORY_COUNT ||
            call->field_count > CALL_FIELDS)
            continue;
        while (image->call_count <= call->number) {
            image->calls = grow_array(image->calls, image->call_count, sizeof *image->calls);
            image->calls[image->call_count++] = (struct image_call){.name = NULL};
        }
        image->calls[call->number].definition = *call;
        image->calls[call->number].name =
            names_make(image->session->names, (enum event_category)call->category, "", call->name,
                       length, call->flags & CALL_WAITS);
    }
}

static void visit(void *data, enum definition_kind kind, uint32_t id, const void *payload,
                  size_t size, int inherited)
{
    struct image *image = data;
    (void)id;
    if (kind == DEFINITION_MODULE)
        add_module(image, payload, size);
    else if (kind == DEFINITION_CALLS)
        add_calls(image, payload, size / sizeof(struct definition_call));
    else if (kind == DEFINITION_THREAD && !inherited && size >= sizeof(struct definition_thread))
        add_thread(image, payload);
}

static void visit_names(void *data, enum definition_kind kind, uint32_t id, const void *payload,
                        size_t size, int inherited)
{
    (void)id;
    if (kind == DEFINITION_THREAD_NAME && !inherited &&
        size >= sizeof(struct definition_thread_name))
        rename_thread(data, payload);
}

static void name_image(struct image *image)
{
    size_t length;
    char *exe = copy_string(image, image->header.exe);
    const char *command = image_command(image, &length);
    char *called = strndup(command, strnlen(command, length));
    const char *path = called && called[0] ? called : exe && exe[0] ? exe : "?";
    const char *slash = strrchr(path, '/');
    image->name = strdup(slash && slash[1] ? slash + 1 : path);
    free(called);
    free(exe);
}

struct image *image_open(struct session *session, size_t number, struct problem *problem)
{
    struct problem local = {""};
    struct image *image = calloc(1, sizeof *image);
    if (!image) {
        problem_set(problem, "out of memory");
        return NULL;
    }
    image->session = session;
    image->summary = &session->images[number];
    image->live_fd = -1;
    /* an empty place has a key that belongs elsewhere */
    image->functions[0].key = 1 << 2;
    image->sites[0].key = 1 << 3;
    int failed = map_live(image, &local);
    if (!failed)
        image->arena =
            arena_open(session->folder, image->summary->pid, image->summary->image, &local);
    if (failed || !image->arena) {
        image_close(image);
        if (session->keep_going)
            session->damaged++;
        else
            problem_set(problem, "%s", local.text);
        return NULL;
    }
    arena_walk(image->arena, visit, image);
    arena_walk(image->arena, visit_names, image);
    name_image(image);
    return image;
}

void image_close(struct image *image)
{
    if (!image)
        return;
    if (image->live)
        munmap((void *)(uintptr_t)image->live, image->live_size);
    if (image->live_fd >= 0)
        close(image->live_fd);
    arena_close(image->arena);
    for (size_t i = 0; i < image->thread_count; i++)
        free(image->threads[i].name);
    free(image->threads);
    free(image->modules);
    free(image->calls);
    free(image->name);
    free(image);
}

/* The module that had the address at the time: the last one loaded before it, else the first after.
 */
static const struct image_module *find_module(const struct image *image, uint64_t address,
                                              uint64_t tick)
{
    const struct image_module *best = NULL;
    for (size_t i = 0; i < image->module_count; i++) {
        const struct image_module *module = &image->modules[i];
        if (address < module->low || address >= module->high)
            continue;
        if (!best || (module->tick <= tick ? module->tick >= best->tick || best->tick > tick
                                           : best->tick > tick && module->tick < best->tick))
            best = module;
    }
    return best;
}

const struct name *image_find_function(struct image *image, uint64_t address, uint64_t tick)
{
    size_t at = (size_t)(address >> 2 ^ address >> 14) % 4096;
    const struct image_module *module = find_module(image, address, tick);
    const struct name *name;
    if (module) {
        name = names_function(image->session->names, module->file, address - module->bias);
    } else {
        char text[32];
        int length = snprintf(text, sizeof text, "0x%llx", (unsigned long long)address);
        name = names_make(image->session->names, CATEGORY_FUNCTIONS, "", text, (size_t)length, 0);
    }
    if (!image->modules_overlap) {
        image->functions[at].key = address;
        image->functions[at].name = name;
    }
    return name;
}

int image_frame(struct image *image, uint32_t stack, uint64_t tick, struct image_frame *frame)
{
    const struct definition_stack *entry =
        arena_entry(image->arena, stack, DEFINITION_STACK, sizeof *entry);
    if (!entry)
        return 0;
    frame->address = entry->address - !(entry->flags & STACK_EXACT);
    frame->name = image_function(image, frame->address, tick);
    /* definitions only refer to earlier ones: no way round in circles */
    frame->caller = entry->caller < stack ? entry->caller : 0;
    /* of some programs the tables do not say that nothing called the entry point */
    frame->is_cut = (entry->flags & STACK_CUT) != 0 && strcmp(frame->name->text, "_start") != 0;
    return 1;
}

int image_caller(struct image *image, uint64_t tick, struct image_frame *frame)
{
    return frame->depth++ < STACK_FRAMES_MOST && image_frame(image, frame->caller, tick, frame);
}

size_t image_lines(struct image *image, uint64_t address, uint64_t tick,
                   struct source_frame frames[LINES_FRAMES])
{
    const struct image_module *module = find_module(image, address, tick);
    const struct source_frame *found = NULL;
    size_t count =
        module ? names_lines(image->session->names, module->file, address - module->bias, &found)
               : 0;
    for (size_t i = 0; i < count; i++) {
        frames[i] = found[i];
        if (!frames[i].function)
            frames[i].function = "??";
    }
    if (count == 0)
        frames[count++] = (struct source_frame){.directory = ""};
    /* the symbol says more: ".cold" too */
    frames[count - 1].function = image_function(image, address, tick)->text;
    return count;
}

const struct name *image_find_site(struct image *image, uint64_t inline_value)
{
    size_t at = (size_t)(inline_value / 8) % 256, length;
    uint32_t id = (uint32_t)(inline_value & ~EVENT_INLINE_NAME);
    if (!(inline_value & EVENT_INLINE_NAME)) {
        const struct definition_site *site =
            arena_entry(image->arena, id, DEFINITION_SITE, sizeof *site);
        id = site ? site->name : 0;
    }
    const char *text = arena_string(image->arena, id, &length);
    if (length == 0)
        text = "(name lost)", length = strlen(text);
    const struct name *name =
        names_make(image->session->names, CATEGORY_SCOPES, "", text, length, 0);
    image->sites[at].key = inline_value;
    image->sites[at].name = name;
    return name;
}

const struct image_call *image_call(const struct image *image, unsigned type)
{
    unsigned number = type - EVENT_CALL;
    return type >= EVENT_CALL && number < image->call_count && image->calls[number].name
               ? &image->calls[number]
               : NULL;
}

const struct image_thread *image_thread(const struct image *image, uint32_t index)
{
    return index < image->thread_count && image->threads[index].name ? &image->threads[index]
                                                                     : NULL;
}

const char *image_text(const struct image *image, uint32_t id, size_t *length)
{
    const char *entry = arena_string(image->arena, id, length);
    if (*length)
        return entry;
    entry = arena_entry(image->arena, id, DEFINITION_ADDRESS, 1 + sizeof(sa_family_t));
    if (!entry)
        return "";
    uint64_t header;
    char text[ADDRESS_TEXT];
    memcpy(&header, entry - sizeof header, sizeof header);
    *length = address_show(text, entry, (size_t)(header >> 32));
    return names_make(image->session->names, CATEGORY_IO, "", text, *length, 0)->text;
}

const char *image_command(const struct image *image, size_t *length)
{
    return arena_string(image->arena, image->header.command, length);
}

const struct slot_header *image_slot(const struct image *image, uint32_t slot)
{
    uint64_t at = LAYOUT_PAGE + (uint64_t)slot * SLOT_BYTES;
    if (slot >= image->header.slots || at + SLOT_BYTES > image->live_size)
        return NULL;
    /* a hole is not for reading: of a mapped file on a full tmpfs that would end us with SIGBUS */
    if (lseek(image->live_fd, (off_t)at, SEEK_DATA) != (off_t)at && errno != EINVAL)
        return NULL;
    return (const void *)(image->live + at);
}

/* Tick of the last record in an open block. */
static uint64_t last_tick(const uint64_t *words, uint32_t count)
{
    struct block_header header;
    if (count < BLOCK_HEADER_WORDS)
        return 0;
    memcpy(&header, words, sizeof header);
    uint64_t tick = header.start.tick, epoch = tick >> EVENT_TICK_BITS;
    if (header.magic != BLOCK_MAGIC)
        return 0;
    for (size_t i = BLOCK_HEADER_WORDS; i < count && i < BLOCK_WORDS; i++) {
        uint64_t word = words[i];
        int record = event_kind(word) == EVENT_KIND_RECORD;
        if (event_kind(word) == EVENT_KIND_NONE)
            continue;
        if (record && event_type(word) == EVENT_TIME)
            epoch = event_time_epoch(word);
        else
            tick = epoch << EVENT_TICK_BITS | event_low_tick(word);
        if (record && event_type(word) != EVENT_TIME)
            i += event_length(word);
    }
    return tick;
}

uint64_t image_end_tick(const struct image *image)
{
    if (image->header.status != PROCESS_RUNNING)
        return image->header.end.tick;
    const struct ending *ending = session_ending(image->session, image->summary);
    if (ending)
        return ending->tick;
    if (image->summary->lives == ALIVE_YES && image->session->now)
        return image->session->now;
    uint64_t end = image->header.start.tick;
    for (uint32_t slot = 0; slot < image->header.slots && slot < SLOT_COUNT; slot++) {
        const struct slot_header *header = image_slot(image, slot);
        if (!header)
            continue;
        const uint64_t *buffers = (const void *)(header + 1);
        uint64_t ticks[] = {header->now.call ? header->now.since : 0,
                            last_tick(buffers, header->exist[0]),
                            last_tick(buffers + BLOCK_WORDS, header->exist[1])};
        for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++)
            end = ticks[i] > end ? ticks[i] : end;
    }
    return end;
}
