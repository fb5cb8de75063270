/* What the test programs share. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            _exit(1);                                                       \
        }                                                                   \
    } while (0)

/* Ends a program that hangs, and makes sure that the heap is the one to test. */
static inline void start(void) {
    alarm(400);
    CHECK(dlsym(RTLD_DEFAULT, "anymem_open") != NULL);
}

static inline void fill(void *block, size_t size, size_t seed) {
    unsigned char *bytes = (unsigned char *)block;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(seed * 31 + i);
    }
}

static inline int is_filled(const void *block, size_t size, size_t seed) {
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != (unsigned char)(seed * 31 + i)) {
            return 0;
        }
    }
    return 1;
}

/* Numbers that look random, each from the one before. */
static inline uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Allocates, resizes and frees blocks, and looks whether they stay intact. */
static inline void churn(uint32_t seed, int turns) {
    enum { LIVE = 200 };
    struct {
        void *at;
        size_t size;
        uint32_t seed;
    } live[LIVE];
    memset(live, 0, sizeof live);
    for (int turn = 0; turn < turns; turn++) {
        uint32_t number = next(&seed);
        size_t size = number % (number % 50 ? 600 : 100000);
        int i = (int)(next(&seed) % LIVE);
        CHECK(is_filled(live[i].at, live[i].size, live[i].seed));
        if (number % 4 == 0) {
            void *moved = realloc(live[i].at, size + 1);
            size_t kept = live[i].size < size ? live[i].size : size;
            CHECK(moved != NULL && is_filled(moved, kept, live[i].seed));
            live[i].at = moved;
        } else {
            free(live[i].at);
            live[i].at = malloc(size);
            CHECK(live[i].at != NULL);
        }
        live[i].size = size;
        live[i].seed = number;
        fill(live[i].at, size, number);
    }
    for (int i = 0; i < LIVE; i++) {
        CHECK(is_filled(live[i].at, live[i].size, live[i].seed));
        free(live[i].at);
    }
}

#endif
