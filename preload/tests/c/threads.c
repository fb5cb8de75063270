/* Threads: far more than there are heap slots, blocks that change hands, and
 * what is allocated while a thread ends. */
#include "check.h"
#include <pthread.h>

enum { THREADS = 10000 };

static pthread_barrier_t all_are_there;
static pthread_key_t first_key, keys[40];
static int ended;

/* Allocates again and again, as far as the C library goes along. */
static void at_end(void *block) {
    CHECK(is_filled(block, 100, 3));
    free(block);
    churn(4, 50);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
}

static void *again(void *block) {
    at_end(block);
    void *next = malloc(100);
    fill(next, 100, 3);
    return next;
}

static void at_end_again(void *block) {
    CHECK(pthread_setspecific(first_key, again(block)) == 0);
}

static void *short_life(void *number) {
    /* A key this high needs memory of the C library's own. */
    pthread_key_t key = (uintptr_t)number % 2 ? keys[39] : keys[1];
    void *block = malloc(100);
    fill(block, 100, 3);
    CHECK(pthread_setspecific(key, block) == 0);
    if ((uintptr_t)number % 10 == 0) {
        void *other = malloc(100);
        fill(other, 100, 3);
        CHECK(pthread_setspecific(first_key, other) == 0);
    }
    churn((uint32_t)(uintptr_t)number, 30);
    pthread_exit(malloc(50));
}

static void start_thread(pthread_t *thread, void *(*run)(void *), uintptr_t number) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    CHECK(pthread_create(thread, &small, run, (void *)number) == 0);
    pthread_attr_destroy(&small);
}

static void *long_life(void *number) {
    size_t size = 1 + (uintptr_t)number % 900;
    char *block = malloc(size);
    fill(block, size, size);
    pthread_barrier_wait(&all_are_there);
    CHECK(is_filled(block, size, size));
    free(block);
    block = malloc(size);
    fill(block, size, size);
    return block;
}

static void all_at_once(void) {
    static pthread_t threads[THREADS];
    pthread_barrier_init(&all_are_there, NULL, THREADS + 1);
    for (uintptr_t i = 0; i < THREADS; i++) {
        start_thread(&threads[i], long_life, i);
    }
    pthread_barrier_wait(&all_are_there);
    for (uintptr_t i = 0; i < THREADS; i++) {
        void *block;
        CHECK(pthread_join(threads[i], &block) == 0);
        CHECK(is_filled(block, 1 + i % 900, 1 + i % 900));
        free(block);
    }
}

static void one_after_the_other(void) {
    for (uintptr_t i = 0; i < THREADS; i += 4) {
        pthread_t threads[4];
        for (int k = 0; k < 4; k++) {
            start_thread(&threads[k], short_life, i + k);
        }
        for (int k = 0; k < 4; k++) {
            void *block;
            CHECK(pthread_join(threads[k], &block) == 0);
            free(block);
        }
    }
    CHECK(ended >= THREADS);
}

/* Blocks go through one shared place from thread to thread. */
static void *pass_on(void *seed) {
    static void *places[64];
    uint32_t state = (uint32_t)(uintptr_t)seed;
    for (int turn = 0; turn < 200000; turn++) {
        size_t size = 8 + next(&state) % 500;
        size_t *block = malloc(size);
        block[0] = size;
        fill(block + 1, size - 8, size);
        void **place = &places[next(&state) % 64];
        size_t *other = __atomic_exchange_n(place, block, __ATOMIC_ACQ_REL);
        if (other != NULL) {
            CHECK(is_filled(other + 1, other[0] - 8, other[0]));
            free(other);
        }
    }
    return NULL;
}

int main(void) {
    start();
    CHECK(pthread_key_create(&first_key, at_end_again) == 0);
    for (int i = 0; i < 40; i++) {
        CHECK(pthread_key_create(&keys[i], at_end) == 0);
    }
    one_after_the_other();
    all_at_once();
    one_after_the_other();
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        start_thread(&threads[i], pass_on, i);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    /* The first thread ends before the last. */
    start_thread(&threads[0], short_life, 1);
    pthread_detach(threads[0]);
    pthread_exit(NULL);
}
