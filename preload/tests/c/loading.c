/* Libraries that come and go; the first argument names one. */
#include "check.h"
#include <pthread.h>

static const char *path;

static void *load(void *seed) {
    for (int round = 0; round < 200; round++) {
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        CHECK(library != NULL);
        char *(*hand_over)(size_t) = (char *(*)(size_t))dlsym(library, "hand_over");
        CHECK(hand_over != NULL);
        char *block = hand_over(100 + round);
        CHECK(dlsym(library, "no such function") == NULL && dlerror() != NULL);
        CHECK(dlclose(library) == 0);
        CHECK(dlopen("no such library", RTLD_NOW) == NULL && dlerror() != NULL);
        CHECK(is_filled(block, 100 + round, 100 + round));
        free(block);
        churn((uint32_t)(uintptr_t)seed + round, 100);
    }
    return NULL;
}

int main(int argc, char **argv) {
    start();
    CHECK(argc == 2);
    path = argv[1];
    load(NULL);
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++) {
        CHECK(pthread_create(&threads[i], NULL, load, (void *)i) == 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}
