// A server whose threads are replaced while their sessions stay: most of what a
// thread frees was allocated by one that has ended.
#include "common.h"

enum { SESSIONS = 10000, GENERATIONS = 60, REQUESTS = 50000 };

typedef struct {
    block sessions[SESSIONS];
    rng random;
    size_t requests;
} lane;

static void *serve(void *argument) {
    lane *own = (lane *)argument;
    for (size_t request = 0; request < own->requests; request++) {
        size_t size = rng_size(&own->random, 4, 10);
        block_replace(&own->sessions[rng_below(&own->random, SESSIONS)], size);
    }
    return NULL;
}

int main(int argc, char **argv) {
    static lane lanes[MOST_THREADS];
    pthread_t running[MOST_THREADS];
    for (int i = 0; i < threads(); i++) {
        lanes[i].random.state = (uint64_t)i;
        lanes[i].requests = share_of(REQUESTS, argc, argv);
    }
    for (int generation = 0; generation < GENERATIONS; generation++) {
        for (int i = 0; i < threads(); i++) running[i] = start(serve, &lanes[i]);
        for (int i = 0; i < threads(); i++) finish(running[i]);
    }
    uint64_t sum = 0;
    for (int i = 0; i < threads(); i++) {
        for (int session = 0; session < SESSIONS; session++) block_drop(lanes[i].sessions[session]);
        sum += rng_next(&lanes[i].random);
    }
    printf("%llu\n", (unsigned long long)sum);
}
