// Exceptions through several frames, with destructors on the way, caught in the middle, thrown
// again, thrown from a constructor, and thrown and caught inside a destructor that an exception
// runs.
#include "../journal.h"

namespace
{

struct Error {
    int code;
};

__attribute__((noinline)) void leaf()
{
    CALL_AS("(anonymous namespace)::leaf()");
}

struct Guard {
    __attribute__((noinline)) ~Guard()
    {
        CALL_AS("(anonymous namespace)::Guard::~Guard()");
        leaf();
    }
};

struct Thrower {
    __attribute__((noinline)) explicit Thrower(int depth)
    {
        CALL_AS("(anonymous namespace)::Thrower::Thrower(int)");
        if (depth)
            throw Error{1};
    }
};

__attribute__((noinline)) void thrower(int depth)
{
    CALL_AS("(anonymous namespace)::thrower(int)");
    if (depth == 0)
        throw Error{2};
    thrower(depth - 1);
}

__attribute__((noinline)) void guarded(int depth)
{
    CALL_AS("(anonymous namespace)::guarded(int)");
    Guard guard;
    thrower(depth);
}

__attribute__((noinline)) void rethrows()
{
    CALL_AS("(anonymous namespace)::rethrows()");
    try {
        guarded(2);
    } catch (const Error &) {
        leaf();
        throw;
    }
}

__attribute__((noinline)) void translates()
{
    CALL_AS("(anonymous namespace)::translates()");
    try {
        rethrows();
    } catch (const Error &error) {
        throw error.code;
    }
}

struct Careful {
    __attribute__((noinline)) ~Careful()
    {
        CALL_AS("(anonymous namespace)::Careful::~Careful()");
        try {
            thrower(3);
        } catch (const Error &) {
            leaf();
        }
        leaf();
    }
};

__attribute__((noinline)) void careful()
{
    CALL_AS("(anonymous namespace)::careful()");
    Careful one;
    thrower(1);
}

__attribute__((noinline)) void catches()
{
    CALL_AS("(anonymous namespace)::catches()");
    for (int i = 0; i < 3; i++) {
        try {
            thrower(5 * i);
        } catch (const Error &) {
            leaf();
        }
        leaf();
    }
}

} // namespace

int main()
{
    CALL_AS("main");
    catches();
    leaf();
    try {
        translates();
    } catch (const int &) {
        leaf();
    }
    leaf();
    try {
        Thrower thrower(1);
    } catch (...) {
        leaf();
    }
    leaf();
    try {
        careful();
    } catch (...) {
        leaf();
    }
    leaf();
    return journal_print();
}
