/* The library itself is loaded late, by a program with another heap. */
#include "check.h"

#include <pthread.h>

#include "anymem.h"

static const char *path;

static void *use_it(void *unused) {
    (void)unused;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
    }
    CHECK(library != NULL);
    __typeof__(&anymem_create_memory_file) create = dlsym(library, "anymem_create_memory_file");
    __typeof__(&anymem_allocate) allocate = dlsym(library, "anymem_allocate");
    __typeof__(&anymem_close) close = dlsym(library, "anymem_close");
    void *(*its_malloc)(size_t) = dlsym(library, "malloc");
    void (*its_free)(void *) = dlsym(library, "free");
    CHECK(its_malloc != malloc && its_free != free);
    anymem_heap *heap;
    anymem_offset at;
    CHECK(create("late", 4 << 20, &heap) == ANYMEM_OK);
    CHECK(allocate(heap, 100, 0, &at) == ANYMEM_OK);
    CHECK(close(heap) == ANYMEM_OK);
    for (size_t size = 1; size < 100000; size *= 3) {
        char *block = its_malloc(size), *other = malloc(size);
        CHECK(block != NULL && other != NULL);
        memset(block, 1, size);
        memset(other, 2, size);
        CHECK(block[size - 1] == 1);
        its_free(block);
        free(other);
    }
    CHECK(dlclose(library) == 0);
    return NULL;
}

int main(int argc, char **argv) {
    alarm(400);
    CHECK(argc == 2);
    path = argv[1];
    for (int round = 0; round < 20; round++) {
        use_it(NULL);
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, use_it, NULL) == 0);
        pthread_join(thread, NULL);
    }
    return 0;
}
