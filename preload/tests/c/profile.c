/* Allocates in functions of its own, and says where these are and what they
   allocated and kept: first and last address, blocks allocated, bytes allocated,
   blocks kept, bytes kept. */
#include "check.h"
#include <pthread.h>
#include <sys/wait.h>

/* Its own section tells where a function begins and ends. */
#define SITE(name, ...)                                                    \
    extern char __start_of_##name[], __stop_of_##name[];                   \
    __attribute__((noinline, section("of_" #name))) static void *name(__VA_ARGS__)

/* Keeps a call from becoming a jump, which leaves no trace. */
static void *volatile result;

SITE(small, void) {
    result = malloc(400);
    return result;
}

SITE(zeroed, void) {
    result = calloc(10, 300);
    return result;
}

SITE(aligned, void) {
    result = aligned_alloc(256, 5000);
    return result;
}

SITE(large, void) {
    result = malloc(300000);
    return result;
}

SITE(resized, void *block, size_t size) {
    result = realloc(block, size);
    return result;
}

#define TELL(name, allocated, bytes, kept, bytes_kept)                        \
    printf("%s %p %p %lu %lu %lu %lu\n", #name, (void *)__start_of_##name,    \
           (void *)__stop_of_##name, (unsigned long)(allocated),                 \
           (unsigned long)(bytes), (unsigned long)(kept), (unsigned long)(bytes_kept))

/* Allocates many blocks, and frees all but each third. */
static size_t many(void *(*allocate)(void), size_t count) {
    void **blocks = calloc(count, sizeof *blocks);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        CHECK((blocks[i] = allocate()) != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        if (i % 3 != 0) {
            free(blocks[i]);
        } else {
            kept++;
        }
    }
    free(blocks);
    return kept;
}

static void *many_small(void *count) {
    return (void *)many(small, (size_t)count);
}

enum { THREADS = 4 };

static void in_threads(size_t count) {
    pthread_t threads[THREADS];
    size_t kept = 0;
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, many_small, (void *)count) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *kept_here;
        pthread_join(threads[i], &kept_here);
        kept += (size_t)kept_here;
    }
    TELL(small, 1 + THREADS * count, (1 + THREADS * count) * 400, kept, kept * 400);
}

static void grow(size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        void *block = NULL;
        for (size_t size = 1000; size <= 64000; size *= 4) {
            CHECK((block = resized(block, size)) != NULL);
            bytes += size;
        }
        /* It stays where it is, and the block it was. */
        CHECK(resized(block, 63000) == block);
        CHECK(resized(block, (size_t)1 << 60) == NULL);
        if (i % 2) {
            free(block);
        }
    }
    size_t kept = (count + 1) / 2;
    TELL(resized, count * 4, bytes, kept, kept * 64000);
}

int main(int argc, char **argv) {
    /* The very first block: making the heap for it must not show. */
    free(small());
    start();
    size_t scale = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    in_threads(100 * scale);
    size_t kept = many(zeroed, 300 * scale);
    TELL(zeroed, 300 * scale, 3000 * 300 * scale, kept, 3000 * kept);
    kept = many(aligned, 200 * scale);
    TELL(aligned, 200 * scale, 5000 * 200 * scale, kept, 5000 * kept);
    kept = many(large, 50 * scale);
    TELL(large, 50 * scale, 300000 * 50 * scale, kept, 300000 * kept);
    grow(20 * scale);
    return 0;
}
