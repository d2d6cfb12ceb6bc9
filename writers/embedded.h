/* Files that the writers carry inside them: NUL-terminated. */
#ifndef VT_WRITERS_EMBEDDED_H
#define VT_WRITERS_EMBEDDED_H

extern const char embedded_flamegraph_script[], embedded_flamegraph_style[];

#endif
