/* Writes profiles when asked to: to the file that is named first, before and
   after a block was allocated, and in a forked child. */
#include "check.h"
#include "anymem.h"
#include <sys/wait.h>

static void *volatile kept;

int main(int argc, char **argv) {
    start();
    CHECK(argc == 2);
    if (getenv("ANYMEM_PROFILE") == NULL) {
        CHECK(anymem_profile_write(argv[1]) == ANYMEM_MISSING);
        CHECK(strstr(anymem_last_error(), "ANYMEM_PROFILE") != NULL);
        return 0;
    }
    CHECK(anymem_profile_write(NULL) == ANYMEM_INVALID);
    CHECK(anymem_profile_write("/nonexistent/profile") == ANYMEM_SYSTEM);
    kept = malloc(1234567);
    CHECK(anymem_profile_write(argv[1]) == ANYMEM_OK);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        free(kept);
        kept = malloc(7654321);
        exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    printf("%d\n", (int)child);
    CHECK(chdir("/") == 0);
    return 0;
}
