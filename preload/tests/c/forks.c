/* fork and vfork, from one thread and from many. */
#include "check.h"
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

static int stop;

static void *disturb(void *seed) {
    for (uint32_t turn = (uint32_t)(uintptr_t)seed; !__atomic_load_n(&stop, __ATOMIC_RELAXED); turn++) {
        churn(turn, 300);
    }
    return NULL;
}

static void ended_well(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

static void *use_it(void *seed) {
    churn((uint32_t)(uintptr_t)seed, 2000);
    return NULL;
}

static void child(char **kept, int depth) {
    alarm(400);
    for (int i = 0; i < 500; i++) {
        CHECK(is_filled(kept[i], 300, i));
        free(kept[i]);
    }
    churn(depth + 7, 3000);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, use_it, NULL) == 0);
    pthread_join(thread, NULL);
    if (depth < 2) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            churn(depth, 1000);
            _exit(0);
        }
        ended_well(grandchild);
    }
    exit(0);
}

static void forks(int rounds) {
    for (int round = 0; round < rounds; round++) {
        char *kept[500];
        for (int i = 0; i < 500; i++) {
            kept[i] = malloc(300);
            fill(kept[i], 300, i);
        }
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            child(kept, round % 3);
        }
        churn(round, 2000);
        for (int i = 0; i < 500; i++) {
            CHECK(is_filled(kept[i], 300, i));
            free(kept[i]);
        }
        ended_well(pid);
    }
}

static void start_by_vfork(void) {
    pid_t pid = vfork();
    if (pid == 0) {
        execl("/bin/true", "true", NULL);
        _exit(1);
    }
    ended_well(pid);
}

static void starts(int rounds) {
    for (int round = 0; round < rounds; round++) {
        pid_t pid;
        start_by_vfork();
        char *arguments[] = {"true", NULL};
        CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ) == 0);
        ended_well(pid);
        CHECK(system("exit 0") == 0);
        churn(round, 1000);
    }
}

int main(void) {
    start();
    forks(20);
    starts(10);
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++) {
        CHECK(pthread_create(&threads[i], NULL, disturb, (void *)(i * 1000)) == 0);
    }
    forks(30);
    starts(20);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}
