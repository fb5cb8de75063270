// Zeroed tables of 4 KiB to 1 MiB of which little is ever touched.
#include "common.h"

enum { LIVE = 64, STEPS = 40000, SPARSE = 16 << 10 };

int main(int argc, char **argv) {
    static unsigned char *live[LIVE];
    rng random = {10};
    size_t touched = 0;
    for (size_t step = share_of(STEPS, argc, argv); step; step--) {
        unsigned char **chosen = &live[rng_below(&random, LIVE)];
        size_t size = rng_size(&random, 12, 20);
        free(*chosen);
        *chosen = (unsigned char *)must(calloc(size / 8, 8));
        for (size_t at = rng_below(&random, 4096); at < size / 8 * 8; at += SPARSE) {
            if ((*chosen)[at]++) fail("a table is not zeroed");
            touched++;
        }
    }
    for (int slot = 0; slot < LIVE; slot++) free(live[slot]);
    printf("%zu\n", touched);
}
