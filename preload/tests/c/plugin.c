/* A library that is loaded late. */
#include "check.h"

static __thread char own[200];
static char *kept;

__attribute__((constructor)) static void begin(void) {
    kept = malloc(500);
    fill(kept, 500, 8);
}

__attribute__((destructor)) static void end(void) {
    CHECK(is_filled(kept, 500, 8));
    free(kept);
}

char *hand_over(size_t size) {
    own[0] = 1;
    char *block = malloc(size);
    fill(block, size, size);
    return block;
}
