// Threads that come and go: each allocates a little, frees half of it, and leaves
// the rest to the main thread.
#include "common.h"

enum { WAVES = 1500, BLOCKS = 256 };

typedef struct {
    rng random;
    block left[BLOCKS / 2];
} errand;

static void *run(void *argument) {
    errand *own = (errand *)argument;
    for (int i = 0; i < BLOCKS / 2; i++) {
        block passing = block_new(rng_size(&own->random, 4, 11));
        own->left[i] = block_new(rng_size(&own->random, 4, 9));
        block_drop(passing);
    }
    return NULL;
}

int main(int argc, char **argv) {
    static errand errands[MOST_THREADS];
    pthread_t running[MOST_THREADS];
    uint64_t sum = 0;
    for (size_t wave = share_of(WAVES, argc, argv); wave; wave--) {
        for (int i = 0; i < threads(); i++) running[i] = start(run, &errands[i]);
        for (int i = 0; i < threads(); i++) {
            finish(running[i]);
            for (int left = 0; left < BLOCKS / 2; left++) block_drop(errands[i].left[left]);
            sum += errands[i].random.state;
        }
    }
    printf("%llu\n", (unsigned long long)sum);
}
