/* Two processes share a heap through anymem.h. */
#include "anymem.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,     \
                    anymem_last_error());                                           \
            _exit(1);                                                               \
        }                                                                           \
    } while (0)

/* A list that both processes extend; the links are offsets. */
struct list {
    _Atomic anymem_offset first;
    _Atomic size_t length;
};

struct element {
    anymem_offset next;
    long number;
};

static const char TYPE[] = "list of numbers, 1";

static void push(anymem_heap *heap, struct list *list, long number) {
    anymem_offset at;
    CHECK(anymem_allocate(heap, sizeof(struct element), 0, &at) == ANYMEM_OK);
    struct element *element = anymem_pointer(heap, at, sizeof *element);
    CHECK(element != NULL && anymem_offset_of(heap, element) == at);
    CHECK(anymem_usable_size(heap, at) >= sizeof *element);
    element->number = number;
    element->next = atomic_load(&list->first);
    while (!atomic_compare_exchange_weak(&list->first, &element->next, at)) {
    }
    atomic_fetch_add(&list->length, 1);
}

static struct list *find(anymem_heap *heap) {
    anymem_offset at;
    CHECK(anymem_find(heap, "list", TYPE, sizeof(struct list), &at) == ANYMEM_OK);
    return anymem_pointer(heap, at, sizeof(struct list));
}

static int peer(const char *name) {
    anymem_heap *heap;
    CHECK(anymem_open(name, &heap) == ANYMEM_OK);
    struct list *list = find(heap);
    for (long number = 0; number < 10000; number++) {
        push(heap, list, -number);
    }
    CHECK(anymem_close(heap) == ANYMEM_OK);
    return 0;
}

static void errors(const char *name, anymem_heap *heap, anymem_offset root) {
    anymem_heap *other = NULL;
    anymem_offset at = 0;
    CHECK(anymem_create(name, 1 << 20, &other) == ANYMEM_EXISTS);
    CHECK(strstr(anymem_last_error(), name) != NULL);
    CHECK(anymem_open("there is none", &other) == ANYMEM_MISSING);
    CHECK(anymem_open("a/b", &other) == ANYMEM_INVALID);
    CHECK(anymem_open(NULL, &other) == ANYMEM_INVALID && anymem_open(name, NULL) == ANYMEM_INVALID);
    CHECK(anymem_create("no bytes", 0, &other) == ANYMEM_INVALID && other == NULL);
    CHECK(anymem_attach(-1, &other) == ANYMEM_INVALID);
    CHECK(anymem_attach(0, &other) != ANYMEM_OK);
    CHECK(anymem_allocate(heap, (size_t)1 << 40, 0, &at) == ANYMEM_FULL && at == 0);
    CHECK(anymem_allocate(heap, 8, 24, &at) == ANYMEM_INVALID);
    CHECK(anymem_allocate(heap, 8, 0, NULL) == ANYMEM_INVALID);
    CHECK(anymem_allocate(NULL, 8, 0, &at) == ANYMEM_INVALID);
    CHECK(anymem_free(heap, (anymem_offset)1 << 40) == ANYMEM_NOT_A_BLOCK);
    CHECK(anymem_pointer(heap, (anymem_offset)1 << 40, 1) == NULL);
    CHECK(anymem_pointer(heap, 0, 1) == NULL && anymem_free(heap, 0) == ANYMEM_OK);
    CHECK(anymem_offset_of(heap, &other) == 0);
    CHECK(anymem_find(heap, "list", "something else", sizeof(struct list), &at) == ANYMEM_OTHER_TYPE);
    CHECK(anymem_find(heap, "list", TYPE, 1, &at) == ANYMEM_OTHER_TYPE);
    CHECK(anymem_find(heap, "missing", TYPE, 1, &at) == ANYMEM_MISSING);
    CHECK(anymem_bind(heap, "list", TYPE, sizeof(struct list), root) == ANYMEM_EXISTS);
    CHECK(anymem_bind(heap, "", TYPE, 1, root) == ANYMEM_INVALID);
    CHECK(anymem_open_read_only(name, &other) == ANYMEM_OK && anymem_close(other) == ANYMEM_OK);
    for (int status = ANYMEM_OK; status <= ANYMEM_SYSTEM; status++) {
        CHECK(strlen(anymem_status_text(status)) > 5);
    }
    CHECK(strcmp(anymem_status_text(999), "no such status") == 0);
}

static void *push_many(void *heap) {
    struct list *list = find(heap);
    for (long number = 0; number < 10000; number++) {
        push(heap, list, number);
    }
    return NULL;
}

static void memory_file(void) {
    anymem_heap *heap, *same;
    anymem_offset at;
    CHECK(anymem_create_memory_file("test", 8 << 20, &heap) == ANYMEM_OK);
    CHECK(anymem_attach(anymem_file(heap), &same) == ANYMEM_OK);
    CHECK(anymem_allocate(heap, 100, 64, &at) == ANYMEM_OK);
    CHECK(anymem_pointer(heap, at, 100) == anymem_pointer(same, at, 100));
    CHECK(anymem_close(same) == ANYMEM_OK);
    CHECK(anymem_free(heap, at) == ANYMEM_OK);
    CHECK(anymem_close(heap) == ANYMEM_OK && anymem_close(NULL) == ANYMEM_OK);
    CHECK(anymem_file(NULL) == -1);
}

int main(int argc, char **argv) {
    alarm(400);
    if (argc == 3) {
        return peer(argv[2]);
    }
    char name[100];
    snprintf(name, sizeof name, "test.c.%d", (int)getpid());
    anymem_heap *heap;
    anymem_offset root;
    CHECK(anymem_create(name, 16 << 20, &heap) == ANYMEM_OK);
    CHECK(anymem_allocate(heap, sizeof(struct list), 0, &root) == ANYMEM_OK);
    struct list *list = anymem_pointer(heap, root, sizeof *list);
    memset(list, 0, sizeof *list);
    CHECK(anymem_bind(heap, "list", TYPE, sizeof *list, root) == ANYMEM_OK);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "sharing", "peer", name, NULL);
        _exit(1);
    }
    pthread_t thread;
    pthread_create(&thread, NULL, push_many, heap);
    push_many(heap);
    pthread_join(thread, NULL);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    errors(name, heap, root);

    CHECK(list->length == 30000);
    long sum = 0, count = 0;
    for (anymem_offset at = list->first, next; at != 0; at = next, count++) {
        struct element *element = anymem_pointer(heap, at, sizeof *element);
        sum += element->number;
        next = element->next;
        CHECK(anymem_free(heap, at) == ANYMEM_OK);
    }
    CHECK(count == 30000 && sum == 9999L * 10000 / 2);
    anymem_offset unbound;
    CHECK(anymem_unbind(heap, "list", TYPE, sizeof *list, &unbound) == ANYMEM_OK && unbound == root);
    CHECK(anymem_free(heap, root) == ANYMEM_OK);
    struct anymem_stats stats;
    CHECK(anymem_count(heap, &stats) == ANYMEM_OK);
    CHECK(stats.live_blocks == 0 && stats.live == 0 && stats.double_frees == 0);
    CHECK(stats.reserved == 16 << 20 && stats.committed <= stats.reserved);
    anymem_recover(heap);
    CHECK(anymem_unlink(name) == ANYMEM_OK && anymem_unlink(name) == ANYMEM_MISSING);
    CHECK(anymem_close(heap) == ANYMEM_OK);
    memory_file();
    return 0;
}
