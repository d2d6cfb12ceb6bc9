/* Stacks for an unwinder: exceptions thrown at many depths, past frames with things to destroy,
 * while memory is allocated all along. unwinds_exceptions ROUNDS prints how many were caught. */
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

static long caught, cleaned;

struct cleaner {
    std::string text = std::string(40, 'x');
    ~cleaner() { cleaned += (long)text.size(); }
};

__attribute__((noinline)) static int fall(int depth, std::vector<std::string> &words)
{
    cleaner one;
    words.push_back(one.text + std::to_string(depth));
    if (depth == 0)
        throw std::runtime_error("the ground");
    return fall(depth - 1, words) + 1;
}

__attribute__((noinline)) static int lift(int depth, std::vector<std::string> &words)
{
    try {
        return depth % 3 == 0 ? fall(depth, words) : lift(depth - 1, words) + 1;
    } catch (const std::logic_error &) {
        return 0;
    } catch (...) {
        caught++;
        if (depth % 2 == 0)
            throw;
        return depth;
    }
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 100;
    for (long i = 0; i < rounds; i++) {
        std::vector<std::string> words;
        std::unique_ptr<cleaner> extra(new cleaner);
        try {
            lift((int)(i % 20), words);
        } catch (const std::exception &) {
            caught++;
        }
    }
    printf("caught %ld\n", caught);
    return cleaned == 0;
}
