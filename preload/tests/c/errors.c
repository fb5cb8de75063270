/* What is answered where there is no room or no sense, and what errno is. */
#include "check.h"
#include <errno.h>
#include <malloc.h>

/* Hides sizes from the compiler, which knows what they lead to. */
static volatile size_t huge = SIZE_MAX / 2 - 100;

static void *try_posix(size_t align, size_t size, int wanted) {
    void *block = NULL;
    errno = 77;
    CHECK(posix_memalign(&block, align, size) == wanted);
    CHECK(errno == 77);
    return block;
}

#define NO_MEMORY(call)         \
    do {                        \
        errno = 0;              \
        CHECK((call) == NULL);  \
        CHECK(errno == ENOMEM); \
    } while (0)

#define NO_SENSE(call)          \
    do {                        \
        errno = 0;              \
        CHECK((call) == NULL);  \
        CHECK(errno == EINVAL); \
    } while (0)

int main(void) {
    start();
    char *kept = malloc(100);
    fill(kept, 100, 5);

    size_t sizes[] = {huge, SIZE_MAX, SIZE_MAX - 15, (size_t)1 << 62};
    for (int i = 0; i < 4; i++) {
        volatile size_t size = sizes[i];
        NO_MEMORY(malloc(size));
        NO_MEMORY(calloc(size, 1));
        NO_MEMORY(realloc(kept, size));
        NO_MEMORY(aligned_alloc(64, size));
        NO_MEMORY(memalign(4096, size));
        NO_MEMORY(valloc(size));
        NO_MEMORY(pvalloc(size));
        CHECK(try_posix(64, size, ENOMEM) == NULL);
    }
    NO_MEMORY(calloc(huge, 3));
    NO_MEMORY(reallocarray(kept, huge, 3));
    CHECK(is_filled(kept, 100, 5));

    NO_SENSE(aligned_alloc(48, 100));
    NO_SENSE(aligned_alloc(0, 100));
    CHECK(try_posix(3, 100, EINVAL) == NULL);
    CHECK(try_posix(sizeof(void *) / 2, 100, EINVAL) == NULL);
    CHECK(try_posix(0, 100, EINVAL) == NULL);
    free(try_posix(64, 100, 0));

    /* Freeing changes nothing, whichever way it goes. */
    void *blocks[5000];
    size_t of[] = {1, 100, 5000, 70000, 3000000};
    for (int kind = 0; kind < 5; kind++) {
        int count = kind < 4 ? 5000 : 20;
        for (int i = 0; i < count; i++) {
            CHECK((blocks[i] = malloc(of[kind])) != NULL);
        }
        for (int i = 0; i < count; i++) {
            errno = 123 + kind;
            free(blocks[i]);
            CHECK(errno == 123 + kind);
        }
    }
    errno = 9;
    free(NULL);
    free(kept);
    CHECK(errno == 9);
    return 0;
}
