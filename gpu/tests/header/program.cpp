// Does with a heap what the kernels do, as another process and in C++: for header.rs.
//
//     program PATH list|vec|chain AT
//     program PATH build THREADS CHAIN ARENA VEC
//     program PATH push THREADS RING VEC SEAT TRIES ANNOUNCES
//
// Prints why it stopped, a sum, and how many elements that took.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>
#include <vector>

#include "anymem.cuh"

using anymem::Why;

struct Outcome {
    std::atomic<uint64_t> why{0}, sum{0}, count{0};

    void stop(Why reason) {
        uint64_t none = 0;
        why.compare_exchange_strong(none, uint64_t(reason));
    }

    void see(uint64_t value) {
        sum += value;
        count++;
    }
};

static anymem::Heap map(const char *path) {
    const int file = open(path, O_RDWR);
    struct stat found;
    if (file < 0 || fstat(file, &found) != 0) abort();
    const size_t len = size_t(found.st_size);
    void *base = mmap(nullptr, len, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (base == MAP_FAILED) abort();
    return {static_cast<unsigned char *>(base), len};
}

// Gives the elements of a vector to `use`, by so many threads; each stops at its first reason.
template <class Use>
static void in_threads(const anymem::Heap &heap, uint64_t vec, uint64_t count, Outcome &outcome,
                       Use use) {
    const auto found = anymem::elements(heap, *heap.find<anymem::Vec<uint64_t>>(vec));
    std::vector<std::thread> threads;
    for (uint64_t id = 0; id < count; id++) {
        threads.emplace_back([=, &outcome] {
            for (uint64_t index = id; index < found.len; index += count) {
                const Why why = use(found.first[index]);
                if (why != Why::Done) return outcome.stop(why);
                outcome.see(found.first[index]);
            }
        });
    }
    for (auto &thread : threads) thread.join();
}

int main(int count, char **words) {
    if (count < 4) return 2;
    const anymem::Heap heap = map(words[1]);
    const char *what = words[2];
    uint64_t numbers[6] = {};
    for (int word = 3; word < count && word < 9; word++) {
        numbers[word - 3] = strtoull(words[word], nullptr, 10);
    }
    Outcome outcome;
    auto see = [&](uint64_t value) { outcome.see(value); };
    if (strcmp(what, "list") == 0) {
        const auto *list = heap.find<anymem::List<uint64_t>>(numbers[0]);
        outcome.stop(list ? anymem::for_each(heap, *list, see) : Why::OutOfHeap);
    } else if (strcmp(what, "chain") == 0) {
        const auto *chain = heap.find<anymem::Chain>(numbers[0]);
        outcome.stop(chain ? anymem::for_each(heap, *chain, see) : Why::OutOfHeap);
    } else if (strcmp(what, "vec") == 0) {
        const auto *vec = heap.find<anymem::Vec<uint64_t>>(numbers[0]);
        const auto found = anymem::elements(heap, *vec);
        outcome.stop(found.why);
        for (uint64_t index = 0; index < found.len; index++) see(found.first[index]);
    } else if (strcmp(what, "build") == 0) {
        auto *chain = heap.find<anymem::Chain>(numbers[1]);
        auto *arena = heap.find<anymem::Arena>(numbers[2]);
        in_threads(heap, numbers[3], numbers[0], outcome,
                   [=](uint64_t value) { return anymem::push(heap, *chain, *arena, value); });
    } else if (strcmp(what, "push") == 0) {
        const auto *ring = heap.find<anymem::Mpsc<uint64_t>>(numbers[1]);
        const anymem::Pushing how{numbers[3], numbers[4], numbers[5] != 0};
        in_threads(heap, numbers[2], numbers[0], outcome,
                   [=](uint64_t value) { return anymem::push(heap, *ring, value, how); });
    } else {
        return 2;
    }
    printf("%llu %llu %llu\n", (unsigned long long)outcome.why, (unsigned long long)outcome.sum,
           (unsigned long long)outcome.count);
    return 0;
}
