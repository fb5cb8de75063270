// Aligned blocks, from 16 bytes to a page, among ordinary ones.
#include "common.h"

enum { LIVE = 10000, STEPS = 1000000 };

static void *aligned(size_t align, size_t size) {
    void *made = NULL;
    if (posix_memalign(&made, align, size)) fail("out of memory");
    if ((uintptr_t)made % align) fail("a block is not aligned");
    return made;
}

int main(int argc, char **argv) {
    static block live[LIVE];
    rng random = {8};
    size_t bytes = 0;
    for (size_t step = share_of(STEPS, argc, argv); step; step--) {
        block *chosen = &live[rng_below(&random, LIVE)];
        size_t size = rng_size(&random, 3, 11);
        size_t align = (size_t)16 << rng_below(&random, 9);
        block_drop(*chosen);
        *chosen = block_of(step % 4 ? aligned(align, size) : malloc(size), size);
        bytes += size;
    }
    for (size_t slot = 0; slot < LIVE; slot++) block_drop(live[slot]);
    printf("%zu\n", bytes);
}
