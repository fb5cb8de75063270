// The jobs with Boost.Interprocess: a process like those of `serve.rs`.
//
//     boost map|unordered NAME JOB SEGMENT NUMBER
#if !__has_include(<boost/interprocess/managed_shared_memory.hpp>)
#error "the headers of Boost.Interprocess are not there: ci/boost.sh installs them"
#endif

#include <sched.h>

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/map.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/unordered_map.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <string>

namespace ipc = boost::interprocess;

using Segment = ipc::managed_shared_memory;
using Pairs = ipc::allocator<std::pair<const uint64_t, uint64_t>, Segment::segment_manager>;
using Map = ipc::map<uint64_t, uint64_t, std::less<uint64_t>, Pairs>;
using Unordered = boost::unordered_map<uint64_t, uint64_t, boost::hash<uint64_t>,
                                       std::equal_to<uint64_t>, Pairs>;

// As in `job.rs`.
const uint64_t KEYS = 20000;
const size_t BYTES = size_t{256} << 20;

// As in `rng.rs`.
struct Rng {
    uint64_t state;

    uint64_t below(uint64_t bound) {
        state += 0x9E3779B97F4A7C15;
        uint64_t z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return static_cast<uint64_t>((static_cast<unsigned __int128>(z ^ (z >> 31)) * bound) >> 64);
    }
};

template <class T> void keep(T &value) { asm volatile("" : : "g"(&value) : "memory"); }

Map make(Map *, Pairs pairs) { return Map(std::less<uint64_t>(), pairs); }
Unordered make(Unordered *, Pairs pairs) {
    return Unordered(0, boost::hash<uint64_t>(), std::equal_to<uint64_t>(), pairs);
}

// A map that one process at a time uses.
template <class M> struct Locked {
    ipc::interprocess_mutex mutex;
    M map;

    explicit Locked(Pairs pairs) : map(make(static_cast<M *>(nullptr), pairs)) {}
};

// Ties the process to the first or the last processor that is allowed.
void take_place(bool first) {
    cpu_set_t allowed, place;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    int chosen = -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && !(first && chosen >= 0)) chosen = cpu;
    CPU_ZERO(&place);
    CPU_SET(chosen, &place);
    sched_setaffinity(0, sizeof place, &place);
}

// Says to be ready, and does what it is told, line by line.
void answer(const std::function<void(uint64_t)> &work) {
    std::cout << "ready" << std::endl;
    for (uint64_t operations; std::cin >> operations;) {
        auto start = std::chrono::steady_clock::now();
        work(operations);
        auto took = std::chrono::steady_clock::now() - start;
        std::cout << std::chrono::nanoseconds(took).count() << std::endl;
    }
}

void pair(Segment &segment) {
    answer([&](uint64_t operations) {
        for (uint64_t i = 0; i < operations; i++) {
            void *block = segment.allocate(64);
            keep(block);
            segment.deallocate(block);
        }
    });
}

template <class M> void mixed(Segment &segment, uint64_t number) {
    auto &shared = *segment.find_or_construct<Locked<M>>("map")(Pairs(segment.get_segment_manager()));
    if (number == 0)
        for (uint64_t key = 0; key < KEYS; key += 2) shared.map[key] = key;
    Rng rng{number};
    answer([&](uint64_t operations) {
        uint64_t sum = 0;
        for (uint64_t i = 0; i < operations; i++) {
            uint64_t what = rng.below(4), key = rng.below(KEYS);
            ipc::scoped_lock<ipc::interprocess_mutex> held(shared.mutex);
            if (what < 2) {
                auto found = shared.map.find(key);
                if (found != shared.map.end()) sum += found->second;
            } else if (what == 2) {
                shared.map[key] = key;
            } else {
                shared.map.erase(key);
            }
        }
        keep(sum);
    });
}

int main(int count, char **arguments) {
    if (count != 6) return 2;
    const std::string container = arguments[1], job = arguments[3];
    const char *name = arguments[4];
    const uint64_t number = std::stoul(arguments[5]);
    take_place(number == 0);
    if (number == 0) ipc::shared_memory_object::remove(name);
    {
        Segment segment(ipc::open_or_create, name, BYTES);
        if (job.rfind("pair/", 0) == 0)
            pair(segment);
        else if (container == "map")
            mixed<Map>(segment, number);
        else
            mixed<Unordered>(segment, number);
    }
    if (number == 0) ipc::shared_memory_object::remove(name);
}
