/* Allocates and frees so many blocks of sizes that nobody else asks for, and
   says what the table should tell of them: block size, live, allocated, freed,
   and how many were live at a time. */
#include "check.h"
#include <malloc.h>
#include <pthread.h>

static void tell(size_t size, int live, int allocated, int freed, int peak) {
    printf("%zu %d %d %d %d\n", size, live, allocated, freed, peak);
}

/* All of the calls that allocate. */
static void *any_way(int number, size_t size) {
    void *block = NULL;
    switch (number % 5) {
    case 0: return malloc(size);
    case 1: return calloc(2, size / 2);
    case 2: return aligned_alloc(64, size);
    case 3: return realloc(NULL, size);
    default: CHECK(posix_memalign(&block, 16, size) == 0); return block;
    }
}

static void one_after_the_other(void) {
    static void *blocks[1100];
    for (int i = 0; i < 1000; i++) {
        CHECK((blocks[i] = any_way(i, 3072)) != NULL);
    }
    for (int i = 0; i < 400; i++) {
        free(blocks[i]);
    }
    for (int i = 1000; i < 1100; i++) {
        CHECK((blocks[i] = any_way(i, 3072)) != NULL);
    }
    tell(malloc_usable_size(blocks[1000]), 700, 1100, 400, 1000);
}

enum { THREADS = 4, EACH = 500 };
static pthread_barrier_t all_are_live;
static void *of_threads[THREADS][EACH];

static void *allocate_and_free(void *number) {
    /* Each frees what another one allocated. */
    int own = (int)(uintptr_t)number, other = (own + 1) % THREADS;
    for (int i = 0; i < EACH; i++) {
        of_threads[own][i] = malloc(9000);
    }
    pthread_barrier_wait(&all_are_live);
    for (int i = 0; i < EACH / 2; i++) {
        free(of_threads[other][i]);
    }
    return NULL;
}

static void many_at_once(void) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&all_are_live, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, allocate_and_free, (void *)i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    int all = THREADS * EACH;
    tell(malloc_usable_size(of_threads[0][EACH - 1]), all / 2, all, all / 2, all);
}

static void resized(void) {
    char *block = malloc(20000);
    size_t before = malloc_usable_size(block);
    CHECK(realloc(block, 19000) == block);
    CHECK((block = realloc(block, 30000)) != NULL);
    tell(before, 0, 1, 1, 1);
    tell(malloc_usable_size(block), 1, 1, 0, 1);
}

static void large(void) {
    char *blocks[3];
    for (int i = 0; i < 3; i++) {
        CHECK((blocks[i] = malloc(1 << 20)) != NULL);
    }
    /* As long as it was, though the program asks for less. */
    CHECK(realloc(blocks[0], (1 << 20) - 1) == blocks[0]);
    CHECK((blocks[0] = realloc(blocks[0], 2 << 20)) != NULL);
    /* No room: nothing happens. */
    CHECK(realloc(blocks[1], (size_t)1 << 60) == NULL);
    free(blocks[1]);
    tell(0, 2, 4, 2, 3);
}

int main(void) {
    start();
    one_after_the_other();
    many_at_once();
    resized();
    large();
    return 0;
}
