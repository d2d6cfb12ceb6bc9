// What C++ makes of timed locks and conditions: glibc's calls that take a clock (H62). Each but the
// last of a kind runs out of time. Prints what went wrong, if anything.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;

static std::mutex mutex;
static std::condition_variable condition;
static std::timed_mutex timed;
static std::recursive_timed_mutex again;
static std::shared_timed_mutex shared;
static int wrong;

static void expect(bool right, const char *what)
{
    if (right)
        return;
    std::printf("%s\n", what);
    wrong = 1;
}

static void too_late()
{
    expect(!timed.try_lock_for(1ms), "timed_mutex::try_lock_for");
    expect(!timed.try_lock_until(std::chrono::system_clock::now() + 1ms), "try_lock_until");
    expect(!again.try_lock_for(1ms), "recursive_timed_mutex::try_lock_for");
    expect(!shared.try_lock_for(1ms), "shared_timed_mutex::try_lock_for");
    expect(!shared.try_lock_shared_for(1ms), "shared_timed_mutex::try_lock_shared_for");
}

int main()
{
    alarm(30);
    {
        std::unique_lock<std::mutex> lock(mutex);
        auto before = std::chrono::steady_clock::now();
        expect(condition.wait_for(lock, 2ms) == std::cv_status::timeout, "wait_for");
        expect(std::chrono::steady_clock::now() - before >= 2ms, "wait_for comes back too early");
        auto past = std::chrono::system_clock::now() - 1h;
        expect(condition.wait_until(lock, past) == std::cv_status::timeout, "wait_until");
        expect(!mutex.try_lock() && lock.owns_lock(), "the mutex behind a wait");
    }
    timed.lock();
    again.lock();
    expect(again.try_lock_for(1ms), "a recursive one of one's own");
    shared.lock();
    std::thread(too_late).join();
    shared.unlock();
    again.unlock();
    again.unlock();
    timed.unlock();
    expect(timed.try_lock_for(1h), "timed_mutex::try_lock_for of a free one");
    timed.unlock();
    return wrong;
}
