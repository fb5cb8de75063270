/* The functions about the heap as a whole. */
#include "check.h"
#include <errno.h>
#include <malloc.h>

int main(void) {
    start();
    enum { MANY = 20000 };
    static char *blocks[MANY];
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < MANY; i++) {
        blocks[i] = malloc(1000);
        fill(blocks[i], 1000, i);
    }
    char *large = malloc(10 << 20);
    memset(large, 1, 10 << 20);
    struct mallinfo2 full = mallinfo2();
    CHECK(full.uordblks >= before.uordblks + MANY * 1000 + (10 << 20));
    CHECK(full.arena >= full.uordblks && full.fordblks == full.arena - full.uordblks);
    CHECK(full.hblks >= before.hblks + 1 && full.hblkhd >= before.hblkhd + (10 << 20));
    for (int i = 0; i < MANY; i++) {
        free(blocks[i]);
    }
    free(large);
    CHECK(malloc_trim(0) == 1);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks < before.uordblks + 5000);
    CHECK(after.arena < before.arena + (2 << 20));
    CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);

    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    CHECK(malloc_info(0, stream) == 0);
    errno = 0;
    CHECK(malloc_info(1, stream) == -1 && errno == EINVAL);
    fclose(stream);
    CHECK(strstr(text, "<malloc version=") == text && strstr(text, "</malloc>") != NULL);
    free(text);
    malloc_stats();
    return 0;
}
