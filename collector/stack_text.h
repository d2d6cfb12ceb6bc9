/* A stack in words: a frame a line, innermost first, with its place in the source where that is
 * known; a function that the compiler put into another one has a line of its own. */
#ifndef VT_COLLECTOR_STACK_TEXT_H
#define VT_COLLECTOR_STACK_TEXT_H

#include "collector/image.h"

#define STACK_TEXT_NONE "[no stack]"
#define STACK_TEXT_CUT  "[outer frames are missing]"

/* Lives as long as the session; equal stacks are the same pointer. */
const char *stack_text(struct image *image, uint32_t stack, uint64_t tick);

#endif
