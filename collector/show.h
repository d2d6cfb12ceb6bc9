/* Figures and losses in words, the same wherever they are shown. */
#ifndef VT_COLLECTOR_SHOW_H
#define VT_COLLECTOR_SHOW_H

#include "collector/walk.h"

#include <stdio.h>

/* "SIGKILL", or "signal 77" of one that has no name. */
const char *show_signal(char *buffer, int signal);

/* "1.23 ms", "4.50 MiB": at most 16 bytes, in the buffer. */
const char *show_time(char *buffer, uint64_t nsec);
const char *show_bytes(char *buffer, uint64_t bytes);
/* 1 234 567: at most 27 bytes. */
const char *show_count(char *buffer, uint64_t count);

/* Lines about what a session lost or could not see: nothing when there is nothing to say. */
void print_losses(FILE *file, const struct session *session, const struct totals *totals);

#endif
