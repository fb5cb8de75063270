// Binary trees: a large one that stays, and many small ones built and torn down.
// The second argument "threads" does it on every processor at once.
#include "common.h"

enum { STAYING = 18, TREES = 1000, DEPTH = 10 };

typedef struct node { struct node *left, *right; } node;

static size_t trees;

static node *grow(int depth) {
    node *root = (node *)must(malloc(sizeof(node)));
    root->left = depth ? grow(depth - 1) : NULL;
    root->right = depth ? grow(depth - 1) : NULL;
    return root;
}

// Frees the tree and returns the number of its nodes.
static uintptr_t fell(node *root) {
    uintptr_t count = 1;
    if (root->left) count += fell(root->left);
    if (root->right) count += fell(root->right);
    free(root);
    return count;
}

static void *forest(void *argument) {
    (void)argument;
    node *staying = grow(STAYING);
    uintptr_t count = 0;
    for (size_t tree = 0; tree < trees; tree++) count += fell(grow(DEPTH + (int)(tree % 4)));
    return (void *)(count + fell(staying));
}

int main(int argc, char **argv) {
    pthread_t running[MOST_THREADS];
    trees = share_of(TREES, argc, argv);
    int forests = argc > 2 ? threads() : 1;
    for (int i = 0; i < forests; i++) running[i] = start(forest, NULL);
    uintptr_t count = 0;
    for (int i = 0; i < forests; i++) count += (uintptr_t)finish(running[i]);
    printf("%zu\n", (size_t)count);
}
