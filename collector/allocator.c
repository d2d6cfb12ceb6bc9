/* See allocator.h. */
#include "collector/allocator.h"

#include <string.h>

enum allocator_role allocator_role_of(const struct image_call *call)
{
    const struct definition_call *definition = &call->definition;
    if (definition->category != CATEGORY_MEMORY)
        return ALLOCATOR_NONE;
    if (definition->flags & CALL_BEFORE)
        return strncmp(definition->name, "realloc_begins", CALL_NAME_BYTES) == 0
                   ? ALLOCATOR_MOVES
                   : ALLOCATOR_RELEASES;
    return definition->result != RESULT_POINTER     ? ALLOCATOR_NONE
           : definition->fields[0] == FIELD_POINTER ? ALLOCATOR_REALLOCATES
                                                    : ALLOCATOR_ALLOCATES;
}

unsigned allocator_size_at(enum allocator_role role)
{
    return role == ALLOCATOR_ALLOCATES ? 1 : role == ALLOCATOR_REALLOCATES ? 2 : 0;
}

uint64_t allocator_gave(const struct span *span)
{
    enum allocator_role role = span->call ? allocator_role_of(span->call) : ALLOCATOR_NONE;
    unsigned size_at = allocator_size_at(role);
    return size_at && span->words > size_at && span->payload[0] ? span->payload[size_at] : 0;
}

uint64_t allocator_took(const struct span *span)
{
    enum allocator_role role = span->call ? allocator_role_of(span->call) : ALLOCATOR_NONE;
    return (role == ALLOCATOR_RELEASES || role == ALLOCATOR_MOVES) && span->words ? span->payload[0]
                                                                                  : 0;
}

uint64_t allocator_left(const struct span *span)
{
    int is_move =
        span->call && allocator_role_of(span->call) == ALLOCATOR_REALLOCATES && span->words > 2;
    return is_move && !span->payload[0] && span->payload[2] ? span->payload[1] : 0;
}

int allocator_caller(struct image *image, uint32_t stack, uint64_t tick, struct image_frame *frame)
{
    *frame = (struct image_frame){.caller = stack};
    while (image_caller(image, tick, frame) && name_is_allocator(frame->name))
        ;
    return frame->name != NULL;
}
