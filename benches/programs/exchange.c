// Threads leave blocks in shared places and free what they find there: every
// other free is of another thread's block.
#include "common.h"

#include <stdatomic.h>

enum { PLACES = 32768, STEPS = 1000000 };

typedef struct { size_t size; } message;

static _Atomic(message *) places[PLACES];
static size_t steps;

static message *message_new(size_t size) {
    message *made = (message *)block_new(sizeof(message) + size).bytes;
    made->size = size;
    ((char *)(made + 1))[size - 1] = (char)size;
    return made;
}

static void message_drop(message *old) {
    if (!old) return;
    if (((char *)(old + 1))[old->size - 1] != (char)old->size) fail("a message was damaged");
    free(old);
}

static void *swap(void *seed) {
    rng random = {(uint64_t)(uintptr_t)seed};
    for (size_t step = 0; step < steps; step++) {
        message *sent = message_new(rng_size(&random, 3, 11));
        message_drop(atomic_exchange(&places[rng_below(&random, PLACES)], sent));
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t running[MOST_THREADS];
    steps = share_of(STEPS, argc, argv);
    for (int i = 0; i < threads(); i++) running[i] = start(swap, (void *)(uintptr_t)i);
    for (int i = 0; i < threads(); i++) finish(running[i]);
    for (int place = 0; place < PLACES; place++) message_drop(atomic_load(&places[place]));
    printf("%zu\n", steps);
}
