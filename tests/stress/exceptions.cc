// Exceptions through instrumented frames with destructors.
#include "stress.h"

static thread_local int guards;

struct guard {
    PLAIN guard() { guards = guards + 1; }
    NOINLINE ~guard();
};

guard::~guard()
{
    BOOK(guard);
    guards = guards - 1;
}

static NOINLINE void throw_from(int depth)
{
    BOOK(throw_from);
    guard here;
    if (depth == 0)
        throw 4711;
    throw_from(depth - 1);
    stress_failed(__FILE__, __LINE__, "it went on");
}

extern "C" NOINLINE int catch_it(int depth)
{
    BOOK(catch_it);
    int before = guards;
    try {
        throw_from(depth);
    } catch (int number) {
        return number == 4711 && guards == before;
    }
    return 0;
}
