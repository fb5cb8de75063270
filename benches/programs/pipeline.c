// Producers hand batches of messages to consumers over bounded queues: one side
// only allocates, the other only frees.
#include "common.h"

enum { BATCH = 128, ROOM = 16, BATCHES = 30000 };

typedef struct { block messages[BATCH]; } batch;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    batch *waiting[ROOM];
    size_t put, taken, batches;
} queue;

static void queue_put(queue *queue, batch *sent) {
    pthread_mutex_lock(&queue->lock);
    while (queue->put - queue->taken == ROOM) pthread_cond_wait(&queue->changed, &queue->lock);
    queue->waiting[queue->put++ % ROOM] = sent;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

static batch *queue_take(queue *queue) {
    pthread_mutex_lock(&queue->lock);
    while (queue->put == queue->taken) pthread_cond_wait(&queue->changed, &queue->lock);
    batch *received = queue->waiting[queue->taken++ % ROOM];
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return received;
}

static void *produce(void *argument) {
    queue *out = (queue *)argument;
    rng random = {3};
    for (size_t sent = 0; sent < out->batches; sent++) {
        batch *made = (batch *)must(malloc(sizeof(batch)));
        for (int i = 0; i < BATCH; i++) made->messages[i] = block_new(rng_size(&random, 5, 10));
        queue_put(out, made);
    }
    return NULL;
}

static void *consume(void *argument) {
    queue *in = (queue *)argument;
    for (size_t received = 0; received < in->batches; received++) {
        batch *full = queue_take(in);
        for (int i = 0; i < BATCH; i++) block_drop(full->messages[i]);
        free(full);
    }
    return NULL;
}

int main(int argc, char **argv) {
    static queue queues[MOST_THREADS];
    pthread_t running[MOST_THREADS];
    int pairs = threads() / 2;
    for (int i = 0; i < pairs; i++) {
        pthread_mutex_init(&queues[i].lock, NULL);
        pthread_cond_init(&queues[i].changed, NULL);
        queues[i].batches = share_of(BATCHES, argc, argv);
        running[2 * i] = start(produce, &queues[i]);
        running[2 * i + 1] = start(consume, &queues[i]);
    }
    for (int i = 0; i < 2 * pairs; i++) finish(running[i]);
    printf("%zu\n", queues[0].taken);
}
