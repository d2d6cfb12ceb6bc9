/* Building targets while a test runs, for those that the makefile cannot make: other compilers,
 * stripped files, libraries to be loaded. */
#ifndef VT_TESTS_SOURCES_H
#define VT_TESTS_SOURCES_H

#include "tests/support.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A source file of the tests ("instrumented/fib.c"), absolute: this program's binary lies somewhere
 * below the tree. A static buffer of 4. */
static inline const char *source_file(const char *name)
{
    static char paths[4][PATH_MAX + 64], up[PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    ssize_t length = readlink("/proc/self/exe", up, sizeof up - 1);
    ck_assert_int_gt((int)length, 0);
    up[length] = '\0';
    for (char *slash; (slash = strrchr(up, '/'));) {
        *slash = '\0';
        snprintf(path, sizeof paths[0], "%s/tests/%.60s", up, name);
        if (access(path, R_OK) == 0)
            return path;
    }
    ck_abort_msg("tests/%s is not in any folder above this test's binary", name);
    return NULL;
}

/* Runs a compiler; the Debian package is named when it is not there. */
#define build(package, ...)                                                                        \
    do {                                                                                           \
        struct outcome built_ = shell(__VA_ARGS__);                                                \
        ck_assert_msg(built_.code == 0, "cannot build the target (it needs Debian's %s): %s",      \
                      package, built_.err);                                                        \
        outcome_free(&built_);                                                                     \
    } while (0)

#endif
