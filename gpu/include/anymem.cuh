// Values of anymem's shared heaps, for kernels in CUDA and HIP C++, and for the host.
//
// A heap is `len` bytes at an address of its own in each process and on each device. Everything
// in it is named by its distance from the first byte. No distance becomes an address before it
// was seen to lie inside: a damaged heap, or one that somebody writes to meanwhile, gives wrong
// values or a Why, and no access outside.
//
// Header only; C++14; compiled by nvcc, hipcc, or clang and gcc for the host alone. The Rust
// side registers the heap (RegisteredHeap), and passes its base on the device, its length, and
// offsets as a kernel's arguments:
//
//     __global__ void sum(anymem::Heap heap, uint64_t list, unsigned long long *result) {
//         const auto *found = heap.find<anymem::List<uint64_t>>(list);
//         if (found == nullptr || anymem::thread_id() != 0) return;
//         anymem::for_each(heap, *found, [=](uint64_t value) { *result += value; });
//     }
//
// Words that several sides change are used by atomics of the system's scope. Those of a device
// and of the processor see each other as such where the device has `host_atomics`
// (hostNativeAtomicSupported); elsewhere a heap is used by turns, and see `push` of Mpsc.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__CUDACC__) || defined(__HIPCC__) || defined(__CUDA__) || defined(__HIP__)
#define ANYMEM_BOTH __host__ __device__
#else
#define ANYMEM_BOTH
#endif

#if defined(__HIP_DEVICE_COMPILE__) && __HIP_DEVICE_COMPILE__
#define ANYMEM_ON_HIP 1
#elif defined(__CUDA_ARCH__)
#define ANYMEM_ON_CUDA 1
#else
#include <chrono>
#include <thread>
#endif

namespace anymem {

// Why something was not done; 0 where it was. The same numbers as in the kernels' reports.
enum class Why : uint64_t {
    Done = 0,
    OutOfHeap = 1,
    Misaligned = 2,
    Endless = 3,
    Damaged = 4,
    Full = 5,
    Closed = 6,
};

// Atomics on words of 8 bytes, at the scope of the system.
namespace atomic {

#if defined(ANYMEM_ON_CUDA)

__device__ inline uint64_t load(const uint64_t *word) {
    uint64_t value;
    asm volatile("ld.relaxed.sys.u64 %0, [%1];" : "=l"(value) : "l"(word) : "memory");
    return value;
}

__device__ inline uint64_t load_acquire(const uint64_t *word) {
    uint64_t value;
    asm volatile("ld.acquire.sys.u64 %0, [%1];" : "=l"(value) : "l"(word) : "memory");
    return value;
}

__device__ inline void store(uint64_t *word, uint64_t value) {
    asm volatile("st.relaxed.sys.u64 [%0], %1;" : : "l"(word), "l"(value) : "memory");
}

__device__ inline void store_release(uint64_t *word, uint64_t value) {
    asm volatile("st.release.sys.u64 [%0], %1;" : : "l"(word), "l"(value) : "memory");
}

__device__ inline uint64_t exchange(uint64_t *word, uint64_t value) {
    uint64_t before;
    asm volatile("atom.acq_rel.sys.exch.b64 %0, [%1], %2;"
                 : "=l"(before) : "l"(word), "l"(value) : "memory");
    return before;
}

__device__ inline uint64_t add(uint64_t *word, uint64_t value) {
    uint64_t before;
    asm volatile("atom.acq_rel.sys.add.u64 %0, [%1], %2;"
                 : "=l"(before) : "l"(word), "l"(value) : "memory");
    return before;
}

// Whether the word was `expected`, and is `value` now.
__device__ inline bool compare_exchange(uint64_t *word, uint64_t expected, uint64_t value) {
    uint64_t before;
    asm volatile("atom.acq_rel.sys.cas.b64 %0, [%1], %2, %3;"
                 : "=l"(before) : "l"(word), "l"(expected), "l"(value) : "memory");
    return before == expected;
}

#elif defined(ANYMEM_ON_HIP)

__device__ inline uint64_t load(const uint64_t *word) {
    return __hip_atomic_load(word, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

__device__ inline uint64_t load_acquire(const uint64_t *word) {
    return __hip_atomic_load(word, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM);
}

__device__ inline void store(uint64_t *word, uint64_t value) {
    __hip_atomic_store(word, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

__device__ inline void store_release(uint64_t *word, uint64_t value) {
    __hip_atomic_store(word, value, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
}

__device__ inline uint64_t exchange(uint64_t *word, uint64_t value) {
    return __hip_atomic_exchange(word, value, __ATOMIC_ACQ_REL, __HIP_MEMORY_SCOPE_SYSTEM);
}

__device__ inline uint64_t add(uint64_t *word, uint64_t value) {
    return __hip_atomic_fetch_add(word, value, __ATOMIC_ACQ_REL, __HIP_MEMORY_SCOPE_SYSTEM);
}

__device__ inline bool compare_exchange(uint64_t *word, uint64_t expected, uint64_t value) {
    return __hip_atomic_compare_exchange_strong(word, &expected, value, __ATOMIC_ACQ_REL,
                                                __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
}

#else

ANYMEM_BOTH inline uint64_t load(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

ANYMEM_BOTH inline uint64_t load_acquire(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

ANYMEM_BOTH inline void store(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

ANYMEM_BOTH inline void store_release(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

ANYMEM_BOTH inline uint64_t exchange(uint64_t *word, uint64_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_ACQ_REL);
}

ANYMEM_BOTH inline uint64_t add(uint64_t *word, uint64_t value) {
    return __atomic_fetch_add(word, value, __ATOMIC_ACQ_REL);
}

ANYMEM_BOTH inline bool compare_exchange(uint64_t *word, uint64_t expected, uint64_t value) {
    return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

#endif

}  // namespace atomic

// The thread model of a device (hermes: those of CUDA and ROCm). There is no storage of a
// thread's own but its registers.

// The number of this thread in the grid, along x; 0 on the host.
ANYMEM_BOTH inline uint64_t thread_id() {
#if defined(ANYMEM_ON_CUDA) || defined(ANYMEM_ON_HIP)
    return uint64_t(blockIdx.x) * blockDim.x + threadIdx.x;
#else
    return 0;
#endif
}

// How many threads the grid has, along x; 1 on the host.
ANYMEM_BOTH inline uint64_t thread_count() {
#if defined(ANYMEM_ON_CUDA) || defined(ANYMEM_ON_HIP)
    return uint64_t(gridDim.x) * blockDim.x;
#else
    return 1;
#endif
}

// Lets others go first.
ANYMEM_BOTH inline void yield() {
#if defined(ANYMEM_ON_CUDA)
    asm volatile("nanosleep.u32 200;");
#elif defined(ANYMEM_ON_HIP)
    __builtin_amdgcn_s_sleep(8);
#else
    std::this_thread::yield();
#endif
}

// Waits for so many microseconds at least.
ANYMEM_BOTH inline void sleep_for_us(uint64_t us) {
#if defined(ANYMEM_ON_CUDA)
    uint64_t start, now;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
    do {
        asm volatile("nanosleep.u32 1000;");
        asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
    } while (now - start < us * 1000);
#elif defined(ANYMEM_ON_HIP)
    // At least 448 cycles each: for clocks of up to 3.5 GHz.
    for (uint64_t naps = us * 8; naps != 0; naps--) __builtin_amdgcn_s_sleep(8);
#else
    std::this_thread::sleep_for(std::chrono::microseconds(us));
#endif
}

// A heap, as this side has it.
struct Heap {
    unsigned char *base;
    uint64_t len;

    // Whether `count` values of `size` bytes are in the heap at the offset `at`.
    ANYMEM_BOTH Why look(uint64_t at, uint64_t count, uint64_t size, uint64_t align) const {
        if (at == 0 || at > len || count > (len - at) / size) return Why::OutOfHeap;
        return at % align == 0 ? Why::Done : Why::Misaligned;
    }

    // The first of `count` values at the offset `at`; null where they are not all in the heap,
    // or `at` is not aligned.
    template <class T>
    ANYMEM_BOTH T *find(uint64_t at, uint64_t count = 1) const {
        if (look(at, count, sizeof(T), alignof(T)) != Why::Done) return nullptr;
        return reinterpret_cast<T *>(base + at);
    }

    // The offset of what was found.
    template <class T>
    ANYMEM_BOTH uint64_t offset_of(const T *found) const {
        return uint64_t(reinterpret_cast<const unsigned char *>(found) - base);
    }
};

// anymem_core::offset::OffsetPtr<T>: a distance that knows what it leads to.
template <class T>
struct OffsetPtr {
    uint64_t at;

    ANYMEM_BOTH T *in(const Heap &heap) const { return heap.find<T>(atomic::load(&at)); }
};

// anymem::container::ShmVec<T>.
template <class T>
struct Vec {
    uint64_t heap;
    uint64_t at;
    uint64_t capacity;
    uint64_t len;
    uint64_t gap[2];
};

// Elements of a vector, which are all in the heap.
template <class T>
struct Elements {
    Why why;
    T *first;
    uint64_t len;
};

// The elements of a vector; none, and why, where it is damaged or being changed.
template <class T>
ANYMEM_BOTH Elements<T> elements(const Heap &heap, const Vec<T> &vec) {
    // Read once: what is checked is what is used.
    const uint64_t len = atomic::load(&vec.len);
    if (len == 0) return {Why::Done, nullptr, 0};
    if (len > atomic::load(&vec.capacity)) return {Why::Damaged, nullptr, 0};
    const uint64_t at = atomic::load(&vec.at);
    const Why why = heap.look(at, len, sizeof(T), alignof(T));
    if (why != Why::Done) return {why, nullptr, 0};
    return {Why::Done, reinterpret_cast<T *>(heap.base + at), len};
}

// anymem::container::ShmList<T>.
template <class T>
struct List {
    uint64_t heap;
    uint64_t head;
    uint64_t tail;
    uint64_t len;
};

// A node of a List<T>.
template <class T>
struct ListNode {
    uint64_t next;
    uint64_t prev;
    T value;
};

// In the length of a List: links are being changed, and there are at most as many nodes.
constexpr uint64_t LIST_CHANGING = uint64_t(1) << 63;

// Gives the value of each node from the offset `at` on to `use`: of `most` nodes at most.
template <class Node, class Use>
ANYMEM_BOTH Why walk(const Heap &heap, uint64_t at, uint64_t most, Use use) {
    for (; at != 0; most--) {
        if (most == 0) return Why::Endless;
        const Why why = heap.look(at, 1, sizeof(Node), alignof(Node));
        if (why != Why::Done) return why;
        const Node *node = reinterpret_cast<const Node *>(heap.base + at);
        use(node->value);
        at = atomic::load_acquire(&node->next);
    }
    return Why::Done;
}

// Gives each value of a list to `use`, the first one first. By one thread.
template <class T, class Use>
ANYMEM_BOTH Why for_each(const Heap &heap, const List<T> &list, Use use) {
    const uint64_t room = heap.len / sizeof(ListNode<T>);
    const uint64_t len = atomic::load(&list.len) & ~LIST_CHANGING;
    const uint64_t most = len < room ? len : room;
    return walk<ListNode<T>>(heap, atomic::load(&list.head), most, use);
}

// anymem_gpu::kernels::Arena: room that threads take blocks of, which come back all at once.
struct Arena {
    Vec<uint64_t> room;
    uint64_t used;
};

// The offset of `bytes` bytes of an arena, aligned to 8; 0 where it has no room for them, or is
// damaged.
ANYMEM_BOTH inline uint64_t take(const Heap &heap, Arena &arena, uint64_t bytes) {
    const Elements<uint64_t> room = elements(heap, arena.room);
    if (room.first == nullptr || bytes > room.len * 8) return 0;
    const uint64_t size = (bytes + 7) / 8 * 8;
    const uint64_t used = atomic::add(&arena.used, size);
    if (used > room.len * 8 || size > room.len * 8 - used) return 0;
    return heap.offset_of(room.first) + used;
}

// anymem_gpu::kernels::Chain: a list of numbers that threads build at the same time.
struct Chain {
    uint64_t head;
};

// A node of a Chain.
struct ChainNode {
    uint64_t next;
    uint64_t value;
};

// Puts a number before all others, in a node of the arena.
ANYMEM_BOTH inline Why push(const Heap &heap, Chain &chain, Arena &arena, uint64_t value) {
    const uint64_t at = take(heap, arena, sizeof(ChainNode));
    ChainNode *node = heap.find<ChainNode>(at);
    if (node == nullptr) return Why::Full;
    // Until its link is written, who reads the chain finds its end here.
    atomic::store(&node->next, 0);
    atomic::store(&node->value, value);
    atomic::store_release(&node->next, atomic::exchange(&chain.head, at));
    return Why::Done;
}

// Gives each number of a chain to `use`, the last one first. By one thread.
template <class Use>
ANYMEM_BOTH Why for_each(const Heap &heap, const Chain &chain, Use use) {
    const uint64_t most = heap.len / sizeof(ChainNode);
    return walk<ChainNode>(heap, atomic::load_acquire(&chain.head), most, use);
}

// anymem::container::ShmMpsc<T>: a queue that one thread of a process reads.
template <class T>
struct Mpsc {
    uint64_t heap;
    uint64_t at;
    uint64_t log;
};

// A slot of an Mpsc<T>.
template <class T>
struct Slot {
    uint64_t state;
    T value;
};

// Where the words of a queue's block are, and how the state of a slot is made up: see
// anymem_core::sync::ring.
namespace ring {
constexpr uint64_t TAIL = 0, SIGNAL = 8, CLOSED = 256, FRONT = 1408;
constexpr uint64_t HOLDS = 7, NOTHING = 0, WRITING = 1, VALUE = 2, READING = 3, END = 4;
constexpr uint64_t SEAT_BIT = 3, LAP_BIT = 10, GIVEN = 2, MOST_LOG = 40;

// The first slot comes after the words of the ends.
template <class T>
constexpr uint64_t slots() {
    return (FRONT + alignof(Slot<T>) - 1) / alignof(Slot<T>) * alignof(Slot<T>);
}
}  // namespace ring

// How to push: in the name of which process, how often to look again while the queue is full,
// and whether the consumer is told. `seat` is what ShmMpsc::seat says in the process that
// launches the kernel. `announces` only where the device has `host_atomics`; where it has not,
// nobody but threads of one device may push until the kernel is done, and the host calls
// ShmMpsc::announce then.
struct Pushing {
    uint64_t seat;
    uint64_t tries;
    bool announces;
};

// A queue whose block was seen to be in the heap.
template <class T>
class Ring {
  public:
    // The ring of a queue; one that refuses all where the queue is damaged.
    ANYMEM_BOTH Ring(const Heap &heap, const Mpsc<T> &mpsc) : log(atomic::load(&mpsc.log)) {
        const uint64_t at = atomic::load(&mpsc.at), first = ring::slots<T>();
        const uint64_t align = alignof(Slot<T>) > 8 ? alignof(Slot<T>) : 8;
        if (log == 0 || log > ring::MOST_LOG) return;
        if (heap.look(at, first + (sizeof(Slot<T>) << log), 1, align) != Why::Done) return;
        front = heap.base + at;
        slots = reinterpret_cast<Slot<T> *>(front + first);
        most = (~uint64_t(0) >> log) & (~uint64_t(0) >> ring::LAP_BIT);
    }

    ANYMEM_BOTH Why push(const T &value, Pushing how) {
        if (front == nullptr) return Why::Damaged;
        // Whoever gets a slot keeps others from it: this often in a damaged ring at most.
        for (uint64_t looks = uint64_t(1) << 20; looks != 0; looks--) {
            const Step step = attempt(value, how);
            if (step == Step::Done) return Why::Done;
            if (step == Step::Closed) return Why::Closed;
            if (step == Step::Damaged) return Why::Damaged;
            if (step == Step::Again) continue;
            if (how.tries == 0) return Why::Full;
            how.tries--;
            looks++;
            yield();
        }
        return Why::Full;
    }

  private:
    // What came of a look at the tail.
    enum class Step { Done, Again, Full, Closed, Damaged };

    uint64_t log;
    uint64_t most = 0;
    unsigned char *front = nullptr;
    Slot<T> *slots = nullptr;

    ANYMEM_BOTH uint64_t *word(uint64_t at) const {
        return reinterpret_cast<uint64_t *>(front + at);
    }

    ANYMEM_BOTH bool advance(uint64_t position) {
        return atomic::compare_exchange(word(ring::TAIL), position, position + 1);
    }

    ANYMEM_BOTH Step attempt(const T &value, Pushing how) {
        if (atomic::load_acquire(word(ring::CLOSED)) != 0) return Step::Closed;
        const uint64_t position = atomic::load_acquire(word(ring::TAIL));
        Slot<T> *slot = slots + (position & ((uint64_t(1) << log) - 1));
        const uint64_t seen = atomic::load_acquire(&slot->state), holds = seen & ring::HOLDS;
        const uint64_t lap = (position >> log) & most;
        const uint64_t ahead = ((seen >> ring::LAP_BIT) - lap) & most;
        if (ahead > most / 2) {
            // One lap behind: full, or somebody is at work there.
            const bool used = holds != ring::NOTHING && holds <= ring::READING;
            return ahead == most && used ? Step::Full : Step::Damaged;
        }
        if (ahead != 0 || (holds != ring::NOTHING && holds != ring::END)) {
            // The slot may get ahead while the tail is looked at, by no more than one.
            return advance(position) && ahead > 1 ? Step::Damaged : Step::Again;
        }
        if (holds == ring::END) return Step::Closed;
        const uint64_t claimed = lap << ring::LAP_BIT | how.seat << ring::SEAT_BIT | ring::WRITING;
        if (!atomic::compare_exchange(&slot->state, seen, claimed)) return Step::Again;
        advance(position);
        slot->value = value;
        atomic::store_release(&slot->state, lap << ring::LAP_BIT | ring::VALUE);
        if (how.announces) atomic::add(word(ring::SIGNAL), ring::GIVEN);
        return Step::Done;
    }
};

// Puts a value into a queue.
template <class T>
ANYMEM_BOTH Why push(const Heap &heap, const Mpsc<T> &mpsc, const T &value, Pushing how) {
    return Ring<T>(heap, mpsc).push(value, how);
}

}  // namespace anymem
