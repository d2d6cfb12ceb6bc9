/* The ecosystem's example: a tracer on build-trace.json, a phase, and a pass inside it.
 *
 *     cc examples/build_trace.c -Iinclude -o build_trace
 *     LD_PRELOAD=build/libvittetrace.so ./build_trace
 *
 * Without the preload it runs just the same and says that nothing was traced. */
#include "vitte_trace.h"

#include <stdio.h>
#include <time.h>

static void parse(void)
{
    VT_SCOPE("parsing");
    struct timespec pause = {0, 100 * 1000 * 1000};
    nanosleep(&pause, NULL);
    vt_counter_int("tokens", 1200);
}

static void compile(const char *file)
{
    VT_SCOPE("compilation_phase");
    struct vt_arg args[] = {VT_STRING("file", file), VT_INT("bytes", 4711),
                            VT_DOUBLE("ratio", 0.5)};
    vt_instant("compiling", 3, args);
    parse();
}

int main(void)
{
    vt_tracer_open("build-trace.json");
    vt_thread_name("compiler");
    compile("main.vit");
    int result = vt_tracer_flush();
    if (result == 0)
        puts("wrote build-trace.json");
    else
        printf("not traced: %s\n", strerror(-result));
    return result == 0 || result == -ENOSYS ? 0 : 1;
}
