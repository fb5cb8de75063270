// Starts itself over and over; each time it allocates a megabyte in small blocks
// and ends. What it costs to begin, in time and in memory.
#include "common.h"

#include <spawn.h>
#include <sys/wait.h>

enum { STARTS = 150, BYTES = 1 << 20 };

extern char **environ;

static int little_work(void) {
    rng random = {9};
    for (size_t bytes = 0; bytes < BYTES;) {
        block made = block_new(rng_size(&random, 4, 11));
        memset(made.bytes, 1, made.size);
        bytes += made.size;
    }
    return 0;
}

static void start_once(char *self) {
    char *arguments[] = {self, (char *)"0", (char *)"once", NULL};
    pid_t child;
    int status;
    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ)) fail("no start");
    if (waitpid(child, &status, 0) != child || status) fail("a start failed");
}

int main(int argc, char **argv) {
    if (argc > 2) return little_work();
    size_t starts = share_of(STARTS, argc, argv);
    for (size_t i = 0; i < starts; i++) start_once(argv[0]);
    printf("%zu\n", starts);
}
