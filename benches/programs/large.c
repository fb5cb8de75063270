// Blocks of 100 KiB to 2 MiB, replaced at random, each page of them written.
#include "common.h"

enum { LIVE = 24, STEPS = 4000, LEAST = 100 << 10, MOST = 2 << 20, PAGE = 4096 };

int main(int argc, char **argv) {
    block live[LIVE] = {{0}};
    rng random = {7};
    size_t bytes = 0;
    for (size_t step = share_of(STEPS, argc, argv); step; step--) {
        block *chosen = &live[rng_below(&random, LIVE)];
        block_replace(chosen, LEAST + rng_below(&random, MOST - LEAST));
        for (size_t at = PAGE; at + PAGE < chosen->size; at += PAGE) chosen->bytes[at] = 1;
        bytes += chosen->size;
    }
    for (int slot = 0; slot < LIVE; slot++) block_drop(live[slot]);
    printf("%zu\n", bytes);
}
