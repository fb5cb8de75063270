/* A heap that is full says so, as often as it is asked, and goes on. */
#include "check.h"
#include <errno.h>

int main(int argc, char **argv) {
    start();
    CHECK(argc == 2);
    size_t size = strtoul(argv[1], NULL, 10);
    for (int round = 0; round < 3; round++) {
        void **list = NULL;
        size_t count = 0;
        for (;;) {
            void **block = malloc(size);
            if (block == NULL) {
                break;
            }
            memset(block, 1, size);
            block[0] = list;
            list = block;
            count++;
        }
        CHECK(errno == ENOMEM && count * size > 4 << 20);
        CHECK(calloc(1, size) == NULL && realloc(NULL, size) == NULL);
        while (list != NULL) {
            void **next = list[0];
            free(list);
            list = next;
        }
        churn(round, 10000);
    }
    return 0;
}
