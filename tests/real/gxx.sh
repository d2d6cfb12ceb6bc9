# needs: g++
# quick
# trace: folded
# A C++ program with exceptions through threads, futures, containers and thread-local objects.
cat >program.cc <<'C'
#include <condition_variable>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <regex>
#include <stdexcept>
#include <sstream>
#include <thread>
#include <vector>
#include <atomic>
struct local { std::vector<int> v; ~local() { total += v.size(); } static std::atomic<long> total; };
std::atomic<long> local::total;
thread_local local mine;
static int deep(int n) { std::string s(n, 'x'); if (n == 0) throw std::runtime_error("deep"); return deep(n - 1) + 1; }
int main()
{
    std::vector<std::thread> threads;
    std::mutex lock; std::condition_variable changed; int turn = 0; long caught = 0;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&, i] {
            for (int k = 0; k < 200; k++) {
                mine.v.push_back(k);
                try { deep(30); } catch (const std::exception &e) { std::lock_guard<std::mutex> g(lock); caught++; }
            }
            std::unique_lock<std::mutex> g(lock);
            changed.wait(g, [&] { return turn == i; });
            turn++; changed.notify_all();
        });
    for (auto &t : threads) t.join();
    std::cout << caught << " " << turn << " " << local::total << "\n";
    std::vector<std::future<int>> results;
    for (int i = 0; i < 20; i++)
        results.push_back(std::async(std::launch::async, [i] { if (i % 5 == 0) throw i; return i * i; }));
    for (auto &r : results) { try { std::cout << r.get() << " "; } catch (int i) { std::cout << "!" << i << " "; } }
    std::map<std::string, int> words; std::istringstream text("a b c a b a"); std::string w;
    while (text >> w) words[w]++;
    for (auto &p : words) std::cout << p.first << p.second << " ";
    std::cout << std::regex_replace("hello world", std::regex("o"), "0") << std::endl;
    std::set_terminate([] { std::cout << "terminate" << std::endl; _Exit(7); });
    throw 1;
}
C
g++ -std=c++17 -O1 -pthread -o program program.cc
./program || echo "status $?"
