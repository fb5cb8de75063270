// The standard library's containers, filled, searched, changed and thrown away.
// The second argument "threads" does it on every processor at once.
#include "common.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

constexpr size_t ROUNDS = 3, WORDS = 40000;

std::string word(rng &random) {
    return std::string(rng_size(&random, 2, 6), static_cast<char>('a' + rng_below(&random, 26)))
        + std::to_string(rng_below(&random, WORDS));
}

size_t index_of_words(rng &random) {
    std::map<std::string, std::vector<size_t>> index;
    for (size_t at = 0; at < WORDS; at++) index[word(random)].push_back(at);
    size_t sum = 0;
    for (const auto &[word, places] : index) sum += word.size() * places.size();
    return sum;
}

size_t cache_of_strings(rng &random) {
    std::unordered_map<size_t, std::string> cache;
    for (size_t i = 0; i < 4 * WORDS; i++) {
        cache[rng_below(&random, WORDS)] = word(random);
        if (i % 3 == 0) cache.erase(rng_below(&random, WORDS));
    }
    return cache.size();
}

size_t sorted_and_split(rng &random) {
    std::vector<std::string> words;
    for (size_t i = 0; i < WORDS; i++) words.push_back(word(random));
    std::sort(words.begin(), words.end());
    std::list<std::string> kept(words.begin(), words.end());
    kept.remove_if([](const std::string &word) { return word.size() % 2 == 0; });
    std::set<std::string> distinct(kept.begin(), kept.end());
    return distinct.size();
}

size_t jobs_in_turn(rng &random) {
    std::deque<std::shared_ptr<std::vector<int>>> jobs;
    size_t sum = 0;
    for (size_t i = 0; i < 4 * WORDS; i++) {
        jobs.push_back(std::make_shared<std::vector<int>>(rng_size(&random, 2, 8), 1));
        if (jobs.size() < 200) continue;
        sum += jobs.front()->size();
        jobs.pop_front();
    }
    return sum;
}

size_t work(size_t rounds) {
    rng random = {13};
    size_t sum = 0;
    for (size_t round = 0; round < rounds; round++)
        sum += index_of_words(random) + cache_of_strings(random) + sorted_and_split(random)
            + jobs_in_turn(random);
    return sum;
}

} // namespace

int main(int argc, char **argv) {
    std::vector<size_t> sums(argc > 2 ? threads() : 1);
    std::vector<std::thread> workers;
    for (auto &sum : sums) workers.emplace_back([&] { sum = work(share_of(ROUNDS, argc, argv)); });
    for (auto &worker : workers) worker.join();
    for (auto sum : sums) printf("%zu\n", sum);
}
