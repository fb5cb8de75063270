// PyTorch's caching allocator, as `cpp.rs` calls it: there is one for all, which never ends.
#include <c10/cuda/CUDACachingAllocator.h>

#include <exception>
#include <string>

namespace caching = c10::cuda::CUDACachingAllocator;

extern "C" const char *anymem_begin(int device, void **) {
    static std::string why;
    try {
        caching::init(device + 1);
        caching::raw_delete(caching::raw_alloc(1));
        return nullptr;
    } catch (const std::exception &error) {
        why = error.what();
        return why.c_str();
    }
}

extern "C" void *anymem_take(void *, size_t bytes) {
    try {
        return caching::raw_alloc(bytes);
    } catch (const std::exception &) {
        return nullptr;
    }
}

extern "C" void anymem_give(void *, void *block, size_t) { caching::raw_delete(block); }

extern "C" void anymem_end(void *) { caching::emptyCache(); }
