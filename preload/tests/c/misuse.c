/* What a program can do wrong with a block: `misuse CASE bad` does, `misuse CASE
 * good` does the same right, and ends well. */
#include "check.h"
#include <pthread.h>

static int bad;

static void double_free(void) {
    char *block = malloc(100);
    free(block);
    if (bad) free(block);
}

/* Others come in between, as they do in a program. */
static void late_double_free(void) {
    char *block = malloc(100);
    free(block);
    char *others[50];
    for (int i = 0; i < 50; i++) others[i] = malloc(300);
    for (int i = 0; i < 50; i++) free(others[i]);
    if (bad) free(block);
}

static void *free_it(void *block) {
    free(block);
    return NULL;
}

static void other_thread(void) {
    char *block = malloc(100);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_it, block) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    if (bad) free(block);
}

static void large_double_free(void) {
    char *block = malloc(300000);
    free(block);
    if (bad) free(block);
}

static void after_realloc(void) {
    char *block = malloc(100);
    char *moved = realloc(block, 5000);
    CHECK(moved != NULL && moved != block);
    free(bad ? block : moved);
}

static void realloc_after_free(void) {
    char *block = malloc(100);
    if (bad) free(block);
    block = realloc(block, 5000);
    free(block);
}

/* The end of a text: the byte that is most often one too many. */
static void one_byte(void) {
    char *block = malloc(13);
    memset(block, 'x', 13);
    block[bad ? 13 : 12] = 0;
    free(block);
}

static void every_size(void) {
    for (size_t size = 0; size < 3000; size++) {
        char *block = malloc(size);
        memset(block, 'x', size);
        if (bad && size == 2999) block[size] ^= 1;
        free(block);
    }
}

static void into_the_next(void) {
    char *block = malloc(24);
    char *next = malloc(24);
    memset(block, 'x', bad ? 64 : 24);
    free(block);
    free(next);
}

static void shrunk(void) {
    char *block = malloc(100);
    CHECK(realloc(block, 97) == block);
    block[bad ? 97 : 96] = 'x';
    free(block);
}

static void resized(void) {
    char *block = malloc(50);
    block[bad ? 50 : 49] = 'x';
    block = realloc(block, 1000);
    free(block);
}

static void aligned(void) {
    void *block;
    CHECK(posix_memalign(&block, 4096, 100) == 0);
    ((char *)block)[bad ? 100 : 99] = 'x';
    free(block);
}

static void inside(void) {
    char *block = malloc(100);
    free(bad ? block + 16 : block);
}

static void stack(void) {
    char place[32];
    char *volatile block = place;
    if (bad) free(block);
}

static void wild(void) {
    char *volatile block = (char *)(uintptr_t)0x123456780;
    if (bad) free(block);
}

static void large_one_byte(void) {
    char *block = malloc(300001);
    block[bad ? 300001 : 300000] = 'x';
    free(block);
}

static void large_far(void) {
    char *volatile block = malloc(300001);
    memset(block, 'x', bad ? 300001 + 2 * (size_t)getpagesize() : 300001);
    free(block);
}

/* The guard moves with the end, and leaves nothing behind. */
static void large_resized(void) {
    char *volatile block = malloc(300000);
    for (size_t size = 400000; size < 4000000; size += 450000) {
        block = realloc(block, size);
        memset(block, 'x', size);
    }
    block = realloc(block, 100000);
    memset(block, 'x', bad ? 100000 + 2 * (size_t)getpagesize() : 100000);
    free(block);
    for (int i = 0; i < 100; i++) {
        char *again = malloc(50000 * (size_t)(i % 9 + 1));
        memset(again, 'x', 50000 * (size_t)(i % 9 + 1));
        free(again);
    }
}

/* Says where blocks are, counted from the first. */
static void order(void) {
    char *first = malloc(40);
    for (int i = 0; i < 40; i++) printf("%td\n", (char *)malloc(40) - first);
}

static const struct {
    const char *name;
    void (*call)(void);
} cases[] = {
    {"double_free", double_free},       {"late_double_free", late_double_free},
    {"other_thread", other_thread},     {"large_double_free", large_double_free},
    {"after_realloc", after_realloc},   {"realloc_after_free", realloc_after_free},
    {"one_byte", one_byte},             {"every_size", every_size},
    {"into_the_next", into_the_next},   {"shrunk", shrunk},
    {"resized", resized},               {"aligned", aligned},
    {"inside", inside},                 {"stack", stack},
    {"wild", wild},                     {"large_one_byte", large_one_byte},
    {"large_far", large_far},           {"large_resized", large_resized},
    {"order", order},
};

int main(int argc, char **argv) {
    start();
    CHECK(argc == 3);
    bad = strcmp(argv[2], "bad") == 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            cases[i].call();
            return 0;
        }
    }
    fprintf(stderr, "there is no case %s\n", argv[1]);
    return 2;
}
