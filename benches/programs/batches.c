// Batches of small blocks, freed newest first, oldest first or every other one
// first, while a tenth of each batch lives on for a while. The second argument
// "threads" does it on every processor at once.
#include "common.h"

enum { BATCH = 1000, KEPT = BATCH / 10, GENERATIONS = 16, BATCHES = 8000 };

static size_t batches;

static void fill(block *batch, rng *random) {
    for (int i = 0; i < BATCH;) {
        size_t size = rng_size(random, 3, 10);
        for (size_t run = 1 + rng_below(random, 20); run && i < BATCH; run--)
            batch[i++] = block_new(size);
    }
}

static void empty(block *batch, int count, size_t order) {
    for (int i = 0; i < count; i++) {
        int newest_first = count - 1 - i, half = (count + 1) / 2;
        int every_other = i < half ? 2 * i : 2 * (i - half) + 1;
        block_drop(batch[order == 0 ? newest_first : order == 1 ? i : every_other]);
    }
}

static void *work(void *seed) {
    rng random = {(uint64_t)(uintptr_t)seed};
    block (*kept)[KEPT] = (block (*)[KEPT])must(calloc(GENERATIONS, sizeof *kept));
    block batch[BATCH];
    for (size_t done = 0; done < batches; done++) {
        block *oldest = kept[done % GENERATIONS];
        fill(batch, &random);
        empty(oldest, KEPT, done % 3);
        memcpy(oldest, batch, sizeof *kept);
        empty(batch + KEPT, BATCH - KEPT, done % 3);
    }
    for (int i = 0; i < GENERATIONS; i++) empty(kept[i], KEPT, 1);
    free(kept);
    return (void *)(uintptr_t)(rng_next(&random) >> 8);
}

int main(int argc, char **argv) {
    pthread_t running[MOST_THREADS];
    batches = share_of(BATCHES, argc, argv);
    int workers = argc > 2 ? threads() : 1;
    for (int i = 0; i < workers; i++) running[i] = start(work, (void *)(uintptr_t)i);
    uintptr_t sum = 0;
    for (int i = 0; i < workers; i++) sum += (uintptr_t)finish(running[i]);
    printf("%zu\n", (size_t)sum);
}
