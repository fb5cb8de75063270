// A heap that ages: each phase asks for larger blocks than the one before and
// frees most of what stands, chosen at random, so that little fits the holes.
#include "common.h"

enum { PHASES = 10, BYTES = 12 << 20, MOST_BLOCKS = 1 << 20 };

static block live[MOST_BLOCKS];
static size_t count;

// Moves the blocks that are to live on to the front, and frees the others.
static void thin_out(rng *random, size_t percent_kept) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (rng_below(random, 100) < percent_kept) live[kept++] = live[i];
        else block_drop(live[i]);
    }
    count = kept;
}

static void fill(rng *random, unsigned power, size_t bytes) {
    for (size_t made = 0; made < bytes && count < MOST_BLOCKS;) {
        live[count] = block_new(rng_size(random, power, power + 2));
        made += live[count++].size;
    }
}

int main(int argc, char **argv) {
    rng random = {11};
    size_t sum = 0, bytes = share_of(BYTES, argc, argv);
    for (int round = 0; round < 3; round++) {
        for (unsigned phase = 0; phase < PHASES; phase++) {
            fill(&random, 5 + phase, bytes);
            sum += count;
            thin_out(&random, 15);
        }
    }
    thin_out(&random, 0);
    printf("%zu\n", sum);
}
