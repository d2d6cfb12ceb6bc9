// A C++ thread that is cancelled inside read(): its stack is unwound through the call, and every
// object on it is destroyed. So are those of a thread that leaves by pthread_exit, and of one that
// catches what is thrown over a wrapped call's caller. Prints the destructors that ran and the
// calls they made.
#include "../programs/book.h"

#include <cstdlib>
#include <fcntl.h>
#include <pthread.h>
#include <stdexcept>

#define PLAIN __attribute__((no_instrument_function))

namespace
{

int pipe_ends[2], null_fd;
long destroyed, worked, caught;

__attribute__((noinline)) void work()
{
    void *block = opaque(malloc(777));
    worked += write(null_fd, "x", 1) == 1;
    free(block);
}

struct object {
    PLAIN object() {}
    PLAIN ~object()
    {
        work();
        destroyed++;
    }
};

enum ending { CANCEL, LEAVE, THROW };

__attribute__((noinline)) void deep(int depth, ending how)
{
    object here;
    if (depth > 0) {
        deep(depth - 1, how);
    } else if (how == CANCEL) {
        char byte;
        (void)!read(pipe_ends[0], &byte, 1);
    } else if (how == LEAVE) {
        pthread_exit(nullptr);
    } else {
        throw std::runtime_error("thrown");
    }
    work(); // never reached
}

PLAIN void *routine(void *argument)
{
    try {
        deep(9, *static_cast<ending *>(argument));
    } catch (const std::runtime_error &) {
        caught++;
    } catch (...) {
        caught += 100;
        throw;
    }
    return nullptr;
}

} // namespace

PLAIN int main()
{
    null_fd = open("/dev/null", O_WRONLY);
    if (pipe(pipe_ends))
        return 1;
    for (ending how : {CANCEL, LEAVE, THROW}) {
        pthread_t thread;
        pthread_create(&thread, nullptr, routine, &how);
        if (how == CANCEL)
            pthread_cancel(thread);
        pthread_join(thread, nullptr);
    }
    book("destroyed %ld\nworked %ld\ncaught %ld\n", destroyed, worked, caught);
    return 0;
}
