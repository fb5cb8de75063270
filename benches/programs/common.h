// What the programs share: how much work to do, random numbers whose sequence
// never changes, blocks that notice when they are damaged, and threads.
#ifndef COMMON_H
#define COMMON_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The first argument is the percentage of the full work that is wanted.
static inline size_t share_of(size_t full, int argc, char **argv) {
    size_t wanted = full * (argc > 1 ? strtoul(argv[1], NULL, 10) : 100) / 100;
    return wanted ? wanted : 1;
}

static inline void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    abort();
}

static inline void *must(void *block) {
    if (!block) fail("out of memory");
    return block;
}

// SplitMix64.
typedef struct { uint64_t state; } rng;

static inline uint64_t rng_next(rng *random) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline size_t rng_below(rng *random, size_t bound) {
    return (size_t)(((unsigned __int128)rng_next(random) * bound) >> 64);
}

// Sizes as programs ask for them: as many between 16 and 32 as between 1024 and
// 2048. `least` and `most` are logarithms.
static inline size_t rng_size(rng *random, unsigned least, unsigned most) {
    size_t power = (size_t)1 << (least + rng_below(random, most - least));
    return power + rng_below(random, power);
}

// A block that carries a mark at both ends.
typedef struct { unsigned char *bytes; size_t size; } block;

static inline block block_of(void *bytes, size_t size) {
    block made = {(unsigned char *)must(bytes), size};
    made.bytes[0] = made.bytes[size - 1] = (unsigned char)(size * 31);
    return made;
}

static inline block block_new(size_t size) { return block_of(malloc(size), size); }

static inline void block_drop(block old) {
    if (!old.bytes) return;
    unsigned char mark = (unsigned char)(old.size * 31);
    if (old.bytes[0] != mark || old.bytes[old.size - 1] != mark) fail("a block was damaged");
    free(old.bytes);
}

static inline void block_replace(block *old, size_t size) {
    block_drop(*old);
    *old = block_new(size);
}

enum { MOST_THREADS = 8 };

// One thread for each processor; two at least, or nothing would be shared.
static inline int threads(void) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 2 ? 2 : processors > MOST_THREADS ? MOST_THREADS : (int)processors;
}

static inline pthread_t start(void *(*run)(void *), void *argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, argument)) fail("no thread can be started");
    return thread;
}

static inline void *finish(pthread_t thread) {
    void *result;
    if (pthread_join(thread, &result)) fail("a thread cannot be joined");
    return result;
}

#endif
