/* Every function and macro of vitte_trace.h. Also compiled as C++ (api_cxx.cc includes it). Prints
 * what vt_enabled and the tracer calls answered; api WHAT runs one part. */
#include "vitte_trace.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void scopes_in_a_loop(void)
{
    VT_SCOPE("loop");
    for (int i = 0; i < 4; i++) {
        VT_SCOPE("turn");
        if (i == 1)
            continue;
        VT_SCOPE("rest of the turn");
        if (i == 2)
            break;
    }
}

static int scopes_left_early(int how)
{
    VT_SCOPE("left early");
    {
        VT_SCOPE("inner");
        if (how == 1)
            return 1;
        if (how == 2)
            goto out;
    }
    {
        VT_SCOPE("after inner");
        return 0;
    }
out:
    return 2;
}

static void scopes(void)
{
    VT_SCOPE("all");
    scopes_in_a_loop();
    for (int how = 0; how < 3; how++)
        scopes_left_early(how);
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "made at run time %d", i);
        vt_begin(name, 0, NULL);
        vt_begin_n("a part of this name", 6, 0, NULL);
        vt_instant("inside", 0, NULL);
        vt_end();
        vt_end();
    }
    vt_instant_n("an instant|and more", 10, 0, NULL);
}

static void arguments(void)
{
    struct vt_arg integers[] = {VT_INT("smallest", INT64_MIN), VT_INT("largest", INT64_MAX),
                                VT_INT("zero", 0)};
    struct vt_arg numbers[] = {VT_DOUBLE("tenth", 0.1),
                               VT_DOUBLE("huge", DBL_MAX),
                               VT_DOUBLE("tiny", DBL_MIN),
                               VT_DOUBLE("nan", (double)NAN),
                               VT_DOUBLE("inf", (double)INFINITY),
                               VT_DOUBLE("minus inf", -(double)INFINITY)};
    struct vt_arg strings[] = {
        VT_STRING("empty", ""),
        VT_STRING("quotes", "say \"hi\" \\ back"),
        VT_STRING("control", "tab\tline\nbell\a"),
        VT_STRING("utf-8", "h\xc3\xa9llo \xe6\xbc\xa2 \xf0\x9f\x98\x80"),
        VT_STRING("invalid", "a\xff"
                             "b\xc0\xaf"
                             "c\xed\xa0\x80"
                             "d\xe2\x82"),
        VT_STRING_N("part", "only this|not that", 9),
        VT_STRING_N("nul inside", "a\0b", 3),
        VT_STRING("key \"quoted\" \xc3\xa9", "value"),
    };
    struct vt_arg many[12];
    vt_instant("integers", 3, integers);
    vt_instant("numbers", 6, numbers);
    vt_instant("strings", 8, strings);
    vt_begin("scope with arguments", 3, integers);
    vt_end();
    for (int i = 0; i < 12; i++)
        many[i] = VT_INT(i < 8 ? "within" : "left out", i);
    vt_instant("many", 12, many);
}

static void counters(void)
{
    vt_counter_int("int", 1);
    vt_counter_int("int", INT64_MIN);
    vt_counter_int("int", INT64_MAX);
    vt_counter_double("double", 0.25);
    vt_counter_double("double", -1e300);
    vt_counter_int_n("part of int", 4, 44);
    vt_counter_double_n("part of double", 4, 4.5);
    vt_thread_name("named by the program");
    vt_thread_name_n("the last name|", 13);
}

static void print(const char *what, int result)
{
    printf("%s %s\n", what,
           result == 0               ? "0"
           : result == -ENOSYS       ? "ENOSYS"
           : result == -EINVAL       ? "EINVAL"
           : result == -ENOENT       ? "ENOENT"
           : result == -EIO          ? "EIO"
           : result == -ENAMETOOLONG ? "ENAMETOOLONG"
                                     : "?");
    fflush(stdout);
}

static void tracer(const char *path)
{
    char longest[8192];
    memset(longest, 'x', sizeof longest);
    print("flush before open", vt_tracer_flush());
    print("open nothing", vt_tracer_open(""));
    print("open too long", vt_tracer_open_n(longest, sizeof longest));
    print("open", vt_tracer_open(path));
    vt_instant("before the flush", 0, NULL);
    print("flush", vt_tracer_flush());
    vt_instant("after the flush", 0, NULL);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "scopes arguments counters";
    printf("enabled %d\n", vt_enabled());
    if (strstr(what, "scopes"))
        scopes();
    if (strstr(what, "arguments"))
        arguments();
    if (strstr(what, "counters"))
        counters();
    if (strstr(what, "tracer"))
        tracer(argc > 2 ? argv[2] : "mine.ndjson");
    return 0;
}
