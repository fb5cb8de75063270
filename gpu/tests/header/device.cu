// Kernels that use all of the header: compiled for devices, without a toolkit, by header.rs.

#define __host__ __attribute__((host))
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))

struct Dimensions {
    unsigned x, y, z;
};
extern __device__ const Dimensions threadIdx, blockIdx, blockDim, gridDim;

#include "anymem.cuh"

struct Message {
    uint64_t words[5];
};

__global__ void use_all(anymem::Heap heap, uint64_t list, uint64_t vec, uint64_t ring,
                        anymem::Pushing how, uint64_t *result) {
    const auto *nodes = heap.find<anymem::List<uint64_t>>(list);
    if (nodes == nullptr) return;
    anymem::for_each(heap, *nodes, [=](uint64_t value) { *result += value; });
    const auto *queue = heap.find<anymem::Mpsc<Message>>(ring);
    const auto *found = heap.find<anymem::Vec<Message>>(vec);
    if (queue == nullptr || found == nullptr) return;
    const auto messages = anymem::elements(heap, *found);
    for (uint64_t index = anymem::thread_id(); index < messages.len;
         index += anymem::thread_count()) {
        *result = uint64_t(anymem::push(heap, *queue, messages.first[index], how));
    }
    anymem::sleep_for_us(3);
}

__global__ void build(anymem::Heap heap, anymem::Chain *chain, anymem::Arena *arena,
                      anymem::OffsetPtr<uint64_t> number, uint64_t *result) {
    const uint64_t *value = number.in(heap);
    if (value == nullptr) return;
    *result = uint64_t(anymem::push(heap, *chain, *arena, *value));
    anymem::for_each(heap, *chain, [=](uint64_t next) { *result += next; });
}
