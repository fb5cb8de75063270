/* Signal handlers that allocate, against all rules, and free what they got:
 * nothing hangs, nothing breaks. */
#include "check.h"
#include <pthread.h>
#include <signal.h>

static int came, stop;

static void handle(int signal) {
    (void)signal;
    void *blocks[8];
    for (int i = 0; i < 8; i++) {
        blocks[i] = malloc(40 * i + 8);
        fill(blocks[i], 40 * i + 8, i);
    }
    for (int i = 7; i >= 0; i--) {
        CHECK(is_filled(blocks[i], 40 * i + 8, i));
        free(blocks[i]);
    }
    void *large = malloc(200000);
    free(large);
    __atomic_fetch_add(&came, 1, __ATOMIC_RELAXED);
}

static void *disturb(void *thread) {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
        /* One at a time, so that the other gets on. */
        int seen = __atomic_load_n(&came, __ATOMIC_RELAXED);
        for (int i = 0; i < 10000 && __atomic_load_n(&came, __ATOMIC_RELAXED) == seen; i++) {
            sched_yield();
        }
    }
    return NULL;
}

int main(void) {
    start();
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t self = pthread_self(), other;
    CHECK(pthread_create(&other, NULL, disturb, &self) == 0);
    for (uint32_t turn = 0; turn < 50 || __atomic_load_n(&came, __ATOMIC_RELAXED) < 2000; turn++) {
        churn(turn, 2000);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(other, NULL);
    return 0;
}
