/* Blocks are as long, as aligned and as much one's own as was asked for. */
#include "check.h"
#include <malloc.h>

extern void free_sized(void *block, size_t size);
extern void free_aligned_sized(void *block, size_t align, size_t size);

static int is_aligned(const void *block, size_t align) {
    return (uintptr_t)block % align == 0;
}

static void check_block(void *block, size_t size, size_t align) {
    CHECK(block != NULL && is_aligned(block, align) && is_aligned(block, 16));
    size_t usable = malloc_usable_size(block);
    CHECK(usable >= size);
    fill(block, usable, size);
    CHECK(is_filled(block, usable, size));
}

static void alignments(void) {
    size_t sizes[] = {0, 1, 15, 16, 17, 100, 1000, 1025, 4096, 10000, 65536, 65537, 1000000};
    for (size_t align = 1; align <= (size_t)1 << 22; align *= 2) {
        for (int i = 0; i < 13; i++) {
            void *block = NULL;
            if (align >= sizeof(void *)) {
                CHECK(posix_memalign(&block, align, sizes[i]) == 0);
                check_block(block, sizes[i], align);
                free(block);
            }
            void *other = aligned_alloc(align, sizes[i]);
            check_block(other, sizes[i], align);
            other = realloc(other, sizes[i] + 3000);
            CHECK(is_filled(other, sizes[i], sizes[i]));
            free_aligned_sized(other, align, sizes[i] + 3000);
            check_block(block = memalign(align, sizes[i]), sizes[i], align);
            free(block);
        }
    }
    void *block = valloc(100);
    check_block(block, 100, (size_t)getpagesize());
    free(block);
    block = pvalloc(getpagesize() + 1);
    check_block(block, 2 * (size_t)getpagesize(), (size_t)getpagesize());
    free(block);
}

/* Every size up to some KiB, then larger ones; all alive at the same time. */
static void sizes(void) {
    enum { MANY = 6000 };
    static char *blocks[MANY];
    for (size_t i = 0; i < MANY; i++) {
        size_t size = i < 4000 ? i : i * 7;
        blocks[i] = malloc(size);
        CHECK(blocks[i] != NULL && is_aligned(blocks[i], 16));
        fill(blocks[i], size, i);
    }
    for (size_t i = 0; i < MANY; i++) {
        size_t size = i < 4000 ? i : i * 7;
        CHECK(malloc_usable_size(blocks[i]) >= size);
        CHECK(is_filled(blocks[i], size, i));
        free_sized(blocks[i], size);
    }
    CHECK(malloc_usable_size(NULL) == 0);
}

/* Contents survive every change of size, and freed blocks come back zeroed. */
static void contents(void) {
    size_t steps[] = {1, 10, 16, 24, 100, 90, 1000, 5000, 4000, 70000, 60000, 66000,
                      1000000, 3000000, 2000000, 100000, 200, 20, 1};
    for (int from = 0; from < 19; from++) {
        for (int to = 0; to < 19; to++) {
            char *block = realloc(NULL, steps[from]);
            fill(block, steps[from], from);
            block = reallocarray(block, steps[to], 1);
            size_t kept = steps[from] < steps[to] ? steps[from] : steps[to];
            CHECK(block != NULL && malloc_usable_size(block) >= steps[to]);
            CHECK(is_filled(block, kept, from));
            fill(block, steps[to], to);
            free(block);
            char *zeroed = calloc(steps[to], 1);
            for (size_t i = 0; i < steps[to]; i++) {
                CHECK(zeroed[i] == 0);
            }
            free(zeroed);
        }
    }
    char *grown = NULL;
    for (size_t size = 1; size < 200000; size += 1 + size / 50) {
        grown = realloc(grown, size);
        grown[size - 1] = (char)size;
        CHECK(size < 100 || grown[0] == 1);
    }
    CHECK(realloc(grown, 0) == NULL);
}

int main(void) {
    start();
    void *empty = malloc(0), *other = malloc(0);
    CHECK(empty != NULL && other != NULL && empty != other);
    free(empty);
    free(other);
    alignments();
    sizes();
    contents();
    churn(1, 100000);
    return 0;
}
