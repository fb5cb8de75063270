// The pool of the RAPIDS Memory Manager, as `cpp.rs` calls it.
#include <rmm/aligned.hpp>
#include <rmm/mr/cuda_memory_resource.hpp>
#include <rmm/mr/pool_memory_resource.hpp>

#include <cuda/stream>
#include <cuda_runtime_api.h>
#include <exception>
#include <string>

using Pool = rmm::mr::pool_memory_resource;

// Bytes that it has at first; it grows when it needs more.
constexpr size_t FIRST = size_t{1} << 30;

// What all blocks of CUDA's have.
constexpr size_t ALIGNMENT = rmm::CUDA_ALLOCATION_ALIGNMENT;

static cuda::stream_ref stream() { return cuda::stream_ref{cudaStream_t{nullptr}}; }

extern "C" const char *anymem_begin(int, void **pool) {
    static std::string why;
    try {
        *pool = new Pool(rmm::mr::cuda_memory_resource{}, FIRST);
        return nullptr;
    } catch (const std::exception &error) {
        why = error.what();
        return why.c_str();
    }
}

extern "C" void *anymem_take(void *pool, size_t bytes) {
    try {
        return static_cast<Pool *>(pool)->allocate(stream(), bytes, ALIGNMENT);
    } catch (const std::exception &) {
        return nullptr;
    }
}

extern "C" void anymem_give(void *pool, void *block, size_t bytes) {
    static_cast<Pool *>(pool)->deallocate(stream(), block, bytes, ALIGNMENT);
}

extern "C" void anymem_end(void *pool) { delete static_cast<Pool *>(pool); }
