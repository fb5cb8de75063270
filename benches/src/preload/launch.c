// Runs a command with a library preloaded and prints what it took:
//
//   launch LIBRARY SECONDS OUTPUT COMMAND...
//   -> nanoseconds by the wall's clock, microseconds of processor time, KiB at the
//      peak, wait status
//
// A program of its own because it must be small: the kernel counts a child's peak
// memory from what its parent had when it was forked. What the command prints goes
// to the file OUTPUT. After SECONDS the command is killed, and at its end whatever
// it has left running.

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t child;

static void kill_all(int signal) {
    (void)signal;
    kill(-child, SIGKILL);
}

static void run(const char *library, const char *output, char **command) {
    int file = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    setpgid(0, 0);
    setenv("LD_PRELOAD", library, 1);
    if (file >= 0 && dup2(file, 1) == 1 && dup2(file, 2) == 2) execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

static long long nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(struct timeval time) {
    return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char **argv) {
    struct rusage used;
    int status;
    if (argc < 5) return 2;
    long long start = nanoseconds();
    child = fork();
    if (child == 0) run(argv[1], argv[3], argv + 4);
    setpgid(child, child);
    signal(SIGALRM, kill_all);
    alarm((unsigned)atoi(argv[2]));
    while (wait4(child, &status, 0, &used) < 0) {}
    long long wall = nanoseconds() - start;
    kill_all(0);
    printf("%lld %lld %ld %d\n", wall, microseconds(used.ru_utime) + microseconds(used.ru_stime),
           used.ru_maxrss, status);
    return 0;
}
