// Writers of tiny blocks: an allocator that gives two threads blocks of one cache
// line, or gives one back to a thread that got it from another, lets them fight.
#include "common.h"

enum { ROUNDS = 50000, WRITES = 2000, SIZE = 8 };

static size_t rounds;

static void *scribble(void *given) {
    free(given);
    for (size_t round = 0; round < rounds; round++) {
        volatile char *own = (volatile char *)must(malloc(SIZE));
        for (int i = 0; i < WRITES; i++) own[i % SIZE]++;
        free((void *)own);
    }
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t running[MOST_THREADS];
    void *given[MOST_THREADS];
    rounds = share_of(ROUNDS, argc, argv);
    for (int i = 0; i < threads(); i++) given[i] = must(malloc(SIZE));
    for (int i = 0; i < threads(); i++) running[i] = start(scribble, given[i]);
    for (int i = 0; i < threads(); i++) finish(running[i]);
    printf("%zu\n", rounds);
}
