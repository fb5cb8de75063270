// Random replacement in a live set of mixed sizes on one thread: the ordinary
// program.
#include "common.h"

enum { LIVE = 50000, STEPS = 2000000 };

int main(int argc, char **argv) {
    static block live[LIVE];
    rng random = {1};
    size_t bytes = 0;
    for (size_t step = share_of(STEPS, argc, argv); step; step--) {
        size_t size = rng_size(&random, 4, 12);
        block_replace(&live[rng_below(&random, LIVE)], size);
        bytes += size;
    }
    for (size_t slot = 0; slot < LIVE; slot++) block_drop(live[slot]);
    printf("%zu\n", bytes);
}
