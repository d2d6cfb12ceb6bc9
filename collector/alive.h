/* Whether anybody may still write into a session: a daemon that outlived the command, or a child
 * that has not come to its first event yet. What is asked is /proc, not the session's files: a
 * process that still has to make its own there is found by what it inherited, its parent's mapping
 * of them (a fork's child) or the ticket in its environment (an exec's). */
#ifndef VT_COLLECTOR_ALIVE_H
#define VT_COLLECTOR_ALIVE_H

#include <stdint.h>

int session_goes_on(const char *folder);

enum alive {
    ALIVE_NO,
    ALIVE_YES,
    ALIVE_PERHAPS, /* somebody has this number, and does not show what he is */
};

/* Whether the process still has the image's files. One in another pid namespace is not found. */
enum alive image_lives(const char *folder, uint32_t pid, uint32_t image);

#endif
